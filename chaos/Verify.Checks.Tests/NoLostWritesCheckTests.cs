namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class NoLostWritesCheckTests
{
    private readonly NoLostWritesCheck _check = new();

    [Test]
    public void Every_acknowledged_row_on_the_final_primary_is_valid()
    {
        var finding = new Run().Insert(1, 2, "db1").Insert(3, 4, "db1").Insert(5, 6, "db1", OpOutcome.Unknown).Insert(7, 8, "db1", OpOutcome.Failed)
            .FinalPrimary("db2").FinalRows("db2", "row0", "row1", "row2").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["acked"], Is.EqualTo(2));
    }

    [Test]
    public void A_missing_row_is_invalid_and_listed_even_when_another_server_has_it()
    {
        var finding = new Run().Insert(1, 2, "db1").Insert(3, 4, "db1").FinalPrimary("db2").FinalRows("db2", "row0").FinalRows("db1", "row0", "row1").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["lost"], Is.EqualTo(1));
        Assert.That(finding.Evidence, Does.Contain("row1").And.Not.Contain("row0"));
    }

    [Test]
    public void Without_a_primary_without_its_rows_or_without_acknowledged_rows_it_is_unknown()
    {
        Assert.That(new Run().Insert(1, 2, "db1").FinalRows("db2", "row0").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Insert(1, 2, "db1").FinalPrimary("db2").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Insert(1, 2, "db1", OpOutcome.Unknown).FinalPrimary("db2").FinalRows("db2", "row0").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }
}
