namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class ReplicasAgreeCheckTests
{
    private readonly ReplicasAgreeCheck _check = new();

    [Test]
    public void Replicas_with_the_primarys_rows_are_valid_also_when_the_last_ones_are_still_on_their_way() =>
        Assert.That(Ended().FinalRows("db1", "a").FinalRows("db3", "a", "b").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_server_that_was_attached_with_rows_of_its_own_is_invalid_and_they_are_named()
    {
        var finding = Ended().FinalRows("db1", "a", "errant").FinalRows("db3", "a", "b").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Is.EqualTo("db1: errant"));
    }

    [Test]
    public void A_server_that_stands_aside_may_have_rows_of_its_own() =>
        Assert.That(Ended().FinalRows("db1", "a", "errant").SetAside("db1").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void Without_the_rows_of_the_primary_nothing_is_proven()
    {
        Assert.That(new Run().Insert(1_000, 1_010, "db1").FinalPrimary(null).FinalRows("db1", "a").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().FinalPrimary(null).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid), "no rows were written");
    }

    private static Run Ended() => new Run().Insert(1_000, 1_010, "db1").FinalPrimary("db2").FinalRows("db2", "a", "b");
}
