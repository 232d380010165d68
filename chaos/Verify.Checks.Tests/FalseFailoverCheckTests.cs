namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class FalseFailoverCheckTests
{
    private readonly FalseFailoverCheck _check = new();

    [Test]
    public void A_failover_of_a_primary_that_is_cut_off_or_dead_is_valid()
    {
        Assert.That(Opened(14_000).Writable("db1", 0, 13_000).Fault("partition", "n1, db1 | n2, n3, db2, db3", 10_000, 30_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Opened(14_000).Writable("db1", 0, 10_000).Fault("kill", "db1", 10_000, 30_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Opened(14_000).Writable("db1", 0).Fault("pause", "db1", 12_000, 30_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid), "frozen, and still marked writable");
    }

    [Test]
    public void A_failover_because_one_link_broke_is_invalid()
    {
        var finding = Opened(16_000).Writable("db1", 0).Fault("oneWay", "n1, db1 > n2, db2", 10_000, 30_000).Fault("oneWay", "n2, db2 > n1, db1", 10_000, 30_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["falseFailovers"], Is.EqualTo(1));
        Assert.That(finding.Evidence, Does.Contain("n2 opened it"));
    }

    [Test]
    public void A_takeover_that_an_operator_asked_for_is_no_failover()
    {
        var asked = new Run().Writable("db1", 0).At(16_000, EventKinds.Recovery, "n2", ("phase", "opened"), ("cluster", "main"), ("recoveryId", "7"), ("detail", "db1:3306: GracefulMasterTakeover by somebody; "));
        Assert.That(asked.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        var unasked = new Run().Writable("db1", 0).At(16_000, EventKinds.Recovery, "n2", ("phase", "opened"), ("cluster", "main"), ("recoveryId", "7"), ("detail", "db1:3306: DeadMaster; seen by nobody"));
        Assert.That(unasked.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_failover_without_any_fault_is_invalid() =>
        Assert.That(Opened(16_000).Writable("db1", 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_fault_that_ended_a_moment_ago_excuses_a_failover() =>
        Assert.That(Opened(14_000).Writable("db1", 0).Fault("partition", "n1, db1 | n2, n3, db2, db3", 10_000, 13_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_closed_primary_that_nobody_guards_may_be_replaced() =>
        Assert.That(Opened(16_000).Writable("db1", 0, 8_000).Fault("kill", "n1", 5_000, 30_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void Nodes_that_are_down_are_not_counted_on_to_reach_the_primary() =>
        Assert.That(Opened(16_000).Writable("db1", 0).Fault("kill", "n1", 5_000, 30_000).Fault("pause", "n3", 5_000, 30_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void Samples_that_say_writable_until_shortly_before_count_in_the_live_world()
    {
        var run = Opened(16_000).Sampled();
        for (var ms = 0; ms < 15_800; ms += 200) run.Sample("db1", ms, writable: true);
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void Without_a_failover_none_was_false() => Assert.That(new Run().Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    private static Run Opened(double ms) =>
        new Run().At(ms, EventKinds.Recovery, "n2", ("cluster", "main"), ("recoveryId", 40), ("phase", "opened"), ("step", ""), ("detail", "db1:3306: DeadMaster; n2 down 20 ms"));
}
