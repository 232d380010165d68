using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>How fresh a read must be.</summary>
public enum ReadConsistency
{
    /// <summary>Linearizable: a quorum round on the leader (ReadIndex).</summary>
    Consistent,

    /// <summary>Whatever this node has applied; the answer says which entry that is and how old.</summary>
    Stale,

    /// <summary>Linearizable as long as clocks keep to the drift bound: the leader answers under its lease, without a round (thesis §6.4.1).</summary>
    Lease,
}

/// <summary>A client's session and its running number: a write that is sent again with the same pair is applied once.</summary>
public readonly record struct RequestId(string Session, long Sequence);

/// <summary>Everything a client can ask of a node. HTTP is a mapping onto this list.</summary>
public abstract partial record ApiRequest
{
    private ApiRequest() { }

    /// <summary>Writes and consistent reads go to the leader; the rest is answered here.</summary>
    public virtual bool IsForLeader => false;

    /// <summary><paramref name="ExpectedIndex"/>: compare-and-set on modify_index; 0 means "must not exist"; null means always.</summary>
    public sealed record KvPut(string Key, ReadOnlyMemory<byte> Value, ulong Flags, long? ExpectedIndex, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record KvDelete(string Key, long? ExpectedIndex, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record KvGet(string Key, ReadConsistency Consistency) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    public sealed record KvList(string Prefix, ReadConsistency Consistency = ReadConsistency.Stale) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    /// <summary>All pairs of one moment, in pages: null begins (with this consistency), then with <see cref="ApiReply.Exported.Next"/>
    /// until that is null. The pages of one export lie on the node that began it and show one applied index.</summary>
    public sealed record ExportState(string? Cursor, ReadConsistency Consistency = ReadConsistency.Consistent) : ApiRequest
    {
        public override bool IsForLeader => Cursor is null && Consistency != ReadConsistency.Stale;
    }

    /// <summary>Writes in one entry of the log: all of them, or (when one meets another index than it expects) none.</summary>
    public sealed record ImportKv(IReadOnlyList<KvWrite> Writes, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record RaftStatus : ApiRequest;
    public sealed record Clusters : ApiRequest;
    public sealed record Cluster(string Alias) : ApiRequest;

    /// <summary>The analysis of the node that answers; forwarded to the leader, whose verdict counts.</summary>
    public sealed record ReplicationAnalysis : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record Recoveries : ApiRequest;

    /// <summary>Leadership to this voter; null: to the one that is best caught up.</summary>
    public sealed record TransferLeadership(NodeId? To) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>What the node that answers knows of the group; answered with <see cref="ApiReply.Cluster"/>.</summary>
    public sealed record ClusterStatus : ApiRequest;

    /// <summary>Autopilot's view, which only the leader has; answered with <see cref="ApiReply.Health"/>.</summary>
    public sealed record ClusterHealth : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Lets a node in as a learner; autopilot makes it a voter when it is stable, unless <paramref name="StaysLearner"/>. With
    /// <paramref name="Replaces"/> it takes that member's place in one change. A node that is a member already gets its contact changed.
    /// Answered with Done when the learner is in the committed membership.</summary>
    public sealed record ClusterJoin(NodeId Node, Contact Contact, bool StaysLearner, NodeId? Replaces, string? Token) : ApiRequest
    {
        public override bool IsForLeader => true;

        /// <summary>An authenticated operator asks (<see cref="VerifyNode.AskAsync"/> sets it): no token is needed, unless
        /// <see cref="Loop.AutopilotSettings.RequireJoinToken"/>. What comes through the peer port never has it.</summary>
        public bool ByOperator { get; init; }

        /// <summary>Without the token.</summary>
        public override string ToString() => $"ClusterJoin {{ {Node}, {Contact.Address}, StaysLearner = {StaysLearner}, Replaces = {Replaces} }}";
    }

    /// <summary>Takes a node out of the group. Refused when the rest could not go on without it, unless forced.</summary>
    public sealed record ClusterLeave(NodeId Node, bool IsForced) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Makes a snapshot on the node that answers; answered with <see cref="ApiReply.SnapshotMade"/>.</summary>
    public sealed record TakeSnapshot : ApiRequest;

    /// <summary>Keeps the hash (SHA-256) of a join token's secret, which the host has drawn; the secret itself never gets here.</summary>
    public sealed record CreateJoinToken(string TokenId, ReadOnlyMemory<byte> SecretHash, TimeSpan ValidFor) : ApiRequest
    {
        public override bool IsForLeader => true;
    }
}

/// <summary>Every answer. Unknown is never a "failed": the request may still take effect.</summary>
public abstract partial record ApiReply
{
    private ApiReply() { }

    public sealed record Done(long ModifyIndex) : ApiReply;
    public sealed record Value(KvPair Pair, long AppliedIndex) : ApiReply
    {
        /// <summary>For a stale read: the state was certainly this new so long ago, on the clock of the node that answers; null when it
        /// has not heard from a leader since it started. Zero for other reads.</summary>
        public TimeSpan? Age { get; init; } = TimeSpan.Zero;
    }

    public sealed record Values(IReadOnlyList<KvPair> Pairs, long AppliedIndex) : ApiReply
    {
        /// <inheritdoc cref="Value.Age"/>
        public TimeSpan? Age { get; init; } = TimeSpan.Zero;
    }

    public sealed record NotFound(long AppliedIndex) : ApiReply
    {
        /// <inheritdoc cref="Value.Age"/>
        public TimeSpan? Age { get; init; } = TimeSpan.Zero;
    }

    /// <summary>One page of an export. <paramref name="Next"/> asks for the next one; null: this was the last.</summary>
    public sealed record Exported(IReadOnlyList<KvPair> Pairs, long AppliedIndex, long PairsTotal, string? Next) : ApiReply
    {
        /// <summary>With the first page: all registered instances of the same moment.</summary>
        public IReadOnlyList<State.Catalogue.ServiceInstance> Instances { get; init; } = [];
    }

    public sealed record Cluster(ClusterView View) : ApiReply;
    public sealed record Health(ClusterHealthView View) : ApiReply;
    public sealed record SnapshotMade(EntryId Last, long Bytes, TimeSpan Took) : ApiReply;
    public sealed record CasConflict(long ModifyIndex) : ApiReply;
    public sealed record Raft(RaftStatusView View) : ApiReply;
    public sealed record ClusterList(IReadOnlyList<ClusterPicture> Clusters) : ApiReply;
    public sealed record Analysis(IReadOnlyList<AnalysisPicture> Entries) : ApiReply;
    public sealed record RecoveryList(IReadOnlyList<RecoveryPicture> Recoveries) : ApiReply;

    /// <summary>No leader is known; try again after <paramref name="RetryAfter"/>.</summary>
    public sealed record NoLeader(TimeSpan RetryAfter) : ApiReply;
    public sealed record Overloaded(string Reason, TimeSpan RetryAfter) : ApiReply;

    /// <summary>The outcome is not known: the leader changed, the link broke or the time ran out.</summary>
    public sealed record Unknown(string Why) : ApiReply;

    /// <summary>Cannot be done, and nothing has been done (bad key, value too large, disk full).</summary>
    public sealed record Refused(string Why) : ApiReply;
}

public sealed record KvPair(string Key, ReadOnlyMemory<byte> Value, ulong Flags, long CreateIndex, long ModifyIndex)
{
    /// <summary>How long the key lives after it was set or touched, in milliseconds of the group's time. Without meaning when it has no deadline.</summary>
    public long TtlMs { get; init; }

    /// <summary>When the key ends by itself, by the group's time (<see cref="State.Time.ReplicatedTime"/>); null: never.</summary>
    public long? DeadlineMs { get; init; }

    /// <summary>How often the key's lock was taken since the key was made (Consul's LockIndex).</summary>
    public long LockIndex { get; init; }

    /// <summary>The fencing token: the index of the log entry by which the lock was last taken. Every later holder has a higher one, also
    /// when the key was deleted in between. What the lock guards must refuse a lower token than the highest that it has seen.</summary>
    public long LockToken { get; init; }

    /// <summary>The session that holds the key's lock; null: nobody.</summary>
    public string? Session { get; init; }
}

/// <summary>One write of a batch. <paramref name="Value"/>: null deletes. <paramref name="ExpectedIndex"/> as in <see cref="ApiRequest.KvPut"/>.</summary>
public sealed record KvWrite(string Key, ReadOnlyMemory<byte>? Value, ulong Flags, long? ExpectedIndex);

/// <summary>Raft as seen from this node.</summary>
public sealed record RaftStatusView(Verify.Raft.RaftStatus Status, IReadOnlyList<NodeId> Members, bool DiskFull);

/// <summary>One server as this node sees it.</summary>
public sealed record InstancePicture(
    InstanceKey Key, string DataCenter, string Version, string ServerUuid, bool LastProbeOk, long SeenMsAgo, bool IsReadOnly,
    InstanceKey? Source, string IoThread, string SqlThread, double? SecondsBehind, string Executed, string Problem)
{
    /// <summary>Everything that was read of it last; null: nothing yet.</summary>
    public Verify.MySql.ServerFacts? Facts { get; init; }
    public Verify.MySql.ReplicaStatus? Replica { get; init; }
    public Verify.MySql.ServerDetails? Details { get; init; }

    /// <summary>What DetectSemiSyncEnforcedQuery said.</summary>
    public string SemiSyncEnforced { get; init; } = "";

    /// <summary>Transactions that its source has not; empty: none are known.</summary>
    public string Errant { get; init; } = "";
    public bool IsHung { get; init; }
}

/// <summary>One cluster as this node sees it, with the replicated facts: primary, token, lease, whether a recovery is open.</summary>
public sealed record ClusterPicture(
    string Alias, InstanceKey? Primary, long Token, string LeaseHolder, bool RecoveryOpen, string SetAside, IReadOnlyList<InstancePicture> Instances)
{
    /// <summary>The switch inside the primary as this node sees it, when it is its guardian: "armed", "arming", "off", "absent: why"; empty
    /// on every other node.</summary>
    public string DeadMan { get; init; } = "";

    /// <summary>The primary is published: no failover is under way that has taken the lease from it.</summary>
    public bool IsNamed { get; init; }

    public bool IsManaged { get; init; } = true;
}

/// <summary>A diagnosis and the vote of each node behind it.</summary>
public sealed record AnalysisPicture(string Cluster, InstanceKey Instance, string Code, string Description, IReadOnlyList<VotePicture> Votes);

/// <summary>Vote: up, down or stale (fail closed).</summary>
public sealed record VotePicture(string Node, string Vote, long AgeMs, string Detail);

/// <summary>A recovery as the ledger has it.</summary>
public sealed record RecoveryPicture(
    long Id, string Cluster, InstanceKey Failed, string Analysis, InstanceKey? Successor, bool IsOpen, bool IsSuccessful, IReadOnlyList<string> Steps)
{
    /// <summary>Everything that the ledger has; null in pictures that were made without it.</summary>
    public State.Ledger.RecoveryRecord? Record { get; init; }

    /// <summary>Servers that did not come along, each with the reason.</summary>
    public IReadOnlyList<(string Instance, string Why)> Lost { get; init; } = [];
}
