using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>Leaders that change, lag or are cut off in the middle of a failover, clocks that drift, servers that hesitate.</summary>
public sealed class LeadershipStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [TestCase(RecoveryStep.FenceOldPrimary)]
    [TestCase(RecoveryStep.DrainRelayLogs)]
    [TestCase(RecoveryStep.ChooseCandidate)]
    [TestCase(RecoveryStep.Promote)]
    [TestCase(RecoveryStep.PublishPrimary)]
    [TestCase(RecoveryStep.RepointReplicas)]
    public void A_leader_is_lost_after_the_intent_of_a_step_and_the_next_one_repeats_the_step(RecoveryStep step)
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Servers[0].Write(5);
        bed.Servers[0].Die();
        bed.RunUntil(() => HasIntent(bed, step), Seconds(8), $"the intent of {step}");
        bed.Node("north").Kill();
        bed.Elect("west");
        bed.RunUntil(() => bed.Node("west").Ha.Cluster("main")!.Closed.Length == 1, Seconds(15), "the end of the recovery");
        var recovery = bed.Node("west").Ha.Cluster("main")!.Closed.Single();
        Assert.That(recovery.IsSuccessful, bed.Story());
        Assert.That(recovery.Steps.Single(s => s.Step == step).Intents, Is.EqualTo(2));
        bed.RunUntil(() => bed.Servers.Count(s => s.TakesWrites) == 1, Seconds(15), "one server that takes writes");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_closed_primary_whose_guardian_is_gone_is_replaced_by_one_that_has_a_guardian()
    {
        // Probes so slow that the primary is closed, and seen again, before the majority calls it dead.
        var slow = new Timing { ProbeTimeout = Seconds(1), WriteLease = Seconds(2) };
        var bed = new HaBed(c => c with { Timing = slow, DeadMan = DeadManPolicy.Off }).Started(leader: "north");
        bed.Servers[0].Write(5);
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(2), "closed by its guardian");
        bed.Node("east").Kill();
        bed.Heal();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        bed.RunUntil(() => bed.Servers[0].Source == HaBed.Key(2), Seconds(5), "the old one follows");
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed.Single().Analysis, Is.EqualTo("UnguardedMaster"));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    /// <summary>leader-dies-around-the-end on real MySQL, 2026-11-22: nobody was left to fail over to, and the new primary stood closed for 14 s beside a living
    /// node of its data centre.</summary>
    [Test]
    public void A_guardian_that_dies_before_it_has_opened_the_new_primary_is_replaced_by_the_other_node_of_its_data_centre()
    {
        var bed = new HaBed(alsoIn: ["north"]).Started();
        bed.Elect("east");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Primary("main") == HaBed.Key(2), Seconds(10), "db2 published");
        Assert.That(bed.Servers[1].TakesWrites, Is.False);
        bed.Node("north").Kill();
        bed.Servers[2].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "db2 open");
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Guardian, Is.EqualTo("n4:10008"));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void An_open_primary_without_a_guardian_is_closed_before_another_one_is_promoted()
    {
        // Two nodes lose sight of it, its guardian is dead: the lease has long run out, and the server still takes writes.
        var bed = new HaBed().Started(leader: "north");
        bed.Node("east").Kill();
        bed.RunFor(Seconds(5));
        Assert.That(bed.Servers[0].TakesWrites, "nobody closes it for the death of a node");
        bed.Node("west").IsBlindFor = bed.Node("north").IsBlindFor = HaBed.Key(1);
        bed.Servers[1].LoseSource();
        bed.Servers[2].LoseSource();
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is not null, Seconds(8), "an open recovery");
        bed.Node("north").IsBlindFor = null;
        bed.RunUntil(() => bed.Servers[1].TakesWrites || bed.Servers[2].TakesWrites, Seconds(10), "a new primary");
        bed.RunFor(Seconds(2));
        Assert.That(bed.Servers[0].IsReadOnly);
    }

    [TestCase(RecoveryStep.FenceOldPrimary)]
    [TestCase(RecoveryStep.DrainRelayLogs)]
    [TestCase(RecoveryStep.Promote)]
    [TestCase(RecoveryStep.RepointReplicas)]
    public void A_deposed_leader_sends_nothing_more(RecoveryStep step)
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Servers[0].Die();
        bed.RunUntil(() => HasIntent(bed, step), Seconds(8), $"the intent of {step}");
        bed.Elect("west");
        var deposedAt = bed.Now;
        bed.RunUntil(() => bed.Node("west").Ha.Cluster("main")!.Closed.Length == 1, Seconds(15), "the end of the recovery");
        var late = bed.Sent.Where(s => s.At > deposedAt && string.Equals(s.Node, "north", StringComparison.Ordinal) && s.Server != HaBed.Key(2)
            && s.Statement is not (Statement.ReadFacts or Statement.ReadReplicaStatus)).ToList();
        Assert.That(late, Is.Empty, bed.Story());
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void Leader_and_primary_die_together_and_the_next_leader_recovers_without_delay()
    {
        var bed = new HaBed().Started(leader: "east");
        bed.Servers[0].Die();
        bed.Node("east").Kill();
        var killedAt = bed.Now;
        bed.RunFor(Seconds(0.5));
        bed.Elect("west");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(bed.Now - killedAt, Is.LessThan(Seconds(3)));
    }

    [Test]
    public void A_short_time_without_a_leader_does_not_close_the_primary()
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Node("north").Kill();
        bed.RunFor(Seconds(0.7));
        bed.Elect("west");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Happened<NodeEvent.Fencing>(), Is.Empty);
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void A_long_time_without_a_leader_closes_the_primary_and_its_return_opens_it()
    {
        var bed = new HaBed().Started(leader: "north");
        bed.Node("north").Kill();
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(2), "closed");
        bed.RunFor(Seconds(3));
        Assert.That(bed.Servers[0].IsReadOnly, "nobody opens it without a lease");
        bed.Elect("west");
        bed.RunUntil(() => bed.Servers[0].TakesWrites, Seconds(1), "opened again");
    }

    [Test]
    public void A_guardian_whose_settings_say_a_longer_lease_is_waited_for_by_those_whose_settings_do_not()
    {
        var bed = new HaBed(c => IsIn(c, "east") ? c with { Timing = new() { WriteLease = Seconds(6) } } : c).Started();
        bed.CutOff("east");
        var cut = bed.Now;
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(20), "a new primary");
        bed.RunFor(Seconds(0.1));
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Now - cut, Is.GreaterThan(Seconds(5.5)));
    }

    [Test]
    public void A_new_leader_that_has_the_state_from_a_snapshot_knows_how_long_the_lease_is()
    {
        var bed = new HaBed(c => IsIn(c, "east") ? c with { Timing = new() { WriteLease = Seconds(6) } } : c).Started();
        bed.CutOff("east");
        bed.Restart("north");
        bed.Restart("west");
        bed.Elect("west");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(20), "a new primary");
        bed.RunFor(Seconds(0.1));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    private static bool IsIn(NodeConfig config, string dataCenter) => string.Equals(config.DataCenter, dataCenter, StringComparison.Ordinal);

    [TestCase(0.98, 1.02)]
    [TestCase(1.02, 0.98)]
    [TestCase(0.98, 0.98)]
    [TestCase(1.02, 1.02)]
    public void Clocks_that_drift_as_far_as_allowed_do_not_let_two_servers_take_writes(double ofGuardian, double ofOthers)
    {
        var bed = new HaBed(clockRate: dc => string.Equals(dc, "east", StringComparison.Ordinal) ? ofGuardian : ofOthers).Started();
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        bed.RunFor(Seconds(0.1));
        Assert.That(bed.TwoWriters, Is.Null);
        var held = bed.Events.Last(e => e.Event is NodeEvent.WriteLease { Held: false }).At;
        var opened = bed.Events.Last(e => e.Event is NodeEvent.Opened).At;
        Assert.That(opened - held, Is.GreaterThan(Seconds(0.4)), "the margin is kept between the end of the one and the start of the other");
    }

    [Test]
    public void Commits_that_wait_for_an_acknowledgement_do_not_hold_the_fence_up()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].StuckCommits.Add(41);
        bed.Servers[0].StuckCommits.Add(42);
        var cutAt = bed.Now;
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers[0].IsReadOnly, Seconds(1.96), "closed before the lease ends");
        Assert.That(bed.Now - cutAt, Is.LessThan(Seconds(1.96)));
        var killed = bed.Sent.Select(s => s.Statement).OfType<Statement.KillSession>().Select(k => k.Id).Distinct();
        Assert.That(killed, Is.EqualTo(new[] { 41L, 42L }), "clients only: not ours, not the server's own, no binlog dumps");
    }

    [Test]
    public void An_opening_that_a_frozen_server_still_holds_in_its_buffers_is_not_carried_out_after_the_fence()
    {
        // The server freezes right when its guardian opens it; the lease ends; the server goes on.
        var bed = new HaBed(isPrimaryWritable: false);
        foreach (var node in bed.Nodes) node.Start();
        bed.Elect("north");
        bed.RunUntil(() => bed.Sent.Any(s => s.Statement is Statement.SetReadOnly { On: false }), Seconds(3), "the opening on its way");
        bed.Servers[0].Freeze();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(15), "a new primary");
        bed.RunFor(Seconds(1));
        bed.Servers[0].Thaw();
        bed.RunFor(Seconds(3));
        Assert.That(bed.Servers[0].IsReadOnly, bed.Story());
    }

    [Test]
    public void A_guardian_that_has_not_heard_of_the_recovery_cannot_make_two_writers()
    {
        // The guardian applies late. Its server was restarted read-only, the others lost sight of it: a recovery is opened, the
        // leader closes the server, and the guardian, whose lease still runs, opens it again.
        var bed = new HaBed().Started();
        bed.Node("east").ApplyLag = Seconds(3);
        bed.Node("north").IsBlindFor = bed.Node("west").IsBlindFor = HaBed.Key(1);
        bed.Servers[1].LoseSource();
        bed.Servers[2].LoseSource();
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is not null, Seconds(5), "an open recovery");
        bed.Node("north").IsBlindFor = null;
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        bed.RunFor(Seconds(5));
        Assert.That(bed.TwoWriters, Is.Null, bed.Story());
        Assert.That(bed.Servers[0].IsReadOnly);
    }

    [Test]
    public void The_replica_with_everything_is_promoted_and_not_the_one_that_is_first_by_name()
    {
        var bed = new HaBed().Started();
        bed.Servers[1].LoseSource();
        bed.Servers[0].Write(7);
        bed.RunFor(Seconds(0.5));
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(6), "the complete replica promoted");
        bed.RunUntil(() => bed.Servers[1].Executed.Contains(bed.Servers[0].Executed), Seconds(3), "the other one has caught up");
    }

    [Test]
    public void What_is_only_in_a_relay_log_is_applied_before_the_choice()
    {
        var bed = new HaBed().Started();
        bed.Servers[1].LoseSource();
        bed.Servers[2].StopApplying();
        bed.Servers[0].Write(7);
        bed.RunFor(Seconds(0.5));
        Assert.That(bed.Servers[2].Executed.IsEmpty, "the writes are in its relay log only");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(6), "a new primary");
        Assert.That(bed.Servers[2].Executed.Contains(bed.Servers[0].Executed), "no committed row was dropped");
    }

    [Test]
    public void A_recovery_without_any_complete_replica_fails_with_the_reason_and_is_tried_again_later()
    {
        var bed = new HaBed().Started();
        bed.Servers[2].Detour(bed.Servers[1]);
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main")!.Closed.Length == 1, Seconds(20), "a closed recovery");
        var recovery = bed.Node("north").Ha.Cluster("main")!.Closed.Single();
        Assert.That(recovery.IsSuccessful, Is.False);
        Assert.That(recovery.Closing, Does.Contain("have parted"));
        Assert.That(bed.Servers.Skip(1).Any(s => s.TakesWrites), Is.False);
        bed.RunUntil(() => bed.Node("north").Ha.OpenRecovery("main") is not null, Seconds(10), "another try");
    }

    private static bool HasIntent(HaBed bed, RecoveryStep step) =>
        bed.Node("north").Ha.OpenRecovery("main")?.Steps.Any(s => s.Step == step) == true;
}
