using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;

namespace Verify.Node.Tests.Recovery;

/// <summary>Failovers in a group with a member of the release before. The bed refuses to put anything into the log at which that one would stop.</summary>
public sealed class MixedVersionStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_dead_primary_is_replaced_by_entries_that_the_old_member_knows()
    {
        var bed = Mixed();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main")!.Closed.Length == 1, Seconds(20), "the failover");
        var recovery = bed.Node("north").Ha.Cluster("main")!.Closed.Single();
        Assert.That((recovery.IsSuccessful, recovery.Kind), Is.EqualTo((true, RecoveryKind.DeadPrimary)), bed.Story());
        Assert.That(bed.Servers.Count(s => s.TakesWrites), Is.EqualTo(1));
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.HaCommands.OfType<HaCommand.OpenRecovery>().Count(), Is.EqualTo(1));
        Assert.That(bed.HaCommands.OfType<HaCommand.CloseRecovery>().Count(), Is.EqualTo(1));
        var (log, sent) = (Lasting(bed), bed.Log.Count);
        bed.RunFor(Seconds(30));
        Assert.That(Lasting(bed), Is.EqualTo(log), "nothing is proposed again and again");
        Assert.That(bed.Log.Count - sent, Is.LessThan(200), "renewals only");
    }

    [Test]
    public void A_guardian_that_cannot_say_how_long_its_lease_is_takes_the_one_that_the_others_expect()
    {
        var bed = Mixed(c => string.Equals(c.DataCenter, "east", StringComparison.Ordinal) ? c with { Timing = new() { WriteLease = Seconds(6) } } : c);
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(20), "a new primary");
        bed.RunFor(Seconds(0.1));
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.HaCommands.OfType<HaCommand.RenewLease>().Select(r => r.LeaseMs), Is.All.Zero);
    }

    [Test]
    public void The_hooks_of_a_failover_run_once_each_though_the_log_cannot_say_so()
    {
        var commands = ImmutableSortedDictionary.CreateBuilder<HookPoint, ImmutableArray<string>>();
        commands[HookPoint.OnFailureDetectionProcesses] = ["detected"];
        commands[HookPoint.PreFailoverProcesses] = ["pre"];
        commands[HookPoint.PostMasterFailoverProcesses] = ["primary is {successorHost}"];
        commands[HookPoint.PostFailoverProcesses] = ["post"];
        var bed = Mixed(c => c with { Hooks = new HookSettings { Commands = commands.ToImmutable() } });
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Commands.Count == 4, Seconds(20), "the last hook");
        bed.RunFor(Seconds(10));
        Assert.That(bed.Commands.Select(c => c.Command), Is.EqualTo(new[] { "detected", "pre", "primary is db2", "post" }));
        Assert.That(bed.Node("north").Fencing.Hooks(bed.Node("north").Ha.Cluster("main")!.Closed.Single().Id), Is.Empty);
    }

    [Test]
    public void A_hook_that_says_no_aborts_the_failover_here_too()
    {
        var commands = ImmutableSortedDictionary.CreateBuilder<HookPoint, ImmutableArray<string>>();
        commands[HookPoint.PreFailoverProcesses] = ["pre"];
        var bed = Mixed(c => c with { Hooks = new HookSettings { Commands = commands.ToImmutable() } });
        bed.ExitCodes["pre"] = 3;
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main")!.Closed.Length == 1, Seconds(20), "the end of the recovery");
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed[0].Closing, Does.Contain("PreFailoverProcesses").And.Contain("ended with 3"));
    }

    [Test]
    public void A_guardian_that_dies_is_replaced_by_another_only_when_all_members_are_upgraded_and_then_at_once()
    {
        var bed = Mixed();
        bed.WireVersion = 3;
        bed.RunFor(Seconds(2));
        Assert.That(bed.Log.Select(e => e.Command).OfType<Command.Fencing>().Select(f => f.Inner).OfType<FencingCommand.NoteSwitch>().Count(), Is.EqualTo(1), "what waited is written down");
        Assert.That(bed.Log.Select(e => e.Command).OfType<Command.Fencing>().Select(f => f.Inner).OfType<FencingCommand.BeginPublishing>().Count(), Is.EqualTo(1));
        bed.Node("east").Kill();
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main")!.Guardian == "n2:10008", Seconds(5), "another guardian");
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void A_guardian_that_dies_in_a_mixed_group_costs_a_failover_and_no_flood_of_proposals()
    {
        var bed = Mixed();
        bed.Node("east").Kill();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(20), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
        Assert.That(bed.HaCommands.OfType<HaCommand.ChangeGuardian>(), Is.Empty);
    }

    private static string[] Lasting(HaBed bed) => [.. bed.Log.Select(e => e.Command).Where(c => c is not Command.Ha(HaCommand.RenewLease)).Select(c => c.ToString())];

    private static HaBed Mixed(Func<NodeConfig, NodeConfig>? configure = null)
    {
        var bed = new HaBed(configure) { WireVersion = 2 }.Started(leader: "north");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Log.Select(e => e.Command).Where(c => c is not Command.Ha), Is.Empty);
        return bed;
    }
}
