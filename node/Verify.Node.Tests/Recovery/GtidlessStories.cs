using Verify.Node.Api;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>Replicas by file and position: their GTID sets are empty, and empty sets look as if nobody lacked anything.</summary>
public sealed class GtidlessStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [TestCase("OFF")]
    [TestCase("ON_PERMISSIVE")]
    [TestCase("")]
    public void A_dead_primary_whose_replica_has_no_gtids_is_not_replaced_by_guessing_and_the_reason_is_given(string gtidMode)
    {
        var bed = Without(gtidMode);
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Part.Skipped().Count == 1, Seconds(8), "a recovery that is called for and not begun");
        bed.RunFor(Seconds(10));
        var skipped = bed.Leader!.Part.Skipped().Single();
        Assert.That((skipped.Code, skipped.Reason), Is.EqualTo(("no_gtid", skipped.Reason)));
        Assert.That(skipped.Reason, Does.Contain("db2:3306: it replicates by file and position").And.Contains("turn GTIDs on"));
        Assert.That(bed.Servers.Skip(1).Any(s => s.TakesWrites), Is.False);
        Assert.That(bed.Servers[2].Source, Is.EqualTo(HaBed.Key(1)), "nobody was moved");
        Assert.That(bed.Happened<NodeEvent.RecoverySkipped>().Select(e => e.Code), Is.EqualTo(new[] { "no_gtid" }));
    }

    [Test]
    public void A_replica_that_finds_its_place_by_file_on_a_server_with_gtid_mode_on_counts_like_any_other()
    {
        var bed = Without("ON");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [TestCase(RecoveryWish.Recover)]
    [TestCase(RecoveryWish.GracefulTakeoverAuto)]
    [TestCase(RecoveryWish.ForceFailover)]
    [TestCase(RecoveryWish.ForceTakeover)]
    public void An_operator_is_told_why_nobody_can_be_promoted_without_gtids(RecoveryWish wish)
    {
        var bed = Without("OFF");
        var answer = bed.Leader!.Part.Plan(new("main", wish, null, wish == RecoveryWish.ForceTakeover ? HaBed.Key(3) : null, "jane", WithoutHooks: false));
        Assert.That(answer.Command, Is.Null);
        Assert.That(answer.Objection, Does.Contain("db2:3306: it replicates by file and position, and its gtid_mode is OFF"));
    }

    /// <summary>What was seen before is old by the time of the choice: the choice looks for itself.</summary>
    [Test]
    public void A_replica_that_loses_its_gtids_while_the_recovery_runs_keeps_it_from_choosing()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.OpenRecovery("main") is not null, Seconds(10), "a recovery");
        (bed.Servers[1].FindsPlaceByGtid, bed.Servers[1].SemiSync.GtidMode) = (false, "OFF");
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(20), "the end of the recovery");
        var closed = bed.Leader!.Ha.Cluster("main")!.Closed[0];
        Assert.That((closed.IsSuccessful, closed.Successor), Is.EqualTo((false, (Verify.Node.Topology.InstanceKey?)null)));
        Assert.That(closed.Closing, Does.Contain("what db2:3306 has is not known: it replicates by file and position"));
    }

    private static HaBed Without(string gtidMode)
    {
        var bed = new HaBed();
        (bed.Servers[1].FindsPlaceByGtid, bed.Servers[1].SemiSync.GtidMode) = (false, gtidMode);
        return bed.Started();
    }
}
