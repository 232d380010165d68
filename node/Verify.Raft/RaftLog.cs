using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>The replicated log as this node holds it: every entry behind a discarded prefix in memory, and how far it went to the
/// disk, became durable, was committed, was handed out and was applied (Raft paper §5.3, §7 and figure 2).</summary>
/// <remarks>Base ≤ Applied ≤ HandedOut ≤ min(Commit, Durable); Durable ≤ HandedToDisk ≤ Last.Index; Commit ≤ Last.Index. What is before
/// Base is in a snapshot, and thus committed.</remarks>
internal sealed partial class RaftLog
{
    private Entry[] _entries;
    private int _count;
    private LogIndex _sliceFrom;
    private LogIndex _sliceUpTo;
    private ImmutableArray<Entry> _slice = [];

    /// <param name="snapshot">The last entry of the newest snapshot; zero when there is none.</param>
    /// <param name="durable">The entries on the disk, checked by <see cref="StartState"/>.</param>
    public RaftLog(EntryId snapshot, IReadOnlyList<Entry> durable)
    {
        // Of the entry before the first one on the disk nobody knows the term, so the first itself becomes the base.
        var skipped = 0;
        Base = snapshot;
        if (durable.Count > 0 && durable[0].Index <= snapshot.Index)
        {
            skipped = durable[0].Index.Value == 1 ? 0 : 1;
            Base = skipped == 0 ? EntryId.Zero : durable[0].Id;
        }
        _entries = new Entry[Math.Max(16, durable.Count - skipped)];
        for (; _count < durable.Count - skipped; _count++) _entries[_count] = durable[_count + skipped];
        Durable = HandedToDisk = Last.Index;
        Commit = HandedOut = Applied = snapshot.Index;
    }

    /// <summary>The entry before the first one that is still here; zero when nothing was discarded.</summary>
    public EntryId Base { get; private set; }

