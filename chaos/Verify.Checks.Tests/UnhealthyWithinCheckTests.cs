namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class UnhealthyWithinCheckTests
{
    private readonly UnhealthyWithinCheck _check = new(TimeSpan.FromSeconds(2));

    [Test]
    public void A_node_that_owns_up_in_time_is_valid() =>
        Assert.That(CutOff().Told("n1", 11_500, healthy: true).Told("n1", 12_500, healthy: false).Told("n2", 12_500, healthy: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_node_that_calls_itself_healthy_behind_the_cut_is_invalid()
    {
        var finding = CutOff().Told("n1", 12_500, healthy: true).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("n1 says that it is healthy"));
    }

    [Test]
    public void After_the_cut_it_may_be_healthy_again() =>
        Assert.That(CutOff().Told("n1", 13_000, healthy: false).Told("n1", 30_500, healthy: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_node_that_nobody_cut_off_or_asked_proves_nothing()
    {
        Assert.That(new Run().Told("n1", 12_500, healthy: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(CutOff().Told("n1", 11_000, healthy: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    private static Run CutOff() => new Run().Fault("partition", "n1, db1 | n2, n3, db2, db3", 10_000, 30_000);
}
