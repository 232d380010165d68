using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Policy;
using Verify.Node.Telemetry;
using Verify.Node.Topology;

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

    [Test]
    public void A_graceful_takeover_runs_its_own_hooks_before_and_after_and_none_of_a_failover_before()
    {
        var bed = Bed();
        Take(bed, HaBed.Key(3));
        bed.RunUntil(() => Ran(bed, "taken").Length == 1, Seconds(20), "the hook after the takeover");
        Assert.That(bed.Commands.Select(c => c.Command), Is.EqualTo(new[]
        {
            "detected GracefulMasterTakeover of db1:3306", "before taking db1", "primary is db3:3306 true", "post", "taken by db3 graceful-master-takeover",
        }));
        Assert.That(bed.Servers[2].TakesWrites);
    }

    [Test]
    public void A_command_before_a_takeover_that_ends_badly_leaves_the_primary_where_and_as_it_is()
    {
        var bed = Bed();
        bed.ExitCodes["before taking db1"] = 1;
        Take(bed, HaBed.Key(3));
        bed.RunUntil(() => Ran(bed, "failed").Length == 1, Seconds(20), "the hook of an unsuccessful takeover");
        Assert.That(bed.Node("north").Ha.Cluster("main")!.Closed.Single().Closing, Does.Contain("PreGracefulTakeoverProcesses"));
        Assert.That(bed.Servers[0].TakesWrites, "never closed");
        Assert.That(bed.Happened<NodeEvent.Fencing>(), Is.Empty);
    }

    [Test]
    public void The_failure_of_an_intermediate_primary_runs_its_hook_and_not_that_of_a_primary()
    {
        var bed = Bed(isDeep: true);
        bed.Servers[1].Die();
        bed.RunUntil(() => Ran(bed, "post").Length == 1, Seconds(20), "the last hook");
        Assert.That(bed.Commands.Select(c => c.Command), Is.EqualTo(new[]
        {
            "detected DeadIntermediateMasterWithSingleReplica of db2:3306", "pre main 1", "beside", "intermediate db2 of db3:3306 is gone", "post",
        }));
    }

    [Test]
    public void The_hooks_are_told_what_was_detected_of_the_cluster_and_of_the_successor_and_who_followed_the_dead_one()
    {
        var discovery = new DiscoverySettings { ClusterDomainQuery = "select domain", InstanceAliasQuery = "select alias" };
        var bed = Bed(configure: c => c with { Discovery = discovery, Recovery = new() { IntermediateFilters = ["other"] } }, prepare: bed =>
        {
            foreach (var server in bed.Servers)
            {
                server.Answers["select domain"] = "shop.example";
                server.Answers["select alias"] = $"alias of {server.Key.Host}";
                server.Binlog = ("binlog.000012", 345);
            }
        });
        bed.RunFor(Seconds(6));
        bed.Submit(bed.Leader!, new Command.Policy(new PolicyCommand.BeginDowntime(HaBed.Key(3), "jane", "disk", 60_000, default)), _ => { });
        bed.Servers[0].Die();
        bed.RunUntil(() => Ran(bed, "post").Length == 1, Seconds(20), "the last hook");
        var told = bed.Commands[^1].Environment;
        Assert.That((told["ORC_FAILURE_CLUSTER_DOMAIN"], told["ORC_SUCCESSOR_ALIAS"], told["ORC_SUCCESSOR_BINLOG_COORDINATES"]),
            Is.EqualTo(("shop.example", "alias of db2", "binlog.000012:345")));
        Assert.That((told["ORC_AUTO_MASTER_RECOVERY"], told["ORC_AUTO_INTERMEDIATE_MASTER_RECOVERY"], told["ORC_IS_DOWNTIMED"]), Is.EqualTo(("true", "false", "false")));
        Assert.That((told["ORC_COUNT_REPLICAS"], told["ORC_REPLICA_HOSTS"]), Is.EqualTo(("2", "db2:3306,db3:3306")), "as it was when the primary failed");
    }

    [Test]
    public void A_takeover_of_a_server_in_downtime_says_so_to_its_hooks()
    {
        var bed = Bed();
        bed.Submit(bed.Leader!, new Command.Policy(new PolicyCommand.BeginDowntime(HaBed.Key(1), "jane", "disk", 60_000, default)), _ => { });
        bed.RunFor(Seconds(0.1));
        Take(bed, HaBed.Key(2));
        bed.RunUntil(() => Ran(bed, "before").Length == 1, Seconds(5), "the first hooks");
        Assert.That(bed.Commands[^1].Environment["ORC_IS_DOWNTIMED"], Is.EqualTo("true"));
    }

    private static void Take(HaBed bed, InstanceKey candidate)
    {
        var answer = bed.Leader!.Part.Plan(new("main", RecoveryWish.GracefulTakeover, null, candidate, "tester", WithoutHooks: false));
        Assert.That(answer.Command, Is.Not.Null, answer.Objection);
        bed.Leader.Submit(answer.Command!, _ => { });
    }

    private static (string Node, string Command, ImmutableSortedDictionary<string, string> Environment)[] Ran(HaBed bed, string head) =>
        [.. bed.Commands.Where(c => c.Command.StartsWith(head, StringComparison.Ordinal))];

    private static HaBed Bed(bool isDeep = false, Func<NodeConfig, NodeConfig>? configure = null, Action<HaBed>? prepare = null)
    {
        var commands = ImmutableSortedDictionary.CreateBuilder<HookPoint, ImmutableArray<string>>();
        commands[HookPoint.OnFailureDetectionProcesses] = ["detected {failureType} of {failedHost}:{failedPort}"];
        commands[HookPoint.PreFailoverProcesses] = ["pre {failureCluster} {countReplicas}", "beside &"];
        commands[HookPoint.PostMasterFailoverProcesses] = ["primary is {successorHost}:{successorPort} {isSuccessful}"];
        commands[HookPoint.PostFailoverProcesses] = ["post"];
        commands[HookPoint.PostUnsuccessfulFailoverProcesses] = ["failed"];
        commands[HookPoint.PreGracefulTakeoverProcesses] = ["before taking {failedHost}"];
        commands[HookPoint.PostGracefulTakeoverProcesses] = ["taken by {successorHost} {command}"];
        commands[HookPoint.PostIntermediateMasterFailoverProcesses] = ["intermediate {failedHost} of {replicaHosts} is gone"];
        var hooks = new HookSettings { Commands = commands.ToImmutable() };
        var bed = new HaBed(c => (configure?.Invoke(c) ?? c) with { Hooks = hooks, Clusters = [c.Clusters[0] with { IsDeep = isDeep }] });
        if (isDeep) bed.Servers[2].Follow(HaBed.Key(2));
        prepare?.Invoke(bed);
        return bed.Started(leader: "north");
    }
}
