namespace Verify.Sim.Scheduling;

/// <summary>Orders what is to come by due time, then by the order in which it was asked for. A four-ary heap of plain
/// numbers (Johnson, IPL 4(3), 1975): no references inside, so the collector has nothing to do here.</summary>
internal sealed class EventHeap
{
    private const int Arity = 4;
    private Entry[] _entries = new Entry[256];
    private long _sequence;

    private struct Entry
    {
        public long Due;
        public long Sequence;
        public int Slot;
    }

    public int Count { get; private set; }

    /// <summary>When the next one is due; meaningless while empty.</summary>
    public long NextDue => _entries[0].Due;

    public void Push(long due, int slot)
    {
        if (Count == _entries.Length) Array.Resize(ref _entries, Count * 2);
        var entry = new Entry { Due = due, Sequence = _sequence++, Slot = slot };
        var at = Count++;
        var entries = _entries;
        while (at > 0)
        {
            var parent = (at - 1) / Arity;
            if (!Before(entry, entries[parent])) break;
            entries[at] = entries[parent];
            at = parent;
        }

        entries[at] = entry;
    }

    public int Pop()
    {
        var entries = _entries;
        var slot = entries[0].Slot;
        var last = entries[--Count];
        var at = 0;
        while (true)
        {
            var first = (at * Arity) + 1;
            if (first >= Count) break;
            var smallest = first;
            var end = Math.Min(first + Arity, Count);
            for (var child = first + 1; child < end; child++)
                if (Before(entries[child], entries[smallest])) smallest = child;
            if (!Before(entries[smallest], last)) break;
            entries[at] = entries[smallest];
            at = smallest;
        }

        entries[at] = last;
        return slot;
    }

    private static bool Before(in Entry a, in Entry b) => a.Due < b.Due || (a.Due == b.Due && a.Sequence < b.Sequence);
}
