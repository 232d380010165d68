using Microsoft.Extensions.Logging;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.State;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What <see cref="NodeApi"/> answers from and acts on.</summary>
internal sealed record ApiParts(
    NodeConfig Config, RaftCore Raft, ReplicatedState State, PeerMesh Mesh, IHaPart Ha, NodeMetrics Metrics, Pulse Pulse)
{
    public required Throttle.ThrottlePart Throttle { get; init; }

    /// <summary>What all members understand.</summary>
    public required GroupProtocol Protocol { get; init; }
    public required Func<bool> IsDiskFull { get; init; }
    public required ILogger Log { get; init; }

    /// <summary>For choices that need not be the same on every node.</summary>
    public required Seam.Dice Dice { get; init; }

    /// <summary>For the wall clock, which goes into commands about join tokens only.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Proposes another membership.</summary>
    public required Func<Membership, ProposeResult> ChangeMembership { get; init; }

    /// <summary>Entries and bytes of the log on disk, bytes of the newest snapshot.</summary>
    public Func<LogFigures> LogFigures { get; init; } = static () => default;

    /// <summary>Makes a snapshot and answers once, on the loop; null: this node makes none.</summary>
    public Action<Action<ApiReply>>? TakeSnapshot { get; init; }

    /// <summary>Peers to which a link is up.</summary>
    public Func<IReadOnlyList<NodeId>> Reachable { get; init; } = static () => [];

    /// <summary>When a client may try again: a new leader is there after an election, at the latest after two.</summary>
    public TimeSpan RetryAfter => Config.Timing.Tick * Config.Timing.ElectionTicks;

    /// <summary>This node leads and has applied an entry of its own term: it knows all that was committed before it.</summary>
    public bool LeadsSettled => Raft.Role == RaftRole.Leader && State.Applied.Term == Raft.Term;
    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();
}

/// <summary>What lies on the disk.</summary>
internal readonly record struct LogFigures(long Entries, long Bytes, long SnapshotBytes);
