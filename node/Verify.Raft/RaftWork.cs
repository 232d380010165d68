using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>What the outside must now do. The order is the contract: make <see cref="HardState"/> and
/// <see cref="Append"/> durable, only then send <see cref="SendWhenDurable"/>, then call
/// <see cref="RaftCore.Appended"/>; <see cref="SendNow"/> may leave at once. <see cref="Apply"/> holds committed
/// entries in order and is independent of the disk.</summary>
/// <remarks>Works are carried out in the order in which they were taken: <see cref="SendWhenDurable"/> also waits for all
/// earlier works to be durable, even when <see cref="NeedsSync"/> is false here. <see cref="HardState"/> is durable before,
/// or together with, <see cref="Append"/>. When <see cref="Append"/> begins at or before the end of what is on the disk,
/// everything from its first index on is replaced. One sync may cover several works, followed by one
/// <see cref="RaftCore.Appended"/> with the last entry.</remarks>
public sealed record RaftWork(
    HardState? HardState,
    ImmutableArray<Entry> Append,
    ImmutableArray<Envelope> SendNow,
    ImmutableArray<Envelope> SendWhenDurable,
    ImmutableArray<Entry> Apply,
    ImmutableArray<ReadGrant> ReadsGranted,
    ImmutableArray<ReadTicket> ReadsRefused)
{
    public static RaftWork Nothing { get; } = new(null, [], [], [], [], [], []);

    /// <summary>The snapshot that has arrived takes the place of log and state: the outside makes it the current one durably, drops the
    /// whole log that it holds on disk, and restores the state machine from it before anything in <see cref="Append"/> and
    /// <see cref="Apply"/> of this and later works. Counts as needing the disk; <see cref="SendWhenDurable"/> waits for it. Answer with
    /// <see cref="RaftCore.Appended"/> of the snapshot's last entry when there is nothing to append.</summary>
    public SnapshotMark? Install { get; init; }

    /// <summary>Pieces of the own newest snapshot to read and send; best effort, any order.</summary>
    public ImmutableArray<SnapshotSend> SnapshotSends { get; init; } = [];

    /// <summary>Pieces of a snapshot that have come; to be stored in this order.</summary>
    public ImmutableArray<SnapshotPiece> SnapshotPieces { get; init; } = [];

    /// <summary>Log entries up to and including this index are in a durable snapshot and no longer needed: the outside may delete them on
    /// disk, lazily. 0: nothing new.</summary>
    public LogIndex DiscardUpTo { get; init; }

    /// <summary>True when something must reach the disk before <see cref="SendWhenDurable"/> may leave.</summary>
    public bool NeedsSync => HardState is not null || Install is not null || !Append.IsEmpty;
}

/// <summary>A linearizable read may be answered from the state machine once <see cref="Index"/> is applied.</summary>
public readonly record struct ReadGrant(ReadTicket Ticket, LogIndex Index);

/// <summary>The answer to a proposal. Accepted means "in my log", not "committed".</summary>
public abstract record ProposeResult
{
    private ProposeResult() { }
    public sealed record Accepted(EntryId Id) : ProposeResult;
    public sealed record NotLeader(NodeId? Leader) : ProposeResult;
    public sealed record Overloaded(string Reason) : ProposeResult;

    /// <summary>Cannot be, now or ever, and nothing has happened; the reason is a sentence for a person.</summary>
    public sealed record Refused(string Reason) : ProposeResult;
}
