using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>Whole failovers on the bed of three data centres.</summary>
public sealed class RecoveryStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void The_server_that_is_followed_and_follows_nobody_is_adopted_and_guarded_from_its_own_data_centre()
    {
        var bed = new HaBed().Started();
        var ledger = bed.Node("west").Ha.Cluster("main")!;
        Assert.That(ledger.Primary, Is.EqualTo(HaBed.Key(1)));
        Assert.That(ledger.Guardian, Is.EqualTo("n1:10008"));
        Assert.That(bed.Happened<NodeEvent.Fencing>(), Is.Empty, "a primary that is open when it is adopted is not closed for it");
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void An_adopted_primary_that_is_read_only_is_opened_by_its_guardian()
    {
        var bed = new HaBed(isPrimaryWritable: false).Started();
        Assert.That(bed.Servers[0].TakesWrites);
        Assert.That(bed.Happened<NodeEvent.Opened>().Single().Node, Is.EqualTo("n1:10008"));
    }

    [Test]
    public void A_data_centre_is_cut_off_its_guardian_closes_the_primary_in_time_and_the_majority_promotes_after_it()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Write(5);
        bed.RunFor(Seconds(0.1));
        var cutAt = bed.Now;
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(2), "the old primary closed");
        Assert.That(bed.Now - cutAt, Is.LessThan(Seconds(1.96)), "closed before the lease ends");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(5), "a new primary");
        Assert.That(bed.Now - cutAt, Is.GreaterThan(Seconds(1.64)), "never before the last lease could have run out");
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        Assert.That(bed.TwoWriters, Is.Null);
        var recovery = bed.Node("north").Ha.Cluster("main")!.Closed.Single();
        Assert.That(recovery.IsSuccessful, Is.True, bed.Story());
        Assert.That(recovery.Steps.Select(s => s.Step), Is.EqualTo(RecoveryPlan.Of(RecoveryKind.DeadPrimary).Where(s => s != RecoveryStep.Close)));
        Assert.That(recovery.Votes, Does.Contain("n2:10008 down").And.Contain("n3:10008 down"));
        Assert.That(bed.Servers[2].Source, Is.EqualTo(HaBed.Key(2)), "the other replica follows the new primary");
    }

    [Test]
    public void The_old_primary_comes_back_closed_and_follows_the_new_one()
    {
        var bed = Failed(out _);
        bed.Heal();
        bed.RunUntil(() => bed.Servers[0].Source == HaBed.Key(2) && bed.Servers[0].IoIsOn, Seconds(5), "the old primary follows");
        bed.RunFor(Seconds(2));
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Servers[0].IsReadOnly);
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Aside, Is.Empty);
    }

    [Test]
    public void An_old_primary_with_transactions_of_its_own_is_set_aside_with_their_names()
    {
        var bed = Failed(out _, beforeItIsClosed: b => b.Servers[0].Write(3));
        bed.Heal();
        bed.RunUntil(() => bed.Node("west").Ha.Cluster("main")!.Aside.Length == 1, Seconds(5), "the old primary set aside");
        var aside = bed.Node("west").Ha.Cluster("main")!.Aside.Single();
        Assert.That(aside.Instance, Is.EqualTo(HaBed.Key(1)));
        Assert.That(aside.ErrantGtids, Is.EqualTo("11111111-1111-1111-1111-111111111111:6-8"));
        Assert.That(bed.Servers[0].Source, Is.Null);
        Assert.That(bed.Servers[0].IsReadOnly);
    }

    [Test]
    public void A_dead_primary_that_comes_back_writable_is_closed_at_once()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(6), "a new primary");
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        bed.Node("east").Kill();
        bed.Servers[0].Return(isReadOnly: false);
        var returnedAt = bed.Now;
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(2), "closed");
        Assert.That(bed.Now - returnedAt, Is.LessThan(Seconds(1)));
        bed.RunUntil(() => bed.Servers[0].Source == HaBed.Key(2), Seconds(5), "attached");
    }

    [Test]
    public void A_killed_primary_is_replaced_within_three_seconds()
    {
        var bed = new HaBed().Started();
        var killedAt = bed.Now;
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(6), "a new primary");
        Assert.That(bed.Now - killedAt, Is.LessThan(Seconds(3)), bed.Story());
    }

    [Test]
    public void A_frozen_primary_is_replaced_and_is_closed_when_it_goes_on()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Freeze();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        var promotedAt = bed.Now;
        bed.Servers[0].Thaw();
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(2), "closed");
        Assert.That(bed.Now - promotedAt, Is.LessThan(Seconds(0.1)), "the guardian's closing statement waits in its buffers");
    }

    [Test]
    public void A_primary_that_a_replica_still_reads_from_is_left_alone()
    {
        var bed = new HaBed().Started();
        foreach (var node in bed.Nodes) node.IsBlindFor = HaBed.Key(1);
        bed.RunFor(Seconds(10));
        Assert.That(bed.Node("north").Part.Analysis().Single().Code, Is.EqualTo("UnreachableMaster"));
        Assert.That(bed.HaCommands.OfType<HaCommand.OpenRecovery>(), Is.Empty);
    }

    [Test]
    public void One_node_that_does_not_reach_the_primary_changes_nothing()
    {
        var bed = new HaBed().Started();
        bed.Node("north").IsBlindFor = HaBed.Key(1);
        bed.RunFor(Seconds(10));
        Assert.That(bed.HaCommands.OfType<HaCommand.OpenRecovery>(), Is.Empty);
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void Nothing_is_adopted_before_a_member_next_to_the_primary_can_guard_it()
    {
        var bed = new HaBed();
        bed.Node("north").Start();
        bed.Node("west").Start();
        bed.Elect("north");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Log, Is.Empty, "a guardian elsewhere could not close the primary when its data centre is cut off");
        bed.Node("east").Start();
        bed.RunUntil(() => bed.Node("east").Ha.Cluster("main") is { Guardian: "n1:10008", LastRenewal: > 0 }, Seconds(2), "a guarded primary");
    }

    [Test]
    public void A_second_failover_is_not_misled_by_sessions_that_ended_since_the_first()
    {
        var bed = Failed(out _);
        bed.Heal();
        bed.RunUntil(() => bed.Servers[0].Source == HaBed.Key(2), Seconds(5), "the old primary follows");
        foreach (var replica in new[] { bed.Servers[0], bed.Servers[2] })
        {
            replica.Die();
            bed.RunFor(Seconds(1));
            replica.Return(isReadOnly: true);
            bed.RunFor(Seconds(1));
        }

        bed.Servers[1].Write(3);
        bed.RunFor(Seconds(0.5));
        bed.Servers[1].Die();
        bed.RunUntil(() => bed.Servers[2].TakesWrites || bed.Servers[0].TakesWrites, Seconds(6), "a third primary");
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        var second = bed.Node("north").Ha.Cluster("main")!.Closed[^1];
        Assert.That(second.Steps[1].Detail, Does.Not.Contain("left out"));
        Assert.That(second.Steps.Sum(s => s.Failures), Is.Zero);
    }

    [Test]
    public void What_the_api_shows_of_a_failover()
    {
        var bed = Failed(out _);
        var part = bed.Node("north").Part;
        var cluster = part.Clusters().Single();
        Assert.That((cluster.Primary, cluster.LeaseHolder, cluster.RecoveryOpen), Is.EqualTo((HaBed.Key(2), "n2:10008", false)));
        Assert.That(cluster.Instances.Single(i => i.Key == HaBed.Key(1)).LastProbeOk, Is.False);
        var recovery = part.Recoveries().Single();
        Assert.That((recovery.Failed, recovery.Successor, recovery.IsSuccessful), Is.EqualTo((HaBed.Key(1), HaBed.Key(2), true)));
        Assert.That(recovery.Steps, Has.Count.EqualTo(8), "the votes, six steps, the closing");
        var analysis = part.Analysis().Single();
        Assert.That(analysis.Instance, Is.EqualTo(HaBed.Key(2)));
        Assert.That(analysis.Votes.Select(v => v.Vote), Is.EqualTo(new[] { "stale", "up", "up" }));
    }

    [Test]
    public void The_guardian_s_word_spares_the_majority_the_wait_when_it_can_still_close_the_server()
    {
        // Both replicas lost their source and two of three nodes do not reach it, but the guardian does.
        var bed = new HaBed().Started();
        bed.Node("north").IsBlindFor = bed.Node("west").IsBlindFor = HaBed.Key(1);
        bed.Servers[1].LoseSource();
        bed.Servers[2].LoseSource();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed.Single().Steps[0].Detail, Does.Contain("its guardian n1:10008"));
    }

    [Test]
    public void A_restarted_guardian_that_gets_its_lease_at_once_leaves_the_primary_open()
    {
        var bed = new HaBed().Started();
        bed.Restart("east");
        bed.RunFor(Seconds(3));
        Assert.That(bed.Happened<NodeEvent.Fencing>(), Is.Empty, bed.Story());
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void A_guardian_that_is_restarted_outside_the_quorum_closes_the_server_although_it_knows_nothing()
    {
        var bed = new HaBed().Started();
        bed.CutOff("east");
        bed.Restart("east");
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(3), "closed");
        Assert.That(bed.Node("east").Ha.Primary("main"), Is.Null);
    }

    [Test]
    public void Without_fencing_the_bed_sees_two_writers()
    {
        var bed = new HaBed(c => c with { FencingEnabled = false }).Started();
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        Assert.That(bed.TwoWriters, Is.Not.Null);
    }

    /// <summary>Cuts the first data centre off and waits until the second one's server took over.</summary>
    private static HaBed Failed(out TimeSpan cutAt, Action<HaBed>? beforeItIsClosed = null)
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Write(5);
        bed.RunFor(Seconds(0.1));
        cutAt = bed.Now;
        bed.CutOff("east");
        bed.RunFor(Seconds(0.2));
        beforeItIsClosed?.Invoke(bed);
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(6), "a new primary");
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is null, Seconds(5), "the end of the recovery");
        return bed;
    }
}
