using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>The Raft group and this node's part in it, as the node that answers knows them.</summary>
public sealed record ClusterView(RaftStatus Raft)
{
    /// <summary>How the node that leads can be reached; <see cref="Contact.Unknown"/> when none is known.</summary>
    public Contact LeaderContact { get; init; }

    /// <summary>Time since this node heard from the leader; zero on the leader; null when never.</summary>
    public TimeSpan? LastContact { get; init; }
    public bool DiskFull { get; init; }

    /// <summary>Entries and bytes of the log on disk.</summary>
    public long LogEntries { get; init; }
    public long LogBytes { get; init; }

    /// <summary>The newest snapshot on disk; zero and 0 when there is none.</summary>
    public EntryId Snapshot { get; init; }
    public long SnapshotBytes { get; init; }

    /// <summary>Peers to which a link is up at the moment.</summary>
    public IReadOnlyList<NodeId> Reachable { get; init; } = [];

    /// <summary>Requests that wait for their answer.</summary>
    public int PendingRequests { get; init; }
    public int KvPairs { get; init; }
    public int WireVersion { get; init; }
    public AutopilotPicture Autopilot { get; init; } = new(false, 0, "not the leader");
}

/// <summary>What autopilot is doing, in short.</summary>
/// <param name="IsHealthy">All voters are healthy.</param>
/// <param name="FailureTolerance">How many voters may fail from here without loss of the quorum.</param>
/// <param name="Doing">One sentence: what it waits for or does.</param>
public sealed record AutopilotPicture(bool IsHealthy, int FailureTolerance, string Doing);

/// <summary>The health of the group, seen by its leader.</summary>
public sealed record ClusterHealthView(AutopilotPicture Autopilot, IReadOnlyList<ServerHealth> Servers);

/// <summary>One member's health.</summary>
/// <param name="Role">leader, voter, learner, or leaving.</param>
/// <param name="LastContact">Since the leader heard it; null when not in this term.</param>
/// <param name="StableFor">For how long it has been as healthy or unhealthy as it is.</param>
public sealed record ServerHealth(
    NodeId Node, Contact Contact, string Role, bool IsHealthy, TimeSpan? LastContact, long EntriesBehind, TimeSpan StableFor, string Why);
