using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>The replicated log as this node holds it: every entry in memory, and how far it went to the disk, became
/// durable, was committed, was handed out and was applied (Raft paper §5.3 and figure 2).</summary>
/// <remarks>Applied ≤ HandedOut ≤ min(Commit, Durable); Durable ≤ HandedToDisk ≤ Last.Index; Commit ≤ Last.Index.</remarks>
internal sealed class RaftLog
{
    private Entry[] _entries;
    private int _count;
    private LogIndex _sliceFrom;
    private LogIndex _sliceUpTo;
    private ImmutableArray<Entry> _slice = [];

    public RaftLog(IReadOnlyList<Entry> durable)
    {
        _entries = new Entry[Math.Max(16, durable.Count)];
        for (; _count < durable.Count; _count++) _entries[_count] = durable[_count];
        Durable = HandedToDisk = Last.Index;
    }

    public EntryId Last => _count == 0 ? EntryId.Zero : _entries[_count - 1].Id;

    /// <summary>Everything up to here was given to the disk in some work.</summary>
    public LogIndex HandedToDisk { get; private set; }
    public LogIndex Durable { get; private set; }
    public LogIndex Commit { get; private set; }

    /// <summary>Everything up to here was given to the state machine in some work.</summary>
    public LogIndex HandedOut { get; private set; }
    public LogIndex Applied { get; private set; }

    /// <summary>An entry is applied only when it is durable here too. A quorum without this node may have committed it, so
    /// applying earlier would be safe for the group; but a state that a restart could not rebuild from the own disk would
    /// go back in time before the eyes of this node's clients. The price: answers wait for the own disk.</summary>
    public LogIndex Appliable => LogIndex.Min(Commit, Durable);

    /// <summary>The term of the entry at this index; 0 before the log.</summary>
    public Term TermAt(LogIndex index)
    {
        Invariant.Holds(index >= LogIndex.Zero && index.Value <= _count, "only entries inside the log have a term");
        return index.Value == 0 ? Term.Zero : _entries[index.Value - 1].Term;
    }

    public EntryId IdAt(LogIndex index) => new(TermAt(index), index);

    public Entry At(LogIndex index)
    {
        Invariant.Holds(index > LogIndex.Zero && index.Value <= _count, "only what is in the log can be read from it");
        return _entries[index.Value - 1];
    }

    public bool Holds(EntryId id) =>
        id.Index >= LogIndex.Zero && id.Index.Value <= _count && TermAt(id.Index) == id.Term;

    /// <summary>The last entry that is neither beyond this index nor of a later term; entry 0 if there is none. Both
    /// sides of a refused append use it, so that each step skips all entries of all terms that cannot match.</summary>
    public EntryId LastNotAfter(EntryId id)
    {
        // Terms never fall along a log, so a binary search finds the place.
        long low = 0, high = Math.Clamp(id.Index.Value, 0, _count);
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (_entries[middle - 1].Term <= id.Term) low = middle;
            else high = middle - 1;
        }
        return IdAt(new LogIndex(low));
    }

    public Entry Append(Term term, EntryKind kind, ReadOnlyMemory<byte> payload)
    {
        Invariant.Holds(term >= Last.Term, "terms never fall along a log");
        var entry = new Entry(new EntryId(term, Last.Index.Next), kind, payload);
        Add(entry);
        return entry;
    }

    /// <summary>Takes over what a leader sent behind an entry that both hold. Entries that are here already stay; from the
    /// first real conflict on, the own tail is replaced (paper figure 2, AppendEntries rules 3 and 4).</summary>
    public void Merge(ImmutableArray<Entry> entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = entries[i];
            if (entry.Index.Value <= _count && TermAt(entry.Index) == entry.Term) continue;
            if (entry.Index.Value <= _count) TruncateFrom(entry.Index);
            for (; i < entries.Length; i++) Add(entries[i]);
        }
    }

    /// <summary>Drops this entry and all behind it.</summary>
    public void TruncateFrom(LogIndex index)
    {
        Invariant.Holds(index > Commit, "a committed entry is never truncated");
        Array.Clear(_entries, (int)index.Value - 1, _count - (int)index.Value + 1);
        _count = (int)index.Value - 1;
        Durable = LogIndex.Min(Durable, index.Previous);
        HandedToDisk = LogIndex.Min(HandedToDisk, index.Previous);
        _sliceFrom = _sliceUpTo = LogIndex.Zero;
    }

    public void CommitUpTo(LogIndex index)
    {
        Invariant.Holds(index >= Commit, "commit never goes back");
        Invariant.Holds(index <= Last.Index, "commit never passes the log");
        Commit = index;
    }

    /// <summary>The disk answered. An id that this log no longer holds was truncated meanwhile: a later answer covers
    /// what took its place. (An id can leave the log and come back while the first write is still under way, and then
    /// the first answer is taken for the second. That is harmless: votes and replies wait for their own work in order,
    /// and a leader's commit needs the answer for an entry of its own term, which cannot have been here before.)</summary>
    public void BecameDurable(EntryId last)
    {
        if (!Holds(last)) return;
        Invariant.Holds(last.Index <= HandedToDisk, "nothing is durable that was not given to the disk");
        Durable = LogIndex.Max(Durable, last.Index);
    }

    public void BecameApplied(LogIndex index)
    {
        Invariant.Holds(index >= Applied, "applied never goes back");
        Invariant.Holds(index <= HandedOut, "nothing is applied that was not handed out");
        Applied = index;
    }

    public bool HasEntriesForDisk => HandedToDisk < Last.Index;
    public bool HasEntriesToApply => HandedOut < Appliable;

    public ImmutableArray<Entry> TakeEntriesForDisk()
    {
        var entries = Range(HandedToDisk.Next, Last.Index);
        HandedToDisk = Last.Index;
        return entries;
    }

    public ImmutableArray<Entry> TakeEntriesToApply()
    {
        var upTo = Appliable;
        Invariant.Holds(upTo <= Commit, "only committed entries are applied");
        var entries = Range(HandedOut.Next, upTo);
        HandedOut = upTo;
        return entries;
    }

    /// <summary>Entries from here on, within both limits, at least one if there is one. The last answer is kept, because
    /// a leader sends the same entries to several followers.</summary>
    public ImmutableArray<Entry> Slice(LogIndex from, int entriesMax, int bytesMax)
    {
        if (from > Last.Index) return [];
        var upTo = from;
        long bytes = At(from).Payload.Length;
        while (upTo < Last.Index && upTo.Value - from.Value + 1 < entriesMax)
        {
            bytes += At(upTo.Next).Payload.Length;
            if (bytes > bytesMax) break;
            upTo = upTo.Next;
        }
        if (from == _sliceFrom && upTo == _sliceUpTo) return _slice;
        _slice = Range(from, upTo);
        (_sliceFrom, _sliceUpTo) = (from, upTo);
        return _slice;
    }

    private ImmutableArray<Entry> Range(LogIndex from, LogIndex upTo) =>
        upTo < from ? [] : ImmutableArray.Create(_entries, (int)from.Value - 1, (int)(upTo.Value - from.Value + 1));

    private void Add(Entry entry)
    {
        Invariant.Holds(entry.Index == Last.Index.Next, "a log has no gaps");
        if (_count == _entries.Length) Array.Resize(ref _entries, _count * 2);
        _entries[_count++] = entry;
    }
}
