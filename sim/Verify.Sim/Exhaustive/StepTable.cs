using System.Numerics;

namespace Verify.Sim.Exhaustive;

/// <summary>What is known under a 64-bit key: read by all threads without a lock, written under one.</summary>
internal sealed class StepTable<T> where T : class
{
    private readonly Lock _gate = new();
    private Slots _slots = new(1 << 12);

    public int Count { get; private set; }

    public T? Find(ulong key)
    {
        var slots = Volatile.Read(ref _slots);
        for (var at = Place(key, slots.Keys.Length);; at = (at + 1) & (slots.Keys.Length - 1))
        {
            var found = Volatile.Read(ref slots.Keys[at]);
            if (found == key + 1) return slots.Values[at];
            if (found == 0) return null;
        }
    }

    /// <summary>What is known from now on: this, or what somebody else has found meanwhile.</summary>
    public T Keep(ulong key, T value)
    {
        lock (_gate)
        {
            if (Find(key) is { } known) return known;
            if (Count * 2 >= _slots.Keys.Length) Grow();
            Put(_slots, key, value);
            Count++;
            return value;
        }
    }

    private void Grow()
    {
        var larger = new Slots(_slots.Keys.Length * 2);
        for (var i = 0; i < _slots.Keys.Length; i++)
            if (_slots.Keys[i] != 0) Put(larger, _slots.Keys[i] - 1, _slots.Values[i]!);
        Volatile.Write(ref _slots, larger);
    }

    private static void Put(Slots slots, ulong key, T value)
    {
        var at = Place(key, slots.Keys.Length);
        while (slots.Keys[at] != 0) at = (at + 1) & (slots.Keys.Length - 1);
        slots.Values[at] = value;
        Volatile.Write(ref slots.Keys[at], key + 1);
    }

    private static int Place(ulong key, int length) => (int)((key * 0x9E3779B97F4A7C15) >> (64 - BitOperations.Log2((uint)length)));

    private sealed class Slots(int length)
    {
        public ulong[] Keys { get; } = new ulong[length];
        public T?[] Values { get; } = new T?[length];
    }
}
