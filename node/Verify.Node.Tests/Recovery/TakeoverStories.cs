using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>Takeovers that operators ask for, on the bed of three data centres.</summary>
public sealed class TakeoverStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_takeover_closes_and_drains_the_old_primary_before_the_new_one_opens_and_the_old_one_follows()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Write(5);
        Ask(bed, RecoveryWish.GracefulTakeover, HaBed.Key(3));
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(5), "the named server open");
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(5), "the end of the takeover");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Servers[2].Executed.Contains(bed.Servers[0].Executed));
        Assert.That(Last(bed)!.Steps.Select(s => s.Step), Is.EqualTo(RecoveryPlan.Of(RecoveryKind.GracefulTakeover).Where(s => s != RecoveryStep.Close)));
        bed.RunUntil(() => bed.Servers[0].Source == HaBed.Key(3) && bed.Servers[1].Source == HaBed.Key(3), Seconds(5), "both others below the new primary");
        var closedAt = bed.Events.First(e => e.Event is NodeEvent.Fencing { Phase: "done" }).At;
        var openedAt = bed.Events.First(e => e.Event is NodeEvent.Opened opened && opened.Instance == HaBed.Key(3).ToString()).At;
        Assert.That(closedAt, Is.LessThan(openedAt));
        Assert.That(openedAt - closedAt, Is.LessThan(Seconds(1)), bed.Story());
    }

    [Test]
    public void Nobody_is_chosen_among_several_unless_the_operator_leaves_the_choice_to_the_node()
    {
        var bed = new HaBed().Started();
        Assert.That(Refusal(bed, RecoveryWish.GracefulTakeover, null), Does.Contain("2 servers could take over"));
        Ask(bed, RecoveryWish.GracefulTakeoverAuto, null);
        bed.RunUntil(() => Last(bed) is { IsOpen: false, IsSuccessful: true }, Seconds(10), "a takeover");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    /// <summary>A replica can follow an older version and not always a newer one: the upgraded server comes last until all are upgraded.</summary>
    [Test]
    public void Of_two_that_could_take_over_the_one_of_the_older_version_is_chosen([Values(2, 3)] int upgraded)
    {
        var bed = new HaBed();
        bed.Servers[upgraded - 1].Version = new(Flavor.MySql, 9, 8, 0);
        bed.Started();
        Ask(bed, RecoveryWish.GracefulTakeoverAuto, null);
        bed.RunUntil(() => Last(bed) is { IsOpen: false, IsSuccessful: true }, Seconds(10), "a takeover");
        Assert.That(Last(bed)!.Successor, Is.EqualTo(HaBed.Key(5 - upgraded)));
    }

    [Test]
    public void A_server_that_does_not_replicate_cannot_take_over_and_the_reason_is_said()
    {
        var bed = new HaBed().Started();
        bed.Servers[1].LoseSource();
        bed.RunFor(Seconds(1));
        Assert.That(Refusal(bed, RecoveryWish.GracefulTakeover, HaBed.Key(2)), Does.Contain("its replication does not run"));
        Assert.That(Refusal(bed, RecoveryWish.GracefulTakeover, HaBed.Key(1)), Does.Contain("is the primary already"));
        Assert.That(Refusal(bed, RecoveryWish.GracefulTakeover, new("db9", 3306)), Does.Contain("no server of main"));
    }

    [Test]
    public void When_the_new_one_cannot_catch_up_the_old_primary_is_opened_again()
    {
        var bed = new HaBed(c => c with { Recovery = new() { TakeoverLagMax = Seconds(3) } }).Started();
        Ask(bed, RecoveryWish.GracefulTakeover, HaBed.Key(2));
        bed.RunUntil(() => Last(bed)!.Successor is not null, Seconds(5), "a choice");
        bed.Servers[1].LoseSource();
        bed.Servers[0].Write(2);
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(10), "the takeover given up");
        Assert.That(Last(bed)!.IsSuccessful, Is.False);
        bed.RunUntil(() => bed.Servers[0].TakesWrites, Seconds(3), "the old primary open again");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.Node("north").Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
        bed.Servers[1].FindSource();
    }

    [Test]
    public void A_primary_that_dies_during_a_takeover_is_replaced_without_a_pause()
    {
        var bed = new HaBed().Started();
        Ask(bed, RecoveryWish.GracefulTakeover, HaBed.Key(2));
        bed.RunUntil(() => Last(bed) is { CurrentStep: RecoveryStep.FenceOldPrimary }, Seconds(5), "the closing");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(8), "a new primary");
        bed.RunUntil(() => Last(bed) is { IsOpen: false, IsSuccessful: true }, Seconds(8), "a recovery that succeeded");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_leader_that_is_lost_at_any_step_is_followed_by_one_that_goes_on(
        [Values(RecoveryStep.ChooseCandidate, RecoveryStep.FenceOldPrimary, RecoveryStep.CatchUp, RecoveryStep.Promote, RecoveryStep.PublishPrimary, RecoveryStep.RepointReplicas)] RecoveryStep step,
        [Values] bool isDone)
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Write(5);
        Ask(bed, RecoveryWish.GracefulTakeover, HaBed.Key(3));
        bed.RunUntil(() => Last(bed)!.Steps.Any(s => s.Step == step && (s.IsDone || !isDone)) || !Last(bed)!.IsOpen, Seconds(5), $"{step}");
        bed.Node("north").Kill();
        bed.Elect("west");
        bed.RunUntil(() => bed.Node("west").Ha.Cluster("main")!.Closed is { IsEmpty: false } closed && closed[^1].Id > 0, Seconds(20), "the end of the takeover");
        bed.RunUntil(() => bed.Servers.Count(s => s.TakesWrites) == 1, Seconds(10), "one primary");
        Assert.That(bed.TwoWriters, Is.Null);
        var primary = bed.Node("west").Ha.Primary("main");
        bed.RunUntil(() => bed.Servers.Where(s => s.Key != primary).All(s => s.Source == primary), Seconds(10), "all others below it");
    }

    [Test]
    public void A_forced_failover_of_a_primary_that_lives_loses_nothing_that_it_has_committed()
    {
        var bed = new HaBed().Started();
        bed.Servers[0].Write(7);
        Ask(bed, RecoveryWish.ForceFailover, null);
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(10), "the end");
        Assert.That(Last(bed)!.IsSuccessful, bed.Story());
        var primary = bed.Server(bed.Node("north").Ha.Primary("main")!.Value);
        Assert.That(primary.Key, Is.Not.EqualTo(HaBed.Key(1)));
        Assert.That(primary.Executed.Contains(bed.Servers[0].Executed));
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_forced_takeover_promotes_the_named_server_and_nobody_else()
    {
        var bed = new HaBed().Started();
        Assert.That(Refusal(bed, RecoveryWish.ForceTakeover, null), Does.Contain("must name"));
        bed.Servers[0].Die();
        Ask(bed, RecoveryWish.ForceTakeover, HaBed.Key(3));
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(10), "the named server open");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_primary_that_is_well_is_not_recovered_by_recover()
    {
        var bed = new HaBed().Started();
        Assert.That(Refusal(bed, RecoveryWish.Recover, null), Does.Contain("nothing to recover"));
    }

    [Test]
    public void A_guardian_that_was_replaced_without_knowing_it_cannot_open_what_a_takeover_has_closed()
    {
        var bed = new HaBed().Started();
        bed.RunFor(Seconds(4));
        bed.Node("east").IsAlone = true;
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Guardian != "n1:10008", Seconds(3), "another guardian");
        bed.RunFor(Seconds(0.1));
        Ask(bed, RecoveryWish.GracefulTakeover, HaBed.Key(2));
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(15), "the end of the takeover");
        bed.RunFor(Seconds(3));
        Assert.That(bed.TwoWriters, Is.Null, bed.Story());
    }

    private static RecoveryRecord? Last(HaBed bed)
    {
        var ledger = (bed.Leader ?? bed.Nodes[0]).Ha.Cluster("main")!;
        return ledger.OpenRecovery ?? ledger.Closed.LastOrDefault();
    }

    private static string Refusal(HaBed bed, RecoveryWish wish, InstanceKey? candidate)
    {
        var answer = bed.Leader!.Part.Plan(new("main", wish, null, candidate, "tester", WithoutHooks: false));
        Assert.That(answer.Command, Is.Null);
        return answer.Objection;
    }

    private static void Ask(HaBed bed, RecoveryWish wish, InstanceKey? candidate)
    {
        var answer = bed.Leader!.Part.Plan(new("main", wish, null, candidate, "tester", WithoutHooks: false));
        Assert.That(answer.Command, Is.Not.Null, answer.Objection);
        bed.Leader.Submit(answer.Command!, _ => { });
        bed.RunUntil(() => Last(bed) is not null, Seconds(1), "an open recovery");
    }
}
