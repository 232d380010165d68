using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Api;

public abstract partial record ApiRequest
{
    /// <summary>What is agreed on the servers and what the node that answers sees of them; answered with <see cref="ApiReply.Fleet"/>.</summary>
    public sealed record Fleet : ApiRequest;

    /// <summary>Changes what is agreed on the servers. The stamp of a timed command is the leader's to fill.</summary>
    public sealed record FleetChange(FleetCommand Command) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>The leader's verdict on every server of every cluster; answered with <see cref="ApiReply.Topology"/>.</summary>
    public sealed record TopologyAnalysis : ApiRequest
    {
        public override bool IsForLeader => true;
    }
}

public abstract partial record ApiReply
{
    public sealed record Fleet(FleetView View) : ApiReply;
    public sealed record Topology(IReadOnlyList<AnalysisEntry> Entries) : ApiReply;
}

/// <summary>The fleet as a node has it.</summary>
/// <param name="State">What is agreed.</param>
/// <param name="Clusters">With what this node sees.</param>
public sealed record FleetView(FleetState State, IReadOnlyList<ClusterPicture> Clusters);

/// <summary>A server's verdict, ready to be shown: the values behind orchestrator's ReplicationAnalysis.</summary>
public sealed record AnalysisEntry(string Cluster, InstanceKey Instance, string Code, string Description)
{
    public InstanceKey? Source { get; init; }
    public string Alias { get; init; } = "";
    public string DataCenter { get; init; } = "";

    /// <summary>File:position of its own binary log.</summary>
    public string Binlog { get; init; } = "";

    /// <summary>How it fails: answers, silent, refuses, hung, turns down.</summary>
    public string Condition { get; init; } = "";
    public string GtidMode { get; init; } = "";
    public string ReplicaGtidModeMin { get; init; } = "";
    public string ReplicaGtidModeMax { get; init; } = "";

    /// <summary>The errant transactions of the replica that has any.</summary>
    public string ReplicaErrant { get; init; } = "";
    public IReadOnlyList<string> Warnings { get; init; } = [];
    public AnalysisFlags Flags { get; init; }

    /// <summary>In the order of <see cref="AnalysisNumber"/>.</summary>
    public IReadOnlyList<long> Numbers { get; init; } = [];
    public IReadOnlyList<VotePicture> Votes { get; init; } = [];

    /// <summary>Each replica's word on its source, with the votes of the nodes on that replica.</summary>
    public IReadOnlyList<ReplicaWord> Replicas { get; init; } = [];

    public bool Is(AnalysisFlags flag) => (Flags & flag) != AnalysisFlags.None;
    public long Of(AnalysisNumber number) => (int)number < Numbers.Count ? Numbers[(int)number] : 0;
}

/// <summary>A replica as a witness of its source's life.</summary>
/// <param name="Says">reads, does not read, not reached.</param>
public sealed record ReplicaWord(InstanceKey Key, string Says, string IoThread, string SqlThread, IReadOnlyList<VotePicture> Votes);

[Flags]
public enum AnalysisFlags
{
    None = 0,
    IsMaster = 1,
    IsCoMaster = 2,
    LastCheckValid = 4,
    LastCheckPartialSuccess = 8,
    IsFailingToConnectToMaster = 16,
    OracleGtid = 32,
    MariaGtid = 64,
    SemiSyncMasterEnabled = 128,
    SemiSyncMasterStatus = 256,
    IsActionable = 512,
    IsReadOnly = 1024,
    IsDowntimed = 2048,
    IsReplicasDowntimed = 4096,
}

public enum AnalysisNumber
{
    ValidReplicas,
    ReadingReplicas,
    FailingReplicas,
    DowntimedReplicas,
    Depth,
    SemiSyncWaitFor,
    SemiSyncClients,
    SemiSyncReplicasEnabled,
    LoggingReplicas,
    StatementReplicas,
    MixedReplicas,
    RowReplicas,
    MajorVersions,
    DelayedReplicas,
    LaggingReplicas,
    AgreeingNodes,
}
