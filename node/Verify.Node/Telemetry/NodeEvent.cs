namespace Verify.Node.Telemetry;

/// <summary>Takes what a node says of itself. Output only: the node never reads it back. The receiver stamps the time.</summary>
public interface INodeEvents
{
    void Emit(NodeEvent happened);
}

/// <summary>What a check or a report must know of a node's inner life. A closed list; each case has stable property names,
/// because they are written to events.ndjson as they are (camelCase) with "kind" = the name of the case.</summary>
public abstract record NodeEvent
{
    private NodeEvent() { }

    public sealed record Started(string Node, string DataCenter, bool Recovered, long LastIndex) : NodeEvent;
    public sealed record RoleChanged(string Node, string Role, long Term, string? Leader) : NodeEvent;

    /// <summary>A leader holds (or no longer holds) a lease: a quorum confirmed it recently enough, on its own clock. LateUs: so many
    /// microseconds ago it ran out; the node did not run since (a busy machine, a pause) and says so as the first thing it does.</summary>
    public sealed record LeaderLease(string Node, long Term, bool Held, long LateUs = 0) : NodeEvent;
    public sealed record QuorumSeen(string Node, bool InQuorum) : NodeEvent;

    /// <summary>An entry was applied here. Hash covers the payload; for the check that no two nodes apply different entries.</summary>
    public sealed record Applied(string Node, long Index, long Term, ulong Hash) : NodeEvent;
    public sealed record Verdict(string Node, string Cluster, string Instance, string Diagnosis, string Votes) : NodeEvent;

    /// <summary>This node, as guardian, may keep the primary writable until its own clock says otherwise.</summary>
    public sealed record WriteLease(string Node, string Cluster, string Instance, long Token, bool Held) : NodeEvent;

    /// <summary>The guardian began ("begun"), finished ("done") or failed ("failed") to close a server. By: guardian, recovery, returned.</summary>
    public sealed record Fencing(string Node, string Cluster, string Instance, long Token, string Phase, string By) : NodeEvent;

    /// <summary>The guardian opened a server for writes.</summary>
    public sealed record Opened(string Node, string Cluster, string Instance, long Token) : NodeEvent;

    /// <summary>The dead-man switch inside a server, as its guardian sees it. State: Arming, Armed, Absent (Detail says why), Off.</summary>
    public sealed record DeadMan(string Node, string Cluster, string Instance, string State, string Detail) : NodeEvent;

    /// <summary>Phase: opened, intent, outcome, closed. Detail says which step and how it went.</summary>
    public sealed record Recovery(string Node, string Cluster, long RecoveryId, string Phase, string Step, string Detail) : NodeEvent;

    /// <summary>The leader sees what calls for a recovery and does not begin one. Code is one word (metrics), Reason a sentence.</summary>
    public sealed record RecoverySkipped(string Node, string Cluster, string Instance, string Analysis, string Code, string Reason) : NodeEvent;

    /// <summary>This node is about to send a statement to a server for a step of a recovery, and believes that it has the right to.</summary>
    public sealed record Acting(string Node, string Cluster, long RecoveryId, string Step, long Term) : NodeEvent;

    /// <summary>The leader set a half of semi-sync as the durability policy wants it.</summary>
    public sealed record SemiSyncRepaired(string Node, string Cluster, string Instance, string Why) : NodeEvent;

    /// <summary>This node has looked at a server's lag; the question was sent so long ago.</summary>
    public sealed record Sampled(string Node, string Instance, double AgeMs) : NodeEvent;
    public sealed record DiskFull(string Node, bool Full) : NodeEvent;

    /// <summary>A snapshot of this node's own state is durable; everything up to Index is in it.</summary>
    public sealed record SnapshotTaken(string Node, long Index, long Term, long Bytes, double TookMs) : NodeEvent;

    /// <summary>A snapshot that came from the leader took the place of log and state. StateHash: of the state as it is now.</summary>
    public sealed record SnapshotInstalled(string Node, long Index, long Term, ulong StateHash) : NodeEvent;

    /// <summary>The latest membership in this node's log is another one, committed or not. Names are separated by spaces.</summary>
    public sealed record MembershipChanged(string Node, string Voters, string Outgoing, string Learners, long Index) : NodeEvent;

    /// <summary>This node was told that it is no member any more; it leaves.</summary>
    public sealed record Removed(string Node, string Reason) : NodeEvent;
    public sealed record Halted(string Node, string Reason) : NodeEvent;
}
