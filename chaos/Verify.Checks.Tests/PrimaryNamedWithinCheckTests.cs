namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class PrimaryNamedWithinCheckTests
{
    private readonly PrimaryNamedWithinCheck _check = new(TimeSpan.FromSeconds(1));

    [Test]
    public void The_old_primary_may_be_named_without_its_lease_and_for_a_moment_with_it() =>
        Assert.That(Changed().Told("n1", 14_500, primary: "db1", leased: true).Told("n1", 16_000, primary: "db1").Told("n2", 16_000, primary: "db2", leased: true)
            .Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_node_that_sends_clients_to_the_old_primary_is_invalid()
    {
        var finding = Changed().Told("n1", 16_000, primary: "db1", leased: true).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("n1 says that db1 is the primary with a lease; db2 is"));
    }

    [Test]
    public void Without_another_primary_or_without_questions_nothing_is_proven()
    {
        Assert.That(Changed().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Opened("db1", 1_000).Told("n1", 16_000, primary: "db1", leased: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    /// <summary>mutants, control of prompt-promotion, seed 19: the majority named its published primary, whose dead-man switch was being armed for the
    /// 5 ms before it was opened, and the check took it for an old one.</summary>
    [Test]
    public void The_next_primary_may_be_named_shortly_before_it_is_opened_and_not_long_before()
    {
        Assert.That(Changed().Told("n3", 13_995, primary: "db2", leased: true).Told("n2", 16_000, primary: "db2", leased: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Changed().Told("n3", 12_500, primary: "db2", leased: true).Told("n2", 16_000, primary: "db2", leased: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    /// <summary>CI of 2026-11-22, control of prompt-promotion, seed 28: after the cut a follower heard at first what had been sent to it 6 s before.</summary>
    [Test]
    public void A_node_that_was_cut_off_has_the_bound_to_catch_up_and_no_longer()
    {
        Run Back(double saysMs) => Changed().At(20_000, EventKinds.QuorumSeen, "n1", ("inQuorum", "true")).Told("n1", saysMs, primary: "db1", leased: true)
            .Told("n2", 16_000, primary: "db2", leased: true);
        Assert.That(Back(20_500).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Back(21_500).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Back(19_500).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "cut off it must not name anybody as holding a lease");
    }

    private static Run Changed() => new Run().Opened("db1", 1_000).Opened("db2", 14_000);
}
