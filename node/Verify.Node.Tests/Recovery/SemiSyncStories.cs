using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>The leader keeps semi-sync as the durability policy wants it. db1 is the primary, db2 and db3 follow it.</summary>
public sealed class SemiSyncStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_primary_that_falls_back_and_replicas_that_do_not_acknowledge_are_repaired_once()
    {
        var bed = Bed(Durability.SemiSync);
        bed.RunUntil(() => bed.Servers[0].SemiSync is { Source: true, TimeoutMs: uint.MaxValue }, Seconds(12), "the primary waits for ever");
        bed.RunUntil(() => bed.Servers.Skip(1).All(s => s.SemiSync is { Replica: true, ReplicaAtWork: true }), Seconds(12), "the replicas acknowledge");
        bed.RunFor(Seconds(20));
        Assert.That(bed.Happened<NodeEvent.SemiSyncRepaired>().Select(r => r.Instance).Order(StringComparer.Ordinal), Is.EqualTo(new[] { "db1:3306", "db2:3306", "db3:3306" }), bed.Story());
        Assert.That(bed.Servers[0].TakesWrites);
        Assert.That(bed.Sent.Where(s => s.Statement is Statement.StopReplica).All(s => s.Statement is Statement.StopReplica { OnlyIoThread: true }), "the applier is left alone");
    }

    [Test]
    public void Without_a_durable_policy_nobody_touches_semi_sync()
    {
        var bed = Bed(Durability.None);
        bed.Servers[1].SemiSync.Replica = true;
        bed.RunFor(Seconds(15));
        Assert.That(bed.Sent.Any(s => s.Statement is Statement.SetSemiSync or Statement.SetSemiSyncReplica or Statement.SetSemiSyncPatience), Is.False);
    }

    [Test]
    public void A_replica_whose_half_was_switched_on_too_late_connects_anew()
    {
        var bed = Whole(Durability.SemiSync);
        bed.Servers[1].SemiSync.ReplicaAtWork = false;
        bed.RunUntil(() => bed.Servers[1].SemiSync.ReplicaAtWork, Seconds(12), "connected anew");
        bed.RunFor(Seconds(0.5));
        Assert.That(bed.Happened<NodeEvent.SemiSyncRepaired>().Last().Why, Does.Contain("not connected since"));
    }

    [Test]
    public void Locked_commits_are_freed_by_a_replica_that_acknowledges_and_never_by_asking_for_less()
    {
        var bed = Whole(Durability.SemiSync);
        bed.Servers[2].Die();
        var primary = bed.Servers[0].SemiSync;
        (primary.WaitSessions, primary.Clients) = (1, 0);
        bed.RunFor(Seconds(6));
        bed.Servers[1].SemiSync.Replica = false;
        bed.RunUntil(() => bed.Servers[1].SemiSync is { Replica: true, ReplicaAtWork: true }, Seconds(15), "the other replica acknowledges");
        bed.RunFor(Seconds(0.5));
        Assert.That(bed.Happened<NodeEvent.SemiSyncRepaired>().Last().Why, Does.StartWith("LockedSemiSyncMaster"));
        Assert.That(primary is { Source: true, WaitFor: 1, TimeoutMs: uint.MaxValue });
    }

    [Test]
    public void An_exact_number_is_kept_only_when_it_is_asked_for()
    {
        var bed = Whole(Durability.SemiSync, isExact: true);
        Assert.That(bed.Servers.Skip(1).Count(s => s.SemiSync.Replica), Is.EqualTo(1));
        var (chosen, other) = bed.Servers[1].SemiSync.Replica ? (bed.Servers[1], bed.Servers[2]) : (bed.Servers[2], bed.Servers[1]);
        chosen.Die();
        bed.RunUntil(() => other.SemiSync is { Replica: true, ReplicaAtWork: true }, Seconds(15), "the next one takes its place");
    }

    [Test]
    public void Under_cross_dc_only_the_other_data_centres_acknowledge()
    {
        var bed = new HaBed(c => c with
        {
            Clusters = [c.Clusters[0] with
            {
                Durability = Durability.CrossDc, Instances = [.. c.Clusters[0].Instances.Select(i => i.Key == HaBed.Key(2) ? i with { DataCenter = "east" } : i)],
            }],
        });
        bed.Servers[1].SemiSync.Replica = true;
        bed.Started();
        bed.RunUntil(() => !bed.Servers[1].SemiSync.Replica && bed.Servers[2].SemiSync.Replica, Seconds(12), "db3 acknowledges, db2 does not");
    }

    [Test]
    public void The_source_half_of_a_replica_is_switched_off_before_its_applier_waits_for_ever()
    {
        var bed = Whole(Durability.SemiSync);
        bed.Servers[2].SemiSync.Source = true;
        bed.RunUntil(() => !bed.Servers[2].SemiSync.Source, Seconds(12), "off again");
        Assert.That(bed.Servers[0].SemiSync.Source);
    }

    [Test]
    public void A_replica_that_lacks_what_the_new_primary_has_purged_is_named_as_lost_and_left_where_it_is()
    {
        var bed = Bed(Durability.None);
        bed.Servers[2].LoseSource();
        bed.Servers[0].Write(5);
        bed.RunFor(Seconds(1));
        bed.Servers[1].SemiSync.Purged = "11111111-1111-1111-1111-111111111111:1-4";
        bed.RunFor(Seconds(6));
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        bed.RunUntil(() => bed.Leader!.Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        var lost = Verify.Node.Recovery.RepointDetail.LostIn(bed.Leader!.Ha.Cluster("main")!.Closed[^1]);
        Assert.That(lost.Single(), Is.EqualTo(("db3:3306", "lacks 11111111-1111-1111-1111-111111111111:1-4, which db2:3306 has purged from its binary log: give it a copy of the data (CLONE, a backup)")));
        bed.RunFor(Seconds(10));
        Assert.That(bed.Servers[2].Source, Is.EqualTo(HaBed.Key(1)));
        bed.Servers[1].SemiSync.Purged = "";
        bed.RunUntil(() => bed.Servers[2].Source == HaBed.Key(2), Seconds(40), "attached when it can be");
    }

    [Test]
    public void Every_server_is_told_once_to_come_up_closed_and_stays_as_it_is()
    {
        var bed = Bed(Durability.None);
        bed.RunFor(Seconds(5));
        (bed.Servers[2].SemiSync.IsPersisted, bed.Servers[2].SemiSync.ForbidsPersisting) = (false, true);
        bed.RunFor(Seconds(30));
        Assert.That(bed.Servers.Select(s => s.SemiSync.IsPersisted).ToArray(), Is.EqualTo(new[] { true, true, false }));
        Assert.That(bed.Sent.Where(s => s.Statement is Statement.PersistReadOnly).Select(s => s.Server).Order(), Is.EqualTo(new[] { HaBed.Key(1), HaBed.Key(2), HaBed.Key(3), HaBed.Key(3) }), "once each, and refused once is enough");
        Assert.That(bed.Servers[0].TakesWrites);
        var warnings = bed.Leader!.Part.TopologyAnalysis().Single(e => e.Instance == HaBed.Key(1)).Warnings;
        Assert.That(warnings, Has.Some.EqualTo("MayRestartWritableStructureWarning"), "db3 refused");
    }

    private static HaBed Bed(Durability durability, bool isExact = false) => new HaBed(c => c with
    {
        Clusters = [c.Clusters[0] with { Durability = durability }], Analysis = new() { EnforceExactSemiSyncReplicas = isExact },
    }).Started();

    /// <summary>The same, after everything was repaired.</summary>
    private static HaBed Whole(Durability durability, bool isExact = false)
    {
        var bed = Bed(durability, isExact);
        bed.RunFor(Seconds(20));
        return bed;
    }
}