    public LogIndex First => Base.Index.Next;
    public EntryId Last => _count == 0 ? Base : _entries[_count - 1].Id;

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
        Invariant.Holds(index >= Base.Index && index.Value <= Base.Index.Value + _count, "only entries inside the log have a term");
        return index == Base.Index ? Base.Term : _entries[PlaceOf(index)].Term;
    }

    public EntryId IdAt(LogIndex index) => new(TermAt(index), index);

    public Entry At(LogIndex index)
    {
        Invariant.Holds(index > Base.Index && index.Value <= Base.Index.Value + _count, "only what is in the log can be read from it");
        return _entries[PlaceOf(index)];
    }

    /// <summary>This entry is in the log, or before its beginning: what was discarded is committed, and everybody who may ask (a leader
    /// of this or a later term, or a follower of this leader) holds the same there.</summary>
    public bool Holds(EntryId id) => id.Index >= LogIndex.Zero
        && (id.Index < Base.Index || (id.Index.Value <= Base.Index.Value + _count && TermAt(id.Index) == id.Term));

    /// <summary>The last index whose entry is neither beyond this one nor of a later term; an index before <see cref="Base"/> when only
    /// discarded entries can be. Both sides of a refused append use it, so that each step skips all entries of all terms that
    /// cannot match.</summary>
    public LogIndex LastNotAfter(EntryId id)
    {
        if (id.Index < Base.Index || Base.Term > id.Term) return LogIndex.Min(id.Index, Base.Index.Previous);
        // Terms never fall along a log, so a binary search finds the place.
        long low = 0, high = Math.Min(id.Index.Value - Base.Index.Value, _count);
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (_entries[middle - 1].Term <= id.Term) low = middle;
            else high = middle - 1;
        }
        return Base.Index.Plus(low);
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
    /// <returns>The first index that is new or replaced; 0 when all of it was here.</returns>
    public LogIndex Merge(ImmutableArray<Entry> entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = entries[i];
            if (Holds(entry.Id)) continue;
            if (entry.Index <= Last.Index)
            {
#if VERIFY_MUTANTS
                if (Mutant.Is("M15", deviates: entries[^1].Index < Last.Index)) return Overwrite(entries.AsSpan()[i..]);
#endif
                TruncateFrom(entry.Index);
            }
            for (; i < entries.Length; i++) Add(entries[i]);
            return entry.Index;
        }
        return LogIndex.Zero;
    }

    /// <summary>Drops this entry and all behind it.</summary>
    public void TruncateFrom(LogIndex index)
    {
        Invariant.Holds(index > Commit, "a committed entry is never truncated");
        var kept = PlaceOf(index);
        Array.Clear(_entries, kept, _count - kept);
        _count = kept;
        Durable = LogIndex.Min(Durable, index.Previous);
        HandedToDisk = LogIndex.Min(HandedToDisk, index.Previous);
        _sliceFrom = _sliceUpTo = LogIndex.Zero;
    }

    /// <summary>Forgets everything up to and including this entry, which is in a snapshot.</summary>
    public void DiscardUpTo(LogIndex index)
    {
        if (index <= Base.Index) return;
        Invariant.Holds(index <= Applied, "only what was applied is discarded");
        var term = TermAt(index);
#if VERIFY_MUTANTS
        if (index < Last.Index && Mutant.Is("M30", deviates: TermAt(index.Next) != term)) term = TermAt(index.Next);
#endif
        var gone = (int)(index.Value - Base.Index.Value);
        _count -= gone;
        // What stays is copied, into less room when much was held: a burst must not be paid for with memory for ever.
        var room = _entries.Length > 64 && _count < _entries.Length / 4 ? new Entry[_entries.Length / 2] : _entries;
        Array.Copy(_entries, gone, room, 0, _count);
        if (ReferenceEquals(room, _entries)) Array.Clear(_entries, _count, gone);
        _entries = room;
        Base = new EntryId(term, index);
        if (_sliceFrom <= index) _sliceFrom = _sliceUpTo = LogIndex.Zero;
    }

    /// <summary>A snapshot takes the place of the whole log (paper figure 13, rule 7). The snapshot's bytes are durable under a name of
    /// their own, and everything that is given to the disk from now on comes behind the work that makes it the current one.</summary>
    public void ReplaceBy(EntryId snapshot)
    {
        Invariant.Holds(snapshot.Index > Commit, "a snapshot never takes the state back");
        Array.Clear(_entries, 0, _count);
        _count = 0;
        Base = snapshot;
        Durable = HandedToDisk = Commit = HandedOut = Applied = snapshot.Index;
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
    /// <remarks>A snapshot that was installed while a write was under way: an answer at or before the snapshot says nothing new; one
    /// behind it names an entry of a log that did not hold the snapshot's entry, so by log matching no log that does can hold it.</remarks>
    public void BecameDurable(EntryId last)
    {
        if (!Holds(last)) return;
        Invariant.Holds(last.Index <= HandedToDisk, "nothing is durable that was not given to the disk");
        Durable = LogIndex.Max(Durable, last.Index);
    }

    public void BecameApplied(LogIndex index)
    {
        // A snapshot may have overtaken what was on its way to the state machine.
        if (index < Applied && index <= Base.Index) return;
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

    private int PlaceOf(LogIndex index) => (int)(index.Value - Base.Index.Value - 1);

    private ImmutableArray<Entry> Range(LogIndex from, LogIndex upTo) =>
        upTo < from ? [] : ImmutableArray.Create(_entries, PlaceOf(from), (int)(upTo.Value - from.Value + 1));

    private void Add(Entry entry)
    {
        Invariant.Holds(entry.Index == Last.Index.Next, "a log has no gaps");
        if (_count == _entries.Length) Array.Resize(ref _entries, _count * 2);
        _entries[_count++] = entry;
    }

#if VERIFY_MUTANTS
    private LogIndex Overwrite(ReadOnlySpan<Entry> entries)
    {
        var from = entries[0].Index;
        foreach (var entry in entries) _entries[PlaceOf(entry.Index)] = entry;
        Durable = LogIndex.Min(Durable, from.Previous);
        HandedToDisk = LogIndex.Min(HandedToDisk, from.Previous);
        _sliceFrom = _sliceUpTo = LogIndex.Zero;
        return from;
    }
#endif
}
