using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>What a Raft node is told at its start. All times are in ticks of the host's monotonic timer.</summary>
public sealed record RaftOptions
{
    public required NodeId Self { get; init; }

    /// <summary>The voters of a group that has not yet changed its members: used only while neither snapshot nor log holds a membership.
    /// Sorted. One voter is a group of its own; none: this node waits to be let into a group.</summary>
    public required ImmutableArray<NodeId> Voters { get; init; }

    /// <summary>How to reach the voters above; may be empty.</summary>
    public ImmutableArray<GroupMember> Contacts { get; init; } = [];

    /// <summary>Entries that stay in the log before the last snapshot, so that a follower that is a little behind needs no snapshot.</summary>
    public int TrailingEntries { get; init; } = 10_240;

    /// <summary>Ticks between two heartbeats of a leader.</summary>
    public int HeartbeatTicks { get; init; } = 5;

    /// <summary>A follower waits between this (inclusive) and twice this (exclusive) many ticks, drawn anew each time,
    /// before it asks for a pre-vote; it refuses (pre-)votes for this many ticks after it heard from a leader;
    /// a leader that reached no quorum for this many ticks steps down. A narrower draw, of 4/5 of it, was tried for faster elections: in
    /// the Raft-only swarm 10 of 1,255 drifting groups stayed without a leader (seed 1042), two candidates getting in each other's way.</summary>
    public int ElectionTicks { get; init; } = 25;

    /// <summary>By how many ticks a leader's lease is shorter than <see cref="ElectionTicks"/>. One is lost because ticks are
    /// whole: a follower's patience may end up to one tick early. The rest allows for clocks that run at different speeds;
    /// with the defaults, 1 tick of 25 is 4 % between the fastest and the slowest clock.</summary>
    public int LeaseMarginTicks { get; init; } = 2;

    /// <summary>Entries in one Append message at the most.</summary>
    public int AppendEntriesMax { get; init; } = 1024;

    /// <summary>Payload bytes in one Append message at the most (one entry may exceed it alone).</summary>
    public int AppendBytesMax { get; init; } = 1 << 20;

    /// <summary>Append messages under way to one follower at the most.</summary>
    public int InflightMax { get; init; } = 64;

    /// <summary>Entries in the log that are not yet committed, at the most; above it Propose answers Overloaded.</summary>
    public int UncommittedEntriesMax { get; init; } = 65_536;

    /// <summary>Draws a whole number from 0 (inclusive) to its argument (exclusive). The only randomness of the core.</summary>
    public required Func<int, int> Draw { get; init; }

    /// <exception cref="InvalidRaftOptionsException">A value that no group can work with.</exception>
    public void Validate()
    {
        Require(!Voters.IsDefault, "Voters must not be missing; empty means that this node waits to be let in.");
        for (var i = 1; i < Voters.Length; i++)
            Require(Voters[i - 1].CompareTo(Voters[i]) < 0, $"Voters must be sorted and distinct; {Voters[i]} is out of place.");
        Require(Voters.IsEmpty || Voters.Contains(Self), $"Voters must contain this node ({Self}).");
        Require(TrailingEntries >= 0, "TrailingEntries must not be negative.");
        Require(HeartbeatTicks >= 1, "HeartbeatTicks must be at least 1.");
        Require(ElectionTicks > HeartbeatTicks, "ElectionTicks must be more than HeartbeatTicks.");
        Require(LeaseMarginTicks >= 1, "LeaseMarginTicks must be at least 1.");
        Require(AppendEntriesMax >= 1, "AppendEntriesMax must be at least 1.");
        Require(AppendBytesMax >= 1, "AppendBytesMax must be at least 1.");
        Require(InflightMax >= 1, "InflightMax must be at least 1.");
        Require(UncommittedEntriesMax >= 1, "UncommittedEntriesMax must be at least 1.");
    }

    private static void Require(bool condition, string sentence)
    {
        if (!condition) throw new InvalidRaftOptionsException(sentence);
    }
}

/// <summary>The role of a node, as shown to people and tests.</summary>
public enum RaftRole { Follower, PreCandidate, Candidate, Leader }

/// <summary>A picture of one node's Raft state, for status pages, tests and checks. <see cref="HasLease"/>: this node leads and
/// a quorum answered a round that it sent less than ElectionTicks ago (by its own ticks, less LeaseMarginTicks).
/// <see cref="IsInQuorum"/>: the node has lease, or follows a leader that it heard within ElectionTicks.</summary>
public sealed record RaftStatus(
    NodeId Self, RaftRole Role, Term Term, NodeId? VotedFor, NodeId? Leader,
    EntryId Last, LogIndex Durable, LogIndex Commit, LogIndex Applied,
    bool HasLease, bool IsInQuorum, ImmutableArray<PeerProgress> Peers)
{
    /// <summary>The latest membership in this node's log, committed or not.</summary>
    public Membership Membership { get; init; } = Membership.None;

    /// <summary>The index of the entry that set <see cref="Membership"/>; 0 for the one that the group began with. It is the snapshot's
    /// last entry when a snapshot brought the membership and the entry itself is not in the log.</summary>
    public LogIndex MembershipIndex { get; init; }

    /// <summary>The last entry of the newest snapshot that the core knows of; zero when there is none.</summary>
    public EntryId Snapshot { get; init; }

    /// <summary>The first entry that is still in the log (one more than the last index when the log is empty).</summary>
    public LogIndex First { get; init; } = new(1);
}

/// <summary>What a leader knows of one follower. State: probe, replicate or snapshot.</summary>
public sealed record PeerProgress(NodeId Peer, LogIndex Match, LogIndex Next, string State, long TicksSinceHeard)
{
    /// <summary>The follower's place in the log is known, and entries go out to it as they come.</summary>
    public const string Streaming = "replicate";
}

/// <summary>Options that no Raft group can work with; the message names the option and the rule.</summary>
public sealed class InvalidRaftOptionsException(string rule) : Exception($"Raft options: {rule}");
