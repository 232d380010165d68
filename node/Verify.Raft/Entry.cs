namespace Verify.Raft;

/// <summary>What an entry is for.</summary>
public enum EntryKind : byte
{
    /// <summary>A command of the replicated state; opaque to Raft.</summary>
    Command = 1,

    /// <summary>The empty entry that a leader appends at the start of its term (Raft thesis §6.4), so that
    /// it may commit older entries and answer linearizable reads.</summary>
    Barrier = 2,

    /// <summary>A change of the group's members; the payload is a <see cref="Membership"/> in the form of <see cref="MembershipCodec"/>.
    /// In force on each node from the moment it is in its log (thesis §4.1).</summary>
    Membership = 3,
}

/// <summary>One log entry.</summary>
public sealed record Entry(EntryId Id, EntryKind Kind, ReadOnlyMemory<byte> Payload)
{
    public LogIndex Index => Id.Index;
    public Term Term => Id.Term;
}

/// <summary>What must be durable before a node speaks in a term (Raft paper, figure 2: currentTerm and votedFor).
/// Written together, in one record.</summary>
public readonly record struct HardState(Term Term, NodeId? VotedFor)
{
    public static readonly HardState Initial;
}
