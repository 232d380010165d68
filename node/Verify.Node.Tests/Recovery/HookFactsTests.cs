using System.Collections.Immutable;
using Verify.Node.Recovery;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>Every placeholder and every variable of orchestrator 3.2.6 (go/logic/topology_recovery.go, prepareCommand and
/// applyEnvironmentVariables), with what it says of one recovery.</summary>
internal sealed class HookFactsTests
{
    /// <summary>Placeholder, variable (empty: there is none), value.</summary>
    private static readonly (string Placeholder, string Variable, string Value)[] Words =
    [
        ("failureType", "ORC_FAILURE_TYPE", "DeadMaster"),
        ("instanceType", "ORC_INSTANCE_TYPE", "master"),
        ("isMaster", "ORC_IS_MASTER", "true"),
        ("isCoMaster", "ORC_IS_CO_MASTER", "false"),
        ("failureDescription", "ORC_FAILURE_DESCRIPTION", "2 of 3 nodes do not reach it"),
        ("command", "ORC_COMMAND", "force-master-takeover"),
        ("failedHost", "ORC_FAILED_HOST", "db1"),
        ("failedPort", "ORC_FAILED_PORT", "3306"),
        ("failureCluster", "ORC_FAILURE_CLUSTER", "main"),
        ("failureClusterAlias", "ORC_FAILURE_CLUSTER_ALIAS", "shop"),
        ("failureClusterDomain", "ORC_FAILURE_CLUSTER_DOMAIN", "shop.example"),
        ("countSlaves", "", "2"),
        ("countReplicas", "ORC_COUNT_REPLICAS", "2"),
        ("isDowntimed", "ORC_IS_DOWNTIMED", "true"),
        ("autoMasterRecovery", "ORC_AUTO_MASTER_RECOVERY", "false"),
        ("autoIntermediateMasterRecovery", "ORC_AUTO_INTERMEDIATE_MASTER_RECOVERY", "true"),
        ("orchestratorHost", "ORC_ORCHESTRATOR_HOST", "n2:10008"),
        ("recoveryUID", "ORC_RECOVERY_UID", "4711"),
        ("isSuccessful", "ORC_IS_SUCCESSFUL", "true"),
        ("successorHost", "ORC_SUCCESSOR_HOST", "db2"),
        ("successorPort", "ORC_SUCCESSOR_PORT", "3307"),
        ("successorBinlogCoordinates", "ORC_SUCCESSOR_BINLOG_COORDINATES", "binlog.000012:345"),
        ("successorAlias", "ORC_SUCCESSOR_ALIAS", "blue"),
        ("lostSlaves", "", "db3:3306"),
        ("lostReplicas", "ORC_LOST_REPLICAS", "db3:3306"),
        ("countLostReplicas", "", "1"),
        ("slaveHosts", "", "db2:3307,db3:3306"),
        ("replicaHosts", "ORC_REPLICA_HOSTS", "db2:3307,db3:3306"),
    ];

    [Test]
    public void Every_placeholder_of_orchestrator_has_its_value()
    {
        foreach (var (placeholder, _, value) in Words)
            Assert.That(Failover().Expand($"page {{{placeholder}}}!"), Is.EqualTo($"page {value}!"), placeholder);
    }

    [Test]
    public void Every_variable_of_orchestrator_has_the_value_of_its_placeholder_and_there_are_no_others_of_that_name()
    {
        var environment = Failover().Environment(HookPoint.PostFailoverProcesses);
        var expected = Words.Where(static w => w.Variable.Length > 0).ToDictionary(static w => w.Variable, static w => w.Value, StringComparer.Ordinal);
        Assert.That(expected, Has.Count.EqualTo(24), "as many as orchestrator sets");
        Assert.That(environment.Where(static v => v.Key.StartsWith("ORC_", StringComparison.Ordinal)), Is.EquivalentTo(expected));
        Assert.That((environment["VERIFY_HOOK"], environment["VERIFY_RECOVERY_ID"], environment["VERIFY_FENCING_TOKEN"]),
            Is.EqualTo(("PostFailoverProcesses", "4711", new FencingToken(9).ToString())));
    }

    [Test]
    public void What_is_not_known_yet_is_empty()
    {
        var begun = Failover() with { SuccessorAlias = "", SuccessorCoordinates = "", ClusterDomain = "" };
        begun = begun with { Recovery = begun.Recovery with { Successor = null, Published = null, IsSuccessful = false, Steps = [] } };
        Assert.That(
            begun.Expand("{successorHost}{successorPort}{successorAlias}{successorBinlogCoordinates}{failureClusterDomain}{lostReplicas}|{countLostReplicas} {isSuccessful}"),
            Is.EqualTo("|0 false"));
    }

    [TestCase("DeadIntermediateMaster", "intermediate-master", "false", "false")]
    [TestCase("DeadCoMaster", "co-master", "false", "true")]
    public void A_server_that_is_no_primary_is_not_called_one(string analysis, string instanceType, string isMaster, string isCoMaster)
    {
        var facts = Failover();
        facts = facts with { IsPrimary = false, Recovery = facts.Recovery with { Kind = RecoveryKind.DeadIntermediatePrimary, Analysis = analysis } };
        Assert.That(facts.Expand("{instanceType} {isMaster} {isCoMaster}"), Is.EqualTo($"{instanceType} {isMaster} {isCoMaster}"));
    }

    [Test]
    public void Text_that_could_mean_something_to_a_shell_reaches_a_command_only_in_its_environment()
    {
        var facts = Failover() with { SuccessorAlias = "blue; rm -rf $HOME `id`" };
        Assert.That(facts.Expand("page {successorAlias}"), Is.EqualTo("page blue_ rm -rf _HOME _id_"));
        Assert.That(facts.Environment(HookPoint.PostFailoverProcesses)["ORC_SUCCESSOR_ALIAS"], Is.EqualTo("blue; rm -rf $HOME `id`"));
    }

    private static HookFacts Failover() => new()
    {
        Recovery = new RecoveryRecord
        {
            Id = 4711, Cluster = "main", Failed = new("db1", 3306), Analysis = "DeadMaster", Votes = "2 of 3 nodes do not reach it", SeenToken = new(7),
            Successor = new InstanceKey("db2", 3307), Published = new(9), IsOpen = false, IsSuccessful = true,
            Steps = [new(RecoveryStep.RepointReplicas, "db2:3307", 1, 0, IsDone: true, "db2:3307 leads; db3:3306 lost: it has parted")],
        },
        Node = "n2:10008", Replicas = ["db2:3307", "db3:3306"], IsPrimary = true, IsDowntimed = true, Command = "force-master-takeover",
        ClusterAlias = "shop", ClusterDomain = "shop.example", SuccessorAlias = "blue", SuccessorCoordinates = "binlog.000012:345",
        RecoversPrimaries = false, RecoversIntermediates = true,
    };
}
