namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class RecoveryAuthorityCheckTests
{
    private readonly RecoveryAuthorityCheck _check = new();

    [Test]
    public void A_leader_that_acts_within_its_lease_is_valid() =>
        Assert.That(Opened().Leader("n2", 3, 5_000).Acts("n2", 3, 6_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_leader_that_was_deposed_and_acts_on_is_invalid_and_is_named_with_its_step()
    {
        var finding = Opened().Leader("n2", 3, 5_000, 7_000).Leader("n3", 4, 7_500).Acts("n2", 3, 6_000).Acts("n2", 3, 8_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 8_000_000 }));
        Assert.That(finding.Evidence, Does.Contain("n2 acts for step Promote of recovery 40"));
    }

    [Test]
    public void A_leader_that_goes_on_in_a_later_term_with_what_it_began_in_an_earlier_one_is_invalid() =>
        Assert.That(Opened().Leader("n2", 3, 5_000, 7_000).Leader("n2", 5, 8_000).Acts("n2", 3, 9_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_leader_that_was_frozen_for_less_than_its_lease_may_go_on() =>
        Assert.That(Opened().Leader("n2", 3, 5_000).Frozen("n2", 5_500, 5_600)
            .Acts("n2", 3, 5_700).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_node_that_was_started_again_has_no_lease_from_before() =>
        Assert.That(Opened().Leader("n2", 3, 5_000).At(5_500, EventKinds.Started, "n2").Acts("n2", 3, 5_700).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_recovery_of_which_nobody_said_what_was_sent_proves_nothing()
    {
        Assert.That(Opened().Leader("n2", 3, 5_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Leader("n2", 3, 5_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid), "no recovery, nothing to act for");
        Assert.That(new Run().Leader("n2", 3, 5_000).At(5_900, EventKinds.Recovery, "n2", ("cluster", "main"), ("recoveryId", 40), ("phase", "opened"), ("step", ""), ("detail", "db1:3306: DeadMaster")).Judge(_check).Verdict,
            Is.EqualTo(Verdict.Valid), "one that reached nobody sent nothing");
    }

    private static Run Opened() => new Run().At(5_900, EventKinds.Recovery, "n2", ("cluster", "main"), ("recoveryId", 40), ("phase", "outcome"), ("step", "Promote"), ("detail", "done: db2:3306 follows nobody"));
}
