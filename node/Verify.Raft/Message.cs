using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>Every word two Raft nodes can exchange. The list is closed: the constructor is private.</summary>
public abstract record Message
{
    private Message() { }

    /// <summary>"Vote for me." With <paramref name="IsPreVote"/> it asks only whether a vote would be given
    /// (Raft thesis §9.6) and changes nothing at the receiver. With <paramref name="IsTransfer"/> the present leader
    /// asked for the election, so leader stickiness does not apply (thesis §3.10).</summary>
    public sealed record VoteRequest(EntryId LastEntry, bool IsPreVote, bool IsTransfer) : Message;

    /// <summary>The answer. For a pre-vote that is granted, the envelope carries the term that was asked about.</summary>
    public sealed record VoteReply(bool Granted, bool IsPreVote) : Message;

    /// <summary>AppendEntries, heartbeat and read round in one. An empty list is a heartbeat.
    /// <paramref name="ReadRound"/> numbers the leader's rounds; the follower echoes it.</summary>
    public sealed record Append(EntryId Previous, ImmutableArray<Entry> Entries, LogIndex Commit, long ReadRound) : Message;

    /// <summary>Accepted: <paramref name="Hint"/> is the last entry known to match the leader's log
    /// (Previous + Entries, never the follower's own tail). Refused: where the leader should look next
    /// (the follower's last entry with a term not above Previous.Term), so that a gap closes in a few round trips.</summary>
    public sealed record AppendReply(bool Accepted, EntryId Hint, LogIndex Refused, long ReadRound) : Message;

    /// <summary>A piece of the leader's snapshot, for a follower that needs entries which the leader no longer has (Raft paper §7).
    /// <paramref name="Membership"/> is the one at the snapshot's last entry. The receiver asks for the next piece with
    /// <see cref="SnapshotReply"/>; pieces are not sent ahead. It also counts as a sign of life and a round, as Append does; who reads the piece from the disk
    /// leaves the round at 0, for the rounds go out beside the pieces, with empty Appends.</summary>
    public sealed record SnapshotChunk(
        SnapshotId Id, Membership Membership, long Offset, ReadOnlyMemory<byte> Bytes, long ReadRound) : Message
    {
        public bool IsLast => Offset + Bytes.Length == Id.Bytes;
    }

    /// <summary>How much of this snapshot the follower has stored: the leader goes on at <paramref name="Received"/>, which may be further
    /// than what was sent (an earlier transfer of the same bytes is resumed) or 0 (the pieces did not fit together: once more). A
    /// snapshot that is installed is reported with <see cref="AppendReply"/>.</summary>
    public sealed record SnapshotReply(SnapshotId Id, long Received, long ReadRound) : Message;

    /// <summary>The leader asks the receiver to start an election at once (thesis §3.10).</summary>
    public sealed record TimeoutNow : Message;
}

/// <summary>A message with its sender, receiver and the sender's term (for a pre-vote: the term it would campaign in).</summary>
public readonly record struct Envelope(NodeId From, NodeId To, Term Term, Message Body);
