using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Failures;

/// <summary>What is known of one server when a cluster is judged: the votes of the nodes, and the newest look that anybody had.</summary>
public sealed record SeenServer(InstanceKey Key, string DataCenter)
{
    public ImmutableArray<Vote> Votes { get; init; } = [];

    /// <summary>False only when the fresh votes say so: for the agreed primary by a majority of all voters, for any other server by a
    /// majority of those who look at it.</summary>
    public bool IsReached { get; init; } = true;

    /// <summary>It answered somebody, if not everything that was asked (orchestrator's LastCheckPartialSuccess).</summary>
    public bool IsReachedPartly { get; init; } = true;
    public InstanceKey? Source { get; init; }
    public ThreadState? IoThread { get; init; }
    public ThreadState? SqlThread { get; init; }

    /// <summary>The fetching thread shows an error of its connection to the source (2003, 2005, 2013, 1129, …).</summary>
    public bool IsFailingToConnect { get; init; }
    public double? LagSeconds { get; init; }
    public long DelaySeconds { get; init; }
    public bool UsesGtid { get; init; }
    public bool IsReadOnly { get; init; }
    public ServerVersion Version { get; init; }
    public bool HasBinlog { get; init; }

    /// <summary>Transactions that its source has not; empty: none are known.</summary>
    public string Errant { get; init; } = "";
    public ServerDetails? Details { get; init; }
    public bool IsDowntimed { get; init; }

    /// <summary>It fetches from its source right now: that source lives, whatever the applying thread does.</summary>
    public bool IsReading => IsReached && IoThread == ThreadState.Running;
    public bool IsConfiguredReplica => Source is not null;
}

/// <summary>A cluster as it is judged.</summary>
/// <param name="Primary">The agreed primary; null while there is none: then servers without a source are judged as primaries.</param>
public sealed record SeenCluster(string Cluster, InstanceKey? Primary, ImmutableArray<SeenServer> Servers);

/// <summary>How a cluster is judged: orchestrator's keys of the same names.</summary>
public sealed record AnalysisLimits
{
    public double ReasonableLagSeconds { get; init; } = 10;
    public bool EnforceExactSemiSyncReplicas { get; init; }

    /// <summary>Not orchestrator's. A replica that waits longer for its silent source is warned of; 0: none is.</summary>
    public long ReasonableReplicaNetTimeoutSeconds { get; init; } = 10;
}

/// <summary>The verdict on one server that has replicas, or had.</summary>
public sealed record ServerAnalysis(SeenServer Server)
{
    public DiagnosisCode Code { get; init; }
    public string Description { get; init; } = "";
    public ImmutableArray<StructureWarning> Warnings { get; init; } = [];
    public bool IsPrimary { get; init; }
    public bool IsCoPrimary { get; init; }

    /// <summary>Steps to the primary.</summary>
    public int Depth { get; init; }
    public ImmutableArray<SeenServer> Replicas { get; init; } = [];
    public int ValidReplicas { get; init; }

    /// <summary>Replicas that are reached and read from it: evidence of its life.</summary>
    public int ReadingReplicas { get; init; }
    public int FailingReplicas { get; init; }
    public int LaggingReplicas { get; init; }
    public int DelayedReplicas { get; init; }
}

/// <summary>What is unwise in a cluster's structure, in orchestrator's words (analysis.go); none of it is a failure yet.</summary>
public enum StructureWarning
{
    StatementAndMixedLoggingReplicasStructureWarning,
    StatementAndRowLoggingReplicasStructureWarning,
    MixedAndRowLoggingReplicasStructureWarning,
    MultipleMajorVersionsLoggingReplicasStructureWarning,
    NoLoggingReplicasStructureWarning,
    DifferentGTIDModesStructureWarning,
    ErrantGTIDStructureWarning,
    NoFailoverSupportStructureWarning,
    NoWriteableMasterStructureWarning,
    NotEnoughValidSemiSyncReplicasStructureWarning,

    /// <summary>Not orchestrator's: the primary or a replica may come up open after a restart.</summary>
    MayRestartWritableStructureWarning,

