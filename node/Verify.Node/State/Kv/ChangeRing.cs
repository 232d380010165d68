using Verify.Node.Api;

namespace Verify.Node.State.Kv;

/// <summary>A key was set or deleted.</summary>
/// <param name="Index">By the entry at this index of the log.</param>
/// <param name="Pair">As it was then; null: it was deleted, or ended.</param>
public sealed record KvChange(long Index, string Key, KvPair? Pair);

/// <summary>The newest changes of the store, in their order. Bounded in number and bytes: whoever asks for what is no longer here is told
/// so, and never gets a part of it.</summary>
public sealed class ChangeRing(int changesMax = 16_384, long bytesMax = 32 << 20)
{
    private const int ChangeBytes = 96;
    private KvChange[] _changes = new KvChange[64];
    private int _first;
    private long _bytes;

    /// <summary>All changes behind this index of the log are here; of those up to it some are not.</summary>
    public long Floor { get; private set; }
    public int Count { get; private set; }

    /// <summary>The index of the newest change; the floor when there is none.</summary>
    public long Newest => Count == 0 ? Floor : this[Count - 1].Index;

    private KvChange this[int at] => _changes[(_first + at) % _changes.Length];

    /// <summary>The changes behind this index that the filter takes: at least <paramref name="max"/> of them where there are so many, and then
    /// all of the last one's entry, so that what was written together is seen together.</summary>
    /// <param name="upTo">Everything up to this index was looked at; <paramref name="applied"/> when nothing was left.</param>
    /// <param name="applied">The newest entry that is applied here.</param>
    /// <returns>Null: some of them are no longer here.</returns>
    public IReadOnlyList<KvChange>? After(long index, Func<string, bool> takes, int max, long applied, out long upTo)
    {
        upTo = Math.Max(index, applied);
        if (index < Floor) return null;
        var taken = new List<KvChange>();
        for (var at = FirstBehind(index); at < Count; at++)
        {
            var change = this[at];
            if (taken.Count >= max && change.Index != this[at - 1].Index)
            {
                upTo = this[at - 1].Index;
                break;
            }

            if (takes(change.Key)) taken.Add(change);
        }

        return taken;
    }

    internal void Add(KvChange change)
    {
        if (Count == _changes.Length) Grow();
        _changes[(_first + Count) % _changes.Length] = change;
        Count++;
        _bytes += SizeOf(change);
        while (Count > changesMax || (_bytes > bytesMax && Count > 1)) Forget();
    }

    /// <summary>The state was taken from a snapshot that reaches up to this index.</summary>
    internal void BeginAt(long index)
    {
        (_changes, _first, Count, _bytes) = (new KvChange[64], 0, 0, 0);
        Floor = index;
    }

    private int FirstBehind(long index)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (this[middle].Index <= index) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private void Forget()
    {
        var oldest = _changes[_first];
        _changes[_first] = null!;
        Floor = oldest.Index;
        _bytes -= SizeOf(oldest);
        _first = (_first + 1) % _changes.Length;
        Count--;
    }

    private void Grow()
    {
        var larger = new KvChange[_changes.Length * 2];
        for (var at = 0; at < Count; at++) larger[at] = this[at];
        (_changes, _first) = (larger, 0);
    }

    private static long SizeOf(KvChange change) => ChangeBytes + (change.Key.Length * 2L) + (change.Pair?.Value.Length ?? 0);
}
