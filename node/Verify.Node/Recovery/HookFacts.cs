using System.Collections.Immutable;
using System.Globalization;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;

namespace Verify.Node.Recovery;

/// <summary>What an operator's command is told of a recovery: orchestrator's placeholders (go/logic/topology_recovery.go, prepareCommand) and
/// its environment variables. Pure.</summary>
internal sealed record HookFacts
{
    public required RecoveryRecord Recovery { get; init; }

    /// <summary>This node, as people call it.</summary>
    public required string Node { get; init; }

    /// <summary>Those of the failed server when it failed.</summary>
    public required ImmutableArray<string> Replicas { get; init; }
    public required bool IsPrimary { get; init; }
    public bool IsDowntimed { get; init; }
    public string Command { get; init; } = "";

    /// <summary>How operators call the cluster.</summary>
    public required string ClusterAlias { get; init; }

    /// <summary>By DetectClusterDomainQuery; empty: not asked.</summary>
    public string ClusterDomain { get; init; } = "";

    /// <summary>By DetectInstanceAliasQuery; empty: not asked.</summary>
    public string SuccessorAlias { get; init; } = "";

    /// <summary>"file:position" of the successor's own binary log, as it was looked at last; empty: not known.</summary>
    public string SuccessorCoordinates { get; init; } = "";

    /// <summary>RecoverMasterClusterFilters names the cluster: its dead primary is replaced without asking.</summary>
    public required bool RecoversPrimaries { get; init; }

    /// <summary>RecoverIntermediateMasterClusterFilters names the cluster.</summary>
    public required bool RecoversIntermediates { get; init; }

    private ImmutableArray<string> Lost => [.. Recovery.Steps.Where(s => s.Step == RecoveryStep.RepointReplicas).SelectMany(s => s.Detail.Split("; "))
        .Where(d => d.Contains(" lost: ", StringComparison.Ordinal)).Select(d => d[..d.IndexOf(' ', StringComparison.Ordinal)])];

    /// <summary>The command with its placeholders filled in. Text that comes from elsewhere must not become part of the command's grammar:
    /// in it, what could mean something to a shell is replaced by '_'. The environment has it as it is.</summary>
    public string Expand(string command)
    {
        foreach (var (name, value) in Values()) command = command.Replace($"{{{name}}}", Harmless(value), StringComparison.Ordinal);
        return command;
    }

    public ImmutableSortedDictionary<string, string> Environment(HookPoint point)
    {
        var values = Values().ToDictionary(v => v.Name, v => v.Value, StringComparer.Ordinal);
        var environment = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (variable, name) in Variables) environment[variable] = values[name];
        environment["ORC_COMMAND"] = Command;
        environment["VERIFY_HOOK"] = point.ToString();
        environment["VERIFY_RECOVERY_ID"] = Number(Recovery.Id);
        environment["VERIFY_FENCING_TOKEN"] = Recovery.Published is { } token ? token.ToString() : "";
        return environment.ToImmutable();
    }

    private static readonly (string Variable, string Name)[] Variables =
    [
        ("ORC_FAILURE_TYPE", "failureType"), ("ORC_INSTANCE_TYPE", "instanceType"), ("ORC_IS_MASTER", "isMaster"), ("ORC_IS_CO_MASTER", "isCoMaster"),
        ("ORC_FAILURE_DESCRIPTION", "failureDescription"), ("ORC_FAILED_HOST", "failedHost"), ("ORC_FAILED_PORT", "failedPort"),
        ("ORC_FAILURE_CLUSTER", "failureCluster"), ("ORC_FAILURE_CLUSTER_ALIAS", "failureClusterAlias"), ("ORC_FAILURE_CLUSTER_DOMAIN", "failureClusterDomain"),
        ("ORC_COUNT_REPLICAS", "countReplicas"), ("ORC_IS_DOWNTIMED", "isDowntimed"), ("ORC_AUTO_MASTER_RECOVERY", "autoMasterRecovery"),
        ("ORC_AUTO_INTERMEDIATE_MASTER_RECOVERY", "autoIntermediateMasterRecovery"), ("ORC_ORCHESTRATOR_HOST", "orchestratorHost"),
        ("ORC_IS_SUCCESSFUL", "isSuccessful"), ("ORC_LOST_REPLICAS", "lostReplicas"), ("ORC_REPLICA_HOSTS", "replicaHosts"), ("ORC_RECOVERY_UID", "recoveryUID"),
        ("ORC_SUCCESSOR_HOST", "successorHost"), ("ORC_SUCCESSOR_PORT", "successorPort"), ("ORC_SUCCESSOR_BINLOG_COORDINATES", "successorBinlogCoordinates"),
        ("ORC_SUCCESSOR_ALIAS", "successorAlias"),
    ];

    private IEnumerable<(string Name, string Value)> Values()
    {
        var isCoMaster = Recovery.Analysis.Contains("CoMaster", StringComparison.Ordinal);
        yield return ("failureType", Recovery.Analysis);
        yield return ("instanceType", isCoMaster ? "co-master" : IsPrimary ? "master" : "intermediate-master");
        yield return ("isMaster", Word(IsPrimary));
        yield return ("isCoMaster", Word(isCoMaster));
        yield return ("failureDescription", Recovery.Votes);
        yield return ("command", Command);
        yield return ("failedHost", Recovery.Failed.Host);
        yield return ("failedPort", Number(Recovery.Failed.Port));
        yield return ("failureCluster", Recovery.Cluster);
        yield return ("failureClusterAlias", ClusterAlias);
        yield return ("failureClusterDomain", ClusterDomain);
        yield return ("countSlaves", Number(Replicas.Length));
        yield return ("countReplicas", Number(Replicas.Length));
        yield return ("isDowntimed", Word(IsDowntimed));
        yield return ("autoMasterRecovery", Word(RecoversPrimaries));
        yield return ("autoIntermediateMasterRecovery", Word(RecoversIntermediates));
        yield return ("orchestratorHost", Node);
        yield return ("recoveryUID", Number(Recovery.Id));
        yield return ("isSuccessful", Word(Recovery.IsSuccessful));
        yield return ("successorHost", Recovery.Successor?.Host ?? "");
        yield return ("successorPort", Recovery.Successor is { } s ? Number(s.Port) : "");
        yield return ("successorBinlogCoordinates", SuccessorCoordinates);
        yield return ("successorAlias", SuccessorAlias);
        yield return ("lostSlaves", string.Join(',', Lost));
        yield return ("lostReplicas", string.Join(',', Lost));
        yield return ("countLostReplicas", Number(Lost.Length));
        yield return ("slaveHosts", string.Join(',', Replicas));
        yield return ("replicaHosts", string.Join(',', Replicas));
    }

    private static string Harmless(string text) =>
        string.Concat(text.Select(static c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '.' or ':' or '-' or '_' or ',' or '/' or '@' or '+' or '=' ? c : '_'));

    private static string Word(bool value) => value ? "true" : "false";
    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
