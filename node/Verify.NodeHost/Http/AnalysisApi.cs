using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>The leader's verdicts: orchestrator's replication-analysis with its 57 fields, and our breakdown with every node's and every replica's vote.</summary>
internal sealed class AnalysisApi(INodeApi node, string nodeName)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/replication-analysis", () => AnalysisAsync(null));
        routes.MapGet("/api/replication-analysis/{name}", (string name) => AnalysisAsync(name));
        routes.MapGet("/api/replication-analysis/instance/{host}/{port:int}", (string host, int port) => OfInstanceAsync(new(host, port)));
        routes.MapGet("/api/replication-analysis-votes", () => VotesAsync(null));
        routes.MapGet("/api/replication-analysis-votes/{name}", (string name) => VotesAsync(name));
    }

    private Task<IResult> AnalysisAsync(string? cluster) => AnswerAsync(e => IsIn(e, cluster) && IsTold(e), Shape);

    private Task<IResult> OfInstanceAsync(InstanceKey instance) => AnswerAsync(e => e.Instance == instance, Shape);

    private Task<IResult> VotesAsync(string? cluster) => AnswerAsync(e => IsIn(e, cluster), static e => new
    {
        AnalyzedInstanceKey = Key(e.Instance),
        ClusterName = e.Cluster,
        Analysis = e.Code,
        e.Description,
        e.Condition,
        Votes = e.Votes.Select(VoteOf),
        Replicas = e.Replicas.Select(static r => new { Key = Key(r.Key), r.Says, r.IoThread, r.SqlThread, Votes = r.Votes.Select(VoteOf) }),
    });

    private async Task<IResult> AnswerAsync(Func<AnalysisEntry, bool> which, Func<AnalysisEntry, object> shape) => await node.AskAsync(new ApiRequest.TopologyAnalysis()) switch
    {
        ApiReply.Topology(var entries) => Answer.Ok("Analysis", entries.Where(which).Select(shape).ToArray()),
        var other => Answer.Of(other),
    };

    /// <summary>orchestrator tells of what is wrong; the primaries are in the list in any case, with NoProblem, as they were before.</summary>
    private static bool IsTold(AnalysisEntry e) => e.Code != "NoProblem" || e.Warnings.Count > 0 || e.Is(AnalysisFlags.IsMaster);

    private static bool IsIn(AnalysisEntry e, string? cluster) => cluster is null || e.Cluster == cluster || e.Alias == cluster || e.Instance.ToString() == cluster;

    private object Shape(AnalysisEntry e)
    {
        var replicas = e.Replicas.Select(static r => Key(r.Key)).ToArray();
        return new
        {
            AnalyzedInstanceKey = Key(e.Instance),
            AnalyzedInstanceMasterKey = Key(e.Source ?? new("", 0)),
            ClusterDetails = new
            {
                ClusterName = e.Cluster, ClusterAlias = e.Alias, ClusterDomain = "", CountInstances = replicas.Length + 1, HeuristicLag = 0,
                HasAutomatedMasterRecovery = true, HasAutomatedIntermediateMasterRecovery = true,
            },
            AnalyzedInstanceDataCenter = e.DataCenter,
            AnalyzedInstanceRegion = "",
            AnalyzedInstancePhysicalEnvironment = "",
            AnalyzedInstanceBinlogCoordinates = Coordinates(e.Binlog),
            IsMaster = e.Is(AnalysisFlags.IsMaster),
            IsReplicationGroupMember = false,
            IsCoMaster = e.Is(AnalysisFlags.IsCoMaster),
            LastCheckValid = e.Is(AnalysisFlags.LastCheckValid),
            LastCheckPartialSuccess = e.Is(AnalysisFlags.LastCheckPartialSuccess),
            CountReplicas = replicas.Length,
            CountValidReplicas = e.Of(AnalysisNumber.ValidReplicas),
            CountValidReplicatingReplicas = e.Of(AnalysisNumber.ReadingReplicas),
            CountReplicasFailingToConnectToMaster = e.Of(AnalysisNumber.FailingReplicas),
            CountDowntimedReplicas = e.Of(AnalysisNumber.DowntimedReplicas),
            ReplicationDepth = e.Of(AnalysisNumber.Depth),
            Replicas = replicas,
            SlaveHosts = replicas,
            IsFailingToConnectToMaster = e.Is(AnalysisFlags.IsFailingToConnectToMaster),
            Analysis = e.Code,
            e.Description,
            StructureAnalysis = e.Warnings,
            IsDowntimed = e.Is(AnalysisFlags.IsDowntimed),
            IsReplicasDowntimed = e.Is(AnalysisFlags.IsReplicasDowntimed),
            DowntimeEndTimestamp = "",
            DowntimeRemainingSeconds = 0,
            IsBinlogServer = false,
            PseudoGTIDImmediateTopology = false,
            OracleGTIDImmediateTopology = e.Is(AnalysisFlags.OracleGtid),
            MariaDBGTIDImmediateTopology = e.Is(AnalysisFlags.MariaGtid),
            BinlogServerImmediateTopology = false,
            SemiSyncMasterEnabled = e.Is(AnalysisFlags.SemiSyncMasterEnabled),
            SemiSyncMasterStatus = e.Is(AnalysisFlags.SemiSyncMasterStatus),
            SemiSyncMasterWaitForReplicaCount = e.Of(AnalysisNumber.SemiSyncWaitFor),
            SemiSyncMasterClients = e.Of(AnalysisNumber.SemiSyncClients),
            CountSemiSyncReplicasEnabled = e.Of(AnalysisNumber.SemiSyncReplicasEnabled),
            CountLoggingReplicas = e.Of(AnalysisNumber.LoggingReplicas),
            CountStatementBasedLoggingReplicas = e.Of(AnalysisNumber.StatementReplicas),
            CountMixedBasedLoggingReplicas = e.Of(AnalysisNumber.MixedReplicas),
            CountRowBasedLoggingReplicas = e.Of(AnalysisNumber.RowReplicas),
            CountDistinctMajorVersionsLoggingReplicas = e.Of(AnalysisNumber.MajorVersions),
            CountDelayedReplicas = e.Of(AnalysisNumber.DelayedReplicas),
            CountLaggingReplicas = e.Of(AnalysisNumber.LaggingReplicas),
            IsActionableRecovery = e.Is(AnalysisFlags.IsActionable),
            ProcessingNodeHostname = nodeName,
            ProcessingNodeToken = "",
            CountAdditionalAgreeingNodes = Math.Max(0, e.Of(AnalysisNumber.AgreeingNodes) - 1),
            StartActivePeriod = "",
            SkippableDueToDowntime = e.Is(AnalysisFlags.IsDowntimed),
            GTIDMode = e.GtidMode,
            MinReplicaGTIDMode = e.ReplicaGtidModeMin,
            MaxReplicaGTIDMode = e.ReplicaGtidModeMax,
            MaxReplicaGTIDErrant = e.ReplicaErrant,
            CommandHint = "",
            IsReadOnly = e.Is(AnalysisFlags.IsReadOnly),

            // Ours.
            e.Condition,
            Votes = e.Votes.Select(VoteOf),
        };
    }

    private static object VoteOf(VotePicture v) => new { v.Node, v.Vote, v.AgeMs, v.Detail };

    internal static object Key(InstanceKey key) => new { Hostname = key.Host, key.Port };

    /// <summary>"file:position" as orchestrator's BinlogCoordinates.</summary>
    internal static object Coordinates(string text, int type = 0)
    {
        var colon = text.LastIndexOf(':');
        return new { LogFile = colon < 0 ? "" : text[..colon], LogPos = colon < 0 ? 0 : long.Parse(text[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture), Type = type };
    }
}