    /// <summary>Not orchestrator's: a replica goes on waiting for a silent source for so long (replica_net_timeout), and counts as evidence of its life
    /// meanwhile: a primary that hangs or is cut off is found dead that much later.</summary>
    LateReplicaNetTimeoutStructureWarning,
}

/// <summary>From what is seen of a cluster to a verdict on each of its servers. Pure; orchestrator's codes in orchestrator's order, the first that
/// applies counts (analysis_dao.go of 3.2.6), with one deliberate difference: a replica that reads counts as reading whether it applies or not. A
/// stopped SQL thread is no evidence of death.</summary>
public static class TopologyAnalysis
{
    private const int DepthMax = 64;

    /// <summary>One entry per server that has replicas, is a primary, or is the first below one and cannot reach it.</summary>
    public static ImmutableArray<ServerAnalysis> Of(SeenCluster cluster, AnalysisLimits limits)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(limits);
        var servers = new SortedDictionary<InstanceKey, SeenServer>();
        foreach (var server in cluster.Servers) servers[server.Key] = server;
        var replicasOf = cluster.Servers.Where(static s => s.Source is not null).ToLookup(static s => s.Source!.Value);
        var entries = ImmutableArray.CreateBuilder<ServerAnalysis>();
        foreach (var server in servers.Values)
        {
            // Of co-primaries each follows the other; a source does not count among its own replicas' tier.
            var replicas = replicasOf[server.Key].Where(r => r.Key != server.Key).ToImmutableArray();
            var isCoPrimary = server.Source is { } above && servers.TryGetValue(above, out var other) && other.Source == server.Key;
            var isPrimary = server.Key == cluster.Primary || (!isCoPrimary && server.Source is null && (cluster.Primary is null || replicas.Length > 0));
            entries.Add(Judge(server, replicas, isPrimary, isCoPrimary && !isPrimary, DepthOf(server, servers), limits));
        }

