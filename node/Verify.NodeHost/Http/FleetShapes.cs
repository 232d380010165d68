using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's JSON of instances and clusters (go/inst/instance.go, cluster.go of 3.2.6), from what this node has.</summary>
internal static class FleetShapes
{
    private static readonly InstanceKey Nobody = new("", 0);

    public static object Cluster(ClusterPicture c, FleetState fleet)
    {
        fleet.Clusters.TryGetValue(c.Alias, out var known);
        return new
        {
            ClusterName = NameOf(c),
            ClusterAlias = fleet.AliasOf(c.Alias),
            ClusterDomain = known?.Domain ?? "",
            CountInstances = c.Instances.Count,
            HeuristicLag = (long)c.Instances.Max(static i => i.SecondsBehind ?? 0),
            HasAutomatedMasterRecovery = c.IsManaged,
            HasAutomatedIntermediateMasterRecovery = c.IsManaged,

            // Ours.
            Name = c.Alias,
            Primary = c.Primary?.ToString() ?? "",
            c.Token,
            c.LeaseHolder,
            c.RecoveryOpen,
            c.SetAside,
            c.IsManaged,
            c.DeadMan,
            c.IsNamed,
        };
    }

    /// <summary>orchestrator calls a cluster by its primary.</summary>
    public static string NameOf(ClusterPicture c) => (c.Primary ?? TopOf(c))?.ToString() ?? c.Alias;

    /// <summary>Where there is no agreed primary: who follows nobody, or the first of those who follow one another.</summary>
    public static InstanceKey? TopOf(ClusterPicture c)
    {
        var keys = c.Instances.Select(static i => i.Key).ToHashSet();
        return (c.Instances.FirstOrDefault(i => i.Source is null && c.Instances.Any(r => r.Source == i.Key))
            ?? c.Instances.FirstOrDefault(static i => i.Source is null)
            ?? c.Instances.FirstOrDefault(i => i.Source is { } s && (!keys.Contains(s) || c.Instances.Any(o => o.Key == s && o.Source == i.Key))))?.Key;
    }

    public static object Instance(ClusterPicture c, InstancePicture i, FleetState fleet)
    {
        var (replica, details, facts) = (i.Replica, i.Details, i.Facts);
        var isMySql = facts?.Flavor != Flavor.MariaDb;
        var replicas = c.Instances.Where(r => r.Source == i.Key).Select(static r => AnalysisApi.Key(r.Key)).ToArray();
        var isCoMaster = i.Source is { } s && c.Instances.Any(o => o.Key == s && o.Source == i.Key);
        fleet.Servers.TryGetValue(i.Key, out var known);
        var lag = new { Int64 = (long)(i.SecondsBehind ?? 0), Valid = i.SecondsBehind is not null };
        return new
        {
            Key = AnalysisApi.Key(i.Key), InstanceAlias = known?.Alias ?? "",
            Uptime = details?.UptimeSeconds ?? 0, ServerID = facts?.ServerId ?? 0,
            ServerUUID = i.ServerUuid, i.Version,
            VersionComment = details?.VersionComment ?? "",
            FlavorName = facts is null ? "" : isMySql ? "MySQL" : "MariaDB",
            ReadOnly = i.IsReadOnly,
            Binlog_format = details?.BinlogFormat ?? "", BinlogRowImage = details?.BinlogRowImage ?? "",
            LogBinEnabled = facts?.HasBinlog ?? false,
            LogSlaveUpdatesEnabled = details?.LogsReplicaUpdates ?? false,
            LogReplicationUpdatesEnabled = details?.LogsReplicaUpdates ?? false,
            SelfBinlogCoordinates = AnalysisApi.Coordinates(details?.Binlog.ToString() ?? ""),
            MasterKey = AnalysisApi.Key(i.Source ?? Nobody), MasterUUID = replica?.SourceUuid ?? "",
            IsDetachedMaster = i.Source is { } d && d.Host.StartsWith("//", StringComparison.Ordinal),
            Slave_SQL_Running = replica?.SqlThread == ThreadState.Running,
            ReplicationSQLThreadRuning = replica?.SqlThread == ThreadState.Running,
            Slave_IO_Running = replica?.IoThread == ThreadState.Running,
            ReplicationIOThreadRuning = replica?.IoThread == ThreadState.Running,
            ReplicationSQLThreadState = NumberOf(replica?.SqlThread), ReplicationIOThreadState = NumberOf(replica?.IoThread),
            GTIDMode = details?.GtidMode ?? "",
            SupportsOracleGTID = isMySql && details?.GtidMode == "ON",
            UsingOracleGTID = isMySql && replica?.UsesGtid == true,
            UsingMariaDBGTID = !isMySql && replica?.UsesGtid == true,
            UsingPseudoGTID = false, ReadBinlogCoordinates = AnalysisApi.Coordinates(replica?.ReadUpTo.ToString() ?? ""),
            ExecBinlogCoordinates = AnalysisApi.Coordinates(replica?.AppliedUpTo.ToString() ?? ""),
            RelaylogCoordinates = AnalysisApi.Coordinates(replica?.RelayUpTo.ToString() ?? "", type: 1),
            LastSQLError = replica?.LastSqlError ?? "", LastIOError = replica?.LastIoError ?? "",
            SecondsBehindMaster = lag,
            SQLDelay = replica?.DelaySeconds ?? 0,
            ExecutedGtidSet = i.Executed, GtidPurged = details?.GtidPurged ?? "",
            GtidErrant = i.Errant,
            SlaveLagSeconds = lag, ReplicationLagSeconds = lag,
            SlaveHosts = replicas, Replicas = replicas,
            ClusterName = NameOf(c),
            SuggestedClusterAlias = fleet.AliasOf(c.Alias),
            i.DataCenter,
            Region = "", PhysicalEnvironment = "",
            ReplicationDepth = DepthOf(c, i),
            IsCoMaster = isCoMaster,
            SemiSyncEnforced = i.SemiSyncEnforced is { Length: > 0 } and not "0",
            SemiSyncMasterEnabled = details?.SemiSyncSourceEnabled ?? false,
            SemiSyncReplicaEnabled = details?.SemiSyncReplicaEnabled ?? false,
            SemiSyncMasterTimeout = details?.SemiSyncTimeoutMs ?? 0,
            SemiSyncMasterWaitForReplicaCount = details?.SemiSyncWaitFor ?? 0,
            SemiSyncMasterStatus = details?.SemiSyncSourceStatus ?? false,
            SemiSyncMasterClients = details?.SemiSyncClients ?? 0,
            SemiSyncReplicaStatus = details?.SemiSyncReplicaStatus ?? false,
            IsLastCheckValid = i.LastProbeOk, IsUpToDate = i.LastProbeOk,
            IsRecentlyChecked = i.SeenMsAgo is >= 0 and < 60_000,
            SecondsSinceLastSeen = new { Int64 = Math.Max(0, i.SeenMsAgo / 1000), Valid = i.SeenMsAgo >= 0 },
            PromotionRule = known is { PromotionRule.Length: > 0 } ? known.PromotionRule : "neutral",
            UnresolvedHostname = fleet.VirtualHosts.GetValueOrDefault(i.Key, ""),
            Problems = ProblemsOf(c, i),

            // Ours.
            LastSeenMillisecondsAgo = i.SeenMsAgo,
            IsPrimary = c.Primary == i.Key,
            Problem = i.Problem, i.IsHung,
            Channels = replica?.Channels ?? 0,
        };
    }

