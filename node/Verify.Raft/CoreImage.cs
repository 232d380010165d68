using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>Everything that the future of a core depends on, but for time, reads, snapshots and leadership transfer: an exploration of all
/// that can happen goes on from it as often as it likes. Two equal images have the same future.</summary>
/// <remarks>Left out on purpose: ticks (the exploration fires timers itself and lets all patience run out between any two inputs), which
/// rounds were answered (only reads and the lease ask), and the window of messages under way (its limit is never reached).</remarks>
internal sealed record CoreImage
{
    public required Term Term { get; init; }
    public required NodeId? VotedFor { get; init; }
    public required RaftRole Role { get; init; }
    public required ImmutableArray<Entry> Log { get; init; }
    public required LogIndex HandedToDisk { get; init; }
    public required LogIndex Durable { get; init; }
    public required LogIndex Commit { get; init; }
    public required LogIndex Applied { get; init; }

    /// <summary>Whom a follower follows.</summary>
    public NodeId? Following { get; init; }

    /// <summary>What a candidate, or one before its candidacy, was answered.</summary>
    public ImmutableArray<BallotImage> Ballots { get; init; } = [];

    /// <summary>What a leader knows.</summary>
    public LogIndex Barrier { get; init; }
    public bool WaitsForDisk { get; init; }
    public long Round { get; init; }
    public ImmutableArray<PeerImage> Peers { get; init; } = [];
}

/// <summary>The answers of one set of voters, in the order of the voters, and how they were counted.</summary>
internal readonly record struct BallotImage(ImmutableArray<byte> Answers, int Granted, int Refused);

/// <summary>What a leader knows of one follower.</summary>
internal readonly record struct PeerImage(
    NodeId Peer, ProgressState State, LogIndex Match, LogIndex Next, bool IsProbing, long RoundSent, LogIndex CommitSent);
