namespace Verify.Raft;

/// <summary>The name of a member of the Raft group. Compared ordinally; never an address.</summary>
public readonly record struct NodeId(string Name) : IComparable<NodeId>
{
    public int CompareTo(NodeId other) => string.CompareOrdinal(Name, other.Name);
    public override string ToString() => Name ?? "";
}

/// <summary>Raft's logical clock (Raft paper §5.1). Terms start at 0 and only grow.</summary>
public readonly record struct Term(long Value) : IComparable<Term>
{
    public static readonly Term Zero;
    public Term Next => new(Value + 1);
    public int CompareTo(Term other) => Value.CompareTo(other.Value);
    public static bool operator <(Term a, Term b) => a.Value < b.Value;
    public static bool operator >(Term a, Term b) => a.Value > b.Value;
    public static bool operator <=(Term a, Term b) => a.Value <= b.Value;
    public static bool operator >=(Term a, Term b) => a.Value >= b.Value;
    public override string ToString() => $"{Value}";
}

/// <summary>A position in the replicated log. The first entry has index 1; 0 means "before the log".</summary>
public readonly record struct LogIndex(long Value) : IComparable<LogIndex>
{
    public static readonly LogIndex Zero;
    public LogIndex Next => new(Value + 1);
    public LogIndex Previous => new(Value - 1);
    public LogIndex Plus(long entries) => new(Value + entries);
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);
    public static bool operator <(LogIndex a, LogIndex b) => a.Value < b.Value;
    public static bool operator >(LogIndex a, LogIndex b) => a.Value > b.Value;
    public static bool operator <=(LogIndex a, LogIndex b) => a.Value <= b.Value;
    public static bool operator >=(LogIndex a, LogIndex b) => a.Value >= b.Value;
    public static LogIndex Min(LogIndex a, LogIndex b) => a <= b ? a : b;
    public static LogIndex Max(LogIndex a, LogIndex b) => a >= b ? a : b;
    public override string ToString() => $"{Value}";
}

/// <summary>What identifies a log entry for ever: two logs that hold the same id hold the same entry
/// and the same prefix (Log Matching, Raft paper §5.3).</summary>
public readonly record struct EntryId(Term Term, LogIndex Index)
{
    public static readonly EntryId Zero;

    /// <summary>The election restriction (Raft paper §5.4.1): later term first, then longer log.</summary>
    public bool IsAtLeastAsUpToDateAs(EntryId other) =>
        Term > other.Term || (Term == other.Term && Index >= other.Index);

    public override string ToString() => $"{Term.Value}.{Index.Value}";
}

/// <summary>Names one linearizable read that waits for its quorum round. Given out by the caller, unique per node.</summary>
public readonly record struct ReadTicket(long Value)
{
    public override string ToString() => $"r{Value}";
}
