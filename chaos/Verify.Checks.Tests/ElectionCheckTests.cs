namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class ElectionCheckTests
{
    private readonly ElectionCheck _check = new(TimeSpan.FromSeconds(2));

    [Test]
    public void The_next_leader_in_time_is_valid()
    {
        var finding = Killed().Leader("n2", 2, 10_450).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["electionMsMax"], Is.EqualTo(450));
        Assert.That(finding.Observed, Does.Contain("n2 led 450 ms after 'kill 1' took n1 away"));
    }

    [Test]
    public void The_next_leader_too_late_or_never_is_invalid()
    {
        Assert.That(Killed().Leader("n2", 2, 12_001).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Killed().Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_leader_that_loses_its_lease_in_an_isolated_data_centre_is_counted_from_the_cut()
    {
        var run = new Run().Leader("n1", 1, 100, 10_400).Fault("partition", "n1, db1 | n2, n3, db2, db3", 10_000, 30_000).Leader("n3", 2, 10_900);
        Assert.That(run.Judge(_check).Figures["electionMsMax"], Is.EqualTo(900));
        Assert.That(run.Judge(new ElectionCheck(TimeSpan.FromMilliseconds(800))).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_frozen_leader_is_taken_away_at_the_freeze()
    {
        var finding = new Run().Leader("n1", 1, 100, 20_050).Fault("pause", "n1", 10_000, 20_000).Leader("n2", 2, 10_700).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["electionMsMax"], Is.EqualTo(700));
    }

    [Test]
    public void Of_two_faults_on_the_leader_the_later_is_the_cause()
    {
        var run = new Run().Leader("n1", 1, 100).Fault("clockSkew", "n1", 5_000, 30_000)
            .Fault("kill", "n1", 10_000, 20_000).At(10_000, EventKinds.NodeDown, "n1").Leader("n2", 2, 10_500);
        Assert.That(run.Judge(_check).Figures["electionMsMax"], Is.EqualTo(500));
    }

    [Test]
    public void A_leader_that_keeps_its_lease_through_the_fault_leaves_no_gap_and_is_valid()
    {
        var finding = new Run().Leader("n2", 1, 100).Fault("partition", "n1, db1 | n2, n3, db2, db3", 10_000, 20_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Observed, Is.EqualTo("no fault ended a leader's lease; n2 led throughout"));
        Assert.That(finding.Figures["elections"], Is.Zero);
    }

    [Test]
    public void A_leader_that_has_its_lease_back_within_its_term_is_the_next_leader()
    {
        var run = new Run().Leader("n1", 1, 100, 6_000).Leader("n1", 1, 6_300, 10_000).Fault("clockSkew", "n1", 5_000, 30_000)
            .Fault("kill", "n1", 10_000, 20_000).At(10_000, EventKinds.NodeDown, "n1").Leader("n2", 2, 10_500);
        Assert.That(run.Judge(_check).Figures["electionMsMax"], Is.EqualTo(1_300));
        Assert.That(run.Judge(new ElectionCheck(TimeSpan.FromMilliseconds(1_299))).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void Without_a_fault_without_a_leader_and_for_a_lease_that_ended_by_itself_it_is_unknown()
    {
        Assert.That(new Run().Leader("n1", 1, 100).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Fault("kill", "n2", 10_000, 20_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        var finding = new Run().Leader("n1", 1, 100, 5_000).Leader("n2", 2, 9_000).Fault("kill", "n3", 4_000, 6_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(finding.Figures["unprovokedLeaseLosses"], Is.EqualTo(1));
    }

    private static Run Killed() =>
        new Run().Leader("n1", 1, 100).Fault("kill", "n1", 10_000, 20_000).At(10_000, EventKinds.NodeDown, "n1", ("how", "kill"));
}
