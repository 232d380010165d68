using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>One file of the log and where its records lie.</summary>
internal sealed class LogSegment(string name, LogIndex first, Term previousTerm, long end, SegmentFormat format) : IDisposable
{
    public string Name { get; } = name;
    public LogIndex First { get; } = first;

    /// <summary>The entry before the first.</summary>
    public EntryId Before { get; } = new(previousTerm, first.Previous);
    public List<RecordPlace> Records { get; } = [];

    /// <summary>Where the next record begins.</summary>
    public long End { get; set; } = end;
    public long RecordBytes => Records.Count == 0 ? 0 : End - Records[0].Offset;
    public SegmentFormat Format { get; } = format;
    public EntryId Last => Records.Count == 0 ? Before : new(Records[^1].Term, First.Plus(Records.Count - 1));

    public void Dispose() => Format.Dispose();
}

/// <summary>Where a record begins, and the term of its entry.</summary>
internal readonly record struct RecordPlace(long Offset, Term Term);
