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

    /// <summary>The leader asks the receiver to start an election at once (thesis §3.10).</summary>
    public sealed record TimeoutNow : Message;
}

/// <summary>A message with its sender, receiver and the sender's term (for a pre-vote: the term it would campaign in).</summary>
public readonly record struct Envelope(NodeId From, NodeId To, Term Term, Message Body);