    /// <summary>orchestrator's words: last_check_invalid, not_recently_checked, not_replicating, replication_lag, errant_gtid, group_replication….</summary>
    public static IReadOnlyList<string> ProblemsOf(ClusterPicture c, InstancePicture i)
    {
        var problems = new List<string>();
        if (!i.LastProbeOk) problems.Add("last_check_invalid");
        else if (i.Source is not null && i.Replica is not { IoThread: ThreadState.Running, SqlThread: ThreadState.Running }) problems.Add("not_replicating");
        else if (i.SecondsBehind > 10) problems.Add("replication_lag");
        if (i.Errant.Length > 0) problems.Add("errant_gtid");
        if (i.LastProbeOk && c.Primary is { } primary && primary != i.Key && i.Source is null) problems.Add("not_replicating_from_anybody");
        return problems;
    }

    public static int DepthOf(ClusterPicture c, InstancePicture i)
    {
        var (depth, at) = (0, i);
        while (at.Source is { } source && depth < c.Instances.Count)
        {
            depth++;
            if (c.Instances.FirstOrDefault(o => o.Key == source) is not { } next || next.Source == at.Key) break;
            at = next;
        }

        return depth;
    }

    /// <summary>orchestrator's tree: one line per server, indented by depth, with a bracket of facts.</summary>
    public static IEnumerable<(string Branch, InstancePicture Instance)> Tree(ClusterPicture c)
    {
        var below = c.Instances.Where(static i => i.Source is not null).ToLookup(static i => i.Source!.Value);
        var shown = new HashSet<InstanceKey>();
        var roots = c.Instances.OrderByDescending(i => i.Key == (c.Primary ?? TopOf(c))).ThenBy(static i => i.Source is not null).ThenBy(static i => i.Key);
        foreach (var root in roots)
        {
            if (root.Source is { } s && root.Key != c.Primary && c.Instances.Any(o => o.Key == s) && root.Key != TopOf(c)) continue;
            foreach (var line in Walk(root, 0)) yield return line;
        }

        foreach (var left in c.Instances.Where(i => !shown.Contains(i.Key)).ToArray())
            foreach (var line in Walk(left, 0)) yield return line;

        IEnumerable<(string, InstancePicture)> Walk(InstancePicture i, int depth)
        {
            if (!shown.Add(i.Key)) yield break;
            yield return (depth == 0 ? "" : new string(' ', (depth - 1) * 2) + "+ ", i);
            foreach (var replica in below[i.Key].OrderBy(static r => r.Key))
                foreach (var line in Walk(replica, depth + 1)) yield return line;
        }
    }

    /// <summary>orchestrator's columns: lag, state, version, rw/ro, format, and flags (&gt;&gt;: logs what it replicates, GTID).</summary>
    public static string[] Columns(InstancePicture i)
    {
        var state = !i.LastProbeOk ? "invalid" : i.Source is null || i.Replica is { IoThread: ThreadState.Running, SqlThread: ThreadState.Running } ? "ok" : "nonreplicating";
        var lag = i.Source is null ? "0s" : i.SecondsBehind is { } seconds ? $"{seconds:0}s" : "null";
        var version = i.Version.Split(' ').LastOrDefault("");
        string[] flags = [.. i.Details is { LogsReplicaUpdates: true } ? [">>"] : Array.Empty<string>(), .. i.Replica is { UsesGtid: true } || i.Executed.Length > 0 ? ["GTID"] : Array.Empty<string>()];
        return [lag, state, version, i.IsReadOnly ? "ro" : "rw", i.Details is { BinlogFormat.Length: > 0 } d ? d.BinlogFormat : "nobinlog", string.Join(',', flags)];
    }

    /// <summary>-1: no thread; 0: stopped; 1: running; 2: other (instance.go, ReplicationThreadState).</summary>
    private static int NumberOf(ThreadState? state) => state switch { null => -1, ThreadState.Stopped => 0, ThreadState.Running => 1, _ => 2 };
}
