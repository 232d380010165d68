using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;

namespace Verify.Node.Tests.Recovery;

/// <summary>The operator's commands around a failover.</summary>
public sealed class HookStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_failover_runs_its_hooks_in_order_with_orchestrator_s_words_and_the_recovery_s_id()
    {
        var bed = Bed();
        bed.Servers[0].Die();
        bed.RunUntil(() => Ran(bed, "post").Length == 1, Seconds(20), "the last hook");
        Assert.That(bed.Commands.Select(c => c.Command), Is.EqualTo(new[]
        {
            "detected DeadMaster of db1:3306", "pre main 2", "beside", "primary is db2:3306 true", "post",
        }));
        var recovery = bed.Node("north").Ha.Cluster("main")!.Closed.Single();
        var environment = bed.Commands[^1].Environment;
        Assert.That(environment["ORC_RECOVERY_UID"], Is.EqualTo($"{recovery.Id}"));
        Assert.That((environment["ORC_SUCCESSOR_HOST"], environment["ORC_FAILURE_TYPE"], environment["ORC_IS_SUCCESSFUL"]), Is.EqualTo(("db2", "DeadMaster", "true")));
        Assert.That(environment["VERIFY_FENCING_TOKEN"], Is.EqualTo($"{recovery.Published}"));
        bed.RunFor(Seconds(5));
        Assert.That(bed.Commands, Has.Count.EqualTo(5), "each once");
    }

    [Test]
    public void A_command_before_the_failover_that_ends_badly_aborts_it_and_the_commands_for_failure_run()
    {
        var bed = Bed();
        bed.ExitCodes["pre main 2"] = 3;
        bed.Servers[0].Die();
        bed.RunUntil(() => Ran(bed, "failed").Length == 1, Seconds(20), "the hook of an unsuccessful failover");
        var recovery = bed.Node("north").Ha.Cluster("main")!.Closed.First();
        Assert.That((recovery.IsSuccessful, recovery.Steps.Length), Is.EqualTo((false, 0)));
        Assert.That(recovery.Closing, Does.Contain("PreFailoverProcesses").And.Contain("ended with 3"));
        Assert.That(bed.Servers.Skip(1).Any(s => s.TakesWrites), Is.False);
    }

    [Test]
    public void A_leader_that_dies_while_a_command_runs_leaves_it_to_the_next_leader()
    {
        var bed = Bed();
        bed.CommandTime = Seconds(2);
        bed.Servers[0].Die();
        bed.RunUntil(() => Ran(bed, "detected").Length == 1, Seconds(20), "the first command");
        bed.Node("north").Kill();
        bed.Elect("west");
        bed.CommandTime = Seconds(0.01);
        bed.RunUntil(() => bed.Node("west").Ha.Cluster("main")!.Closed.Length == 1 && Ran(bed, "post").Length == 1, Seconds(30), "the failover and its last hook");
        Assert.That(Ran(bed, "detected"), Has.Length.EqualTo(2), "at least once: the first run was not written down");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    private static (string Node, string Command, ImmutableSortedDictionary<string, string> Environment)[] Ran(HaBed bed, string head) =>
        [.. bed.Commands.Where(c => c.Command.StartsWith(head, StringComparison.Ordinal))];

    private static HaBed Bed()
    {
        var commands = ImmutableSortedDictionary.CreateBuilder<HookPoint, ImmutableArray<string>>();
        commands[HookPoint.OnFailureDetectionProcesses] = ["detected {failureType} of {failedHost}:{failedPort}"];
        commands[HookPoint.PreFailoverProcesses] = ["pre {failureCluster} {countReplicas}", "beside &"];
        commands[HookPoint.PostMasterFailoverProcesses] = ["primary is {successorHost}:{successorPort} {isSuccessful}"];
        commands[HookPoint.PostFailoverProcesses] = ["post"];
        commands[HookPoint.PostUnsuccessfulFailoverProcesses] = ["failed"];
        var hooks = new HookSettings { Commands = commands.ToImmutable() };
        return new HaBed(c => c with { Hooks = hooks }).Started(leader: "north");
    }
}