        return entries.ToImmutable();
    }

    private static ServerAnalysis Judge(
        SeenServer server, ImmutableArray<SeenServer> replicas, bool isPrimary, bool isCoPrimary, int depth, AnalysisLimits limits)
    {
        var counted = new ServerAnalysis(server)
        {
            IsPrimary = isPrimary, IsCoPrimary = isCoPrimary, Depth = depth, Replicas = replicas,
            ValidReplicas = replicas.Count(static r => r.IsReached),
            ReadingReplicas = replicas.Count(static r => r.IsReading),
            FailingReplicas = replicas.Count(static r => r is { IsReached: true, IsFailingToConnect: true }),
            LaggingReplicas = replicas.Count(r => r.IsReached && r.LagSeconds > limits.ReasonableLagSeconds),
            DelayedReplicas = replicas.Count(static r => r.DelaySeconds > 0),
        };
        var code = isPrimary ? OfPrimary(counted, limits) : isCoPrimary ? OfCoPrimary(counted) : OfIntermediate(counted);
        if (code == DiagnosisCode.NoProblem && depth == 1 && server is { IsReached: true, IsFailingToConnect: true }) code = DiagnosisCode.FirstTierReplicaFailingToConnectToMaster;
        return counted with { Code = code, Description = Words(code, counted), Warnings = replicas.IsEmpty ? [] : WarningsOf(counted, limits) };
    }

    private static DiagnosisCode OfPrimary(ServerAnalysis a, AnalysisLimits limits)
    {
        var (all, valid, reading) = (a.Replicas.Length, a.ValidReplicas, a.ReadingReplicas);
        if (!a.Server.IsReached) return (all, valid, reading) switch
        {
            (0, _, _) => DiagnosisCode.DeadMasterWithoutReplicas,
            (_, _, 0) when valid == all => DiagnosisCode.DeadMaster,
            (_, 0, 0) => DiagnosisCode.DeadMasterAndReplicas,
            (_, _, 0) => DiagnosisCode.DeadMasterAndSomeReplicas,
            _ when a.LaggingReplicas == all && a.DelayedReplicas < all => DiagnosisCode.UnreachableMasterWithLaggingReplicas,
            _ => DiagnosisCode.UnreachableMaster,
        };
        if (a.Server.Details is { SemiSyncSourceEnabled: true, SemiSyncSourceStatus: true, SemiSyncWaitFor: > 0 } semiSync)
        {
            if (semiSync.SemiSyncClients < semiSync.SemiSyncWaitFor)
                return semiSync.SemiSyncWaitSessions > 0 ? DiagnosisCode.LockedSemiSyncMaster : DiagnosisCode.LockedSemiSyncMasterHypothesis;
            if (limits.EnforceExactSemiSyncReplicas && semiSync.SemiSyncClients > semiSync.SemiSyncWaitFor) return DiagnosisCode.MasterWithTooManySemiSyncReplicas;
        }

        return (all, valid, reading) switch
        {
            (0, _, _) or (_, _, > 0) => DiagnosisCode.NoProblem,
            (1, 0, _) => DiagnosisCode.MasterSingleReplicaDead,
            (1, _, _) => DiagnosisCode.MasterSingleReplicaNotReplicating,
            _ when valid == all => DiagnosisCode.AllMasterReplicasNotReplicating,
            _ => DiagnosisCode.AllMasterReplicasNotReplicatingOrDead,
        };
    }

    private static DiagnosisCode OfCoPrimary(ServerAnalysis a)
    {
        var (all, valid, reading) = (a.Replicas.Length, a.ValidReplicas, a.ReadingReplicas);
        if (!a.Server.IsReached) return (all, valid, reading) switch
        {
            (0, _, _) => DiagnosisCode.NoProblem,
            (_, _, > 0) => DiagnosisCode.UnreachableCoMaster,
            _ when valid == all => DiagnosisCode.DeadCoMaster,
            (_, > 0, _) => DiagnosisCode.DeadCoMasterAndSomeReplicas,
            _ => DiagnosisCode.NoProblem,
        };
        return all > 0 && reading == 0 ? DiagnosisCode.AllCoMasterReplicasNotReplicating : DiagnosisCode.NoProblem;
    }

    private static DiagnosisCode OfIntermediate(ServerAnalysis a)
    {
        var (all, valid, reading) = (a.Replicas.Length, a.ValidReplicas, a.ReadingReplicas);
        if (all == 0) return DiagnosisCode.NoProblem;
        if (!a.Server.IsReached) return (all, valid, reading) switch
        {
            (1, 1, 0) when a.FailingReplicas == 1 => DiagnosisCode.DeadIntermediateMasterWithSingleReplicaFailingToConnect,
            (1, 1, 0) => DiagnosisCode.DeadIntermediateMasterWithSingleReplica,
            (_, _, 0) when valid == all => DiagnosisCode.DeadIntermediateMaster,
            (_, > 0, 0) => DiagnosisCode.DeadIntermediateMasterAndSomeReplicas,
            (_, 0, _) => DiagnosisCode.DeadIntermediateMasterAndReplicas,
            _ when a.LaggingReplicas == all && a.DelayedReplicas < all => DiagnosisCode.UnreachableIntermediateMasterWithLaggingReplicas,
            _ => DiagnosisCode.UnreachableIntermediateMaster,
        };
        if (reading > 0) return DiagnosisCode.NoProblem;
        return all > 1 && a.FailingReplicas > 0 && a.FailingReplicas == valid
            ? DiagnosisCode.AllIntermediateMasterReplicasFailingToConnectOrDead
            : DiagnosisCode.AllIntermediateMasterReplicasNotReplicating;
    }

    private static ImmutableArray<StructureWarning> WarningsOf(ServerAnalysis a, AnalysisLimits limits)
    {
        if (!a.Server.IsReached) return [];
        var warnings = ImmutableArray.CreateBuilder<StructureWarning>();
        var logging = a.Replicas.Where(static r => r is { IsReached: true, HasBinlog: true, Details.LogsReplicaUpdates: true }).ToArray();
        bool Logs(string format) => Array.Exists(logging, r => string.Equals(r.Details!.BinlogFormat, format, StringComparison.OrdinalIgnoreCase));
        if (Logs("STATEMENT") && Logs("MIXED")) warnings.Add(StructureWarning.StatementAndMixedLoggingReplicasStructureWarning);
        if (Logs("STATEMENT") && Logs("ROW")) warnings.Add(StructureWarning.StatementAndRowLoggingReplicasStructureWarning);
        if (Logs("MIXED") && Logs("ROW")) warnings.Add(StructureWarning.MixedAndRowLoggingReplicasStructureWarning);
        if (logging.Select(static r => (r.Version.Flavor, r.Version.Major, r.Version.Minor)).Distinct().Count() > 1) warnings.Add(StructureWarning.MultipleMajorVersionsLoggingReplicasStructureWarning);
        var known = a.Replicas.Where(static r => r is { IsReached: true, Details: not null }).ToArray();
        if (known.Length > 0 && known.Length == a.Replicas.Length && logging.Length == 0) warnings.Add(StructureWarning.NoLoggingReplicasStructureWarning);
        if (known.Select(static r => r.Details!.GtidMode).Distinct(StringComparer.Ordinal).Count() > 1) warnings.Add(StructureWarning.DifferentGTIDModesStructureWarning);
        if (a.Replicas.Any(static r => r.Errant.Length > 0)) warnings.Add(StructureWarning.ErrantGTIDStructureWarning);
        if (a.IsPrimary && a.Replicas.All(static r => r is { IsReached: true, UsesGtid: false, Version.Major: > 0 })) warnings.Add(StructureWarning.NoFailoverSupportStructureWarning);
        if (a.IsPrimary && a.Server is { IsReadOnly: true, Version.Major: > 0 }) warnings.Add(StructureWarning.NoWriteableMasterStructureWarning);
        var acknowledging = known.Count(static r => r.Details!.SemiSyncReplicaEnabled);
        if (a.IsPrimary && a.Server.Details is { SemiSyncSourceEnabled: true, SemiSyncWaitFor: > 0 } d && acknowledging < d.SemiSyncWaitFor)
            warnings.Add(StructureWarning.NotEnoughValidSemiSyncReplicasStructureWarning);
        if (a.IsPrimary && a.Replicas.Add(a.Server).Any(static s => s.Details?.AfterRestart is RestartState.AsConfigured))
            warnings.Add(StructureWarning.MayRestartWritableStructureWarning);
        if (limits.ReasonableReplicaNetTimeoutSeconds > 0 && known.Any(r => r.Details!.ReplicaNetTimeoutSeconds > limits.ReasonableReplicaNetTimeoutSeconds))
            warnings.Add(StructureWarning.LateReplicaNetTimeoutStructureWarning);
        return warnings.ToImmutable();
    }

    private static int DepthOf(SeenServer server, SortedDictionary<InstanceKey, SeenServer> servers)
    {
        var (depth, at) = (0, server);
        while (at.Source is { } source && depth < DepthMax && servers.TryGetValue(source, out var next))
        {
            depth++;
            at = next;
            if (at.Key == server.Key) return 0;
        }

        return at.Source is null ? depth : depth + 1;
    }

    private static string Words(DiagnosisCode code, ServerAnalysis a)
    {
        if (code == DiagnosisCode.NoProblem) return "";
        var down = a.Server.Votes.Count(static v => v.Kind == VoteKind.Down);
        var what = a.IsPrimary ? "primary" : a.IsCoPrimary ? "co-primary" : a.Replicas.IsEmpty ? "replica" : "intermediate primary";
        var seen = a.Server.IsReached ? $"the {what} {a.Server.Key} is reached" : $"{down} of {a.Server.Votes.Length} nodes do not reach the {what} {a.Server.Key}";
        return $"{seen}; of {a.Replicas.Length} replicas {a.ValidReplicas} are reached, {a.ReadingReplicas} read from it, {a.FailingReplicas} fail to connect to it, {a.LaggingReplicas} lag";
    }
}
