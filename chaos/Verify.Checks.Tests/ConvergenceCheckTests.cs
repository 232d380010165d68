namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class ConvergenceCheckTests
{
    private readonly ConvergenceCheck _check = new(TimeSpan.FromSeconds(20));

    [Test]
    public void A_cluster_that_comes_together_in_time_is_valid_and_says_how_long_it_took()
    {
        var finding = Together().Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["convergenceMs"], Is.EqualTo(3_000));
    }

    [Test]
    public void A_node_that_stays_outside_is_invalid_and_named()
    {
        var finding = Healed().Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Observed, Does.Contain("outside the quorum: n1"));
    }

    [Test]
    public void A_dead_node_need_not_be_in_the_quorum() =>
        Assert.That(Healed().At(31_000, EventKinds.NodeDown, "n1").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void Converging_after_the_bound_is_invalid() =>
        Assert.That(Healed().At(51_000, EventKinds.QuorumSeen, "n1", ("inQuorum", true)).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_second_writable_server_or_the_wrong_one_is_not_converged()
    {
        var together = Together().Writable("db1", 34_000);
        var finding = together.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Observed, Does.Contain("writable: db1, db2, but the primary is db2"));
        Assert.That(Together().FinalPrimary("db3").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void Falling_apart_later_is_invalid_in_simulation_and_a_blip_is_forgiven_live()
    {
        Run Blip(Run run) => run.At(33_000, EventKinds.QuorumSeen, "n1", ("inQuorum", true))
            .Lease("n2", 2, 55_000, held: false).Lease("n2", 2, 55_300);
        Assert.That(Blip(Healed()).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Blip(Healed().Sampled()).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_leader_that_thaws_and_says_nothing_goes_on_leading() =>
        Assert.That(Together().Frozen("n2", 20_000, 29_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_leader_that_thaws_and_lets_go_leads_no_more()
    {
        foreach (var run in (Run[])[
            Together().Frozen("n2", 20_000, 29_000).Lease("n2", 2, 30_500, held: false),
            Together().Frozen("n2", 20_000, 29_000).At(30_500, EventKinds.RoleChanged, "n2", ("role", "Follower"), ("term", 3)),
            Together().Lease("n2", 2, 19_000, held: false).Frozen("n2", 20_000, 29_000),
        ])
        {
            var finding = run.Judge(_check);
            Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
            Assert.That(finding.Observed, Does.Contain("no leader"));
        }
    }

    [Test]
    public void A_leader_that_thaws_beside_another_one_is_not_converged_until_it_lets_go()
    {
        var both = Together().Frozen("n2", 20_000, 29_000).Leader("n3", 3, 22_000);
        var finding = both.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Observed, Does.Contain("several leaders (n2, n3)"));
        Assert.That(both.Lease("n2", 2, 35_000, held: false).Judge(_check).Figures["convergenceMs"], Is.EqualTo(5_000));
    }

    [Test]
    public void A_frozen_leader_does_not_lead_and_one_that_died_frozen_comes_back_without_its_lease()
    {
        var frozen = Together().At(20_000, EventKinds.NodeDown, "n2", ("how", "pause"));
        Assert.That(frozen.Judge(_check).Observed, Does.Contain("no leader"));
        var restarted = frozen.At(25_000, EventKinds.NodeDown, "n2", ("how", "kill")).At(29_000, EventKinds.NodeUp, "n2")
            .At(29_500, EventKinds.QuorumSeen, "n2", ("inQuorum", true)).Judge(_check);
        Assert.That(restarted.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(restarted.Observed, Does.Contain("no leader"));
    }

    [Test]
    public void What_happens_after_the_final_reads_does_not_count()
    {
        var run = Together().Phase("final", 55_000)
            .At(56_000, EventKinds.NodeDown, "n1", ("how", "stop")).At(56_000, EventKinds.NodeDown, "n2", ("how", "stop"));
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_run_that_was_not_healed_or_ended_before_the_bound_is_unknown()
    {
        Assert.That(new Run().Leader("n1", 1, 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(Healed().Judge(_check, endMs: 40_000).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    private static Run Together() => Healed().At(33_000, EventKinds.QuorumSeen, "n1", ("inQuorum", true));

    /// <summary>n2 leads since 12 s, db2 is primary since 13 s, n1 is outside; healed at 30 s.</summary>
    private static Run Healed() => new Run()
        .Leader("n2", 2, 12_000).Writable("db1", 0, 11_000).Writable("db2", 13_000).FinalPrimary("db2")
        .At(1, EventKinds.QuorumSeen, "n1", ("inQuorum", true)).At(1, EventKinds.QuorumSeen, "n2", ("inQuorum", true))
        .At(1, EventKinds.QuorumSeen, "n3", ("inQuorum", true)).At(11_000, EventKinds.QuorumSeen, "n1", ("inQuorum", false))
        .Phase("healed", 30_000);
}
