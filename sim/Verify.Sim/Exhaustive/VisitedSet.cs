using System.Numerics;

namespace Verify.Sim.Exhaustive;

/// <summary>Which states have been seen: their 128-bit hashes, open addressing, added to by all threads without a lock. (Two states with the
/// same hash would be taken for one: for a milliard of states the odds are below 10^-20; Stern and Dill, "Improved probabilistic
/// verification by hash compaction", 1995.)</summary>
internal sealed class VisitedSet
{
    private const int WordsPerState = 2;
    private const long CapacityMin = 1 << 16;
    private readonly long _capacityMax;
    private ulong[] _words;
    private long _count;

    public VisitedSet(long memoryBytes)
    {
        // An array has at most 2^31 words; growing needs the old one and the new one at once.
        _capacityMax = Math.Clamp((long)BitOperations.RoundUpToPowerOf2((ulong)(memoryBytes / (WordsPerState * sizeof(ulong)) * 2 / 3) + 1) / 2, CapacityMin, 1L << 29);
        _words = new ulong[CapacityMin * WordsPerState];
    }

    public long Count => Volatile.Read(ref _count);
    public long Capacity => _words.Length / WordsPerState;

    /// <summary>States that still fit before probing becomes slow.</summary>
    public long Room => (Capacity * 3 / 4) - Count;

    /// <summary>Makes room for so many more. False when the memory that is allowed does not give it.</summary>
    public bool MakeRoom(long states)
    {
        while (Room < states)
        {
            if (Capacity >= _capacityMax) return false;
            Grow(Capacity * 2);
        }
        return true;
    }

    public void Counted(long added) => Interlocked.Add(ref _count, added);

    /// <summary>True when it had not been seen. The caller counts (<see cref="Counted"/>), so that threads do not meet at one number.</summary>
    public bool Add(ulong one, ulong two)
    {
        one |= 1;
        two |= 1;
        var words = _words;
        var mask = (words.Length / WordsPerState) - 1;
        for (var at = (int)(two >> 20) & mask;; at = (at + 1) & mask)
        {
            ref var slot = ref words[at * WordsPerState];
            var found = Volatile.Read(ref slot);
            if (found == 0)
            {
                found = Interlocked.CompareExchange(ref slot, one, 0);
                if (found == 0)
                {
                    Volatile.Write(ref words[(at * WordsPerState) + 1], two);
                    return true;
                }
            }
            if (found != one) continue;
            // Somebody may be between its two words.
            var second = Volatile.Read(ref words[(at * WordsPerState) + 1]);
            while (second == 0) second = Volatile.Read(ref words[(at * WordsPerState) + 1]);
            if (second == two) return false;
        }
    }

    private void Grow(long capacity)
    {
        var before = _words;
        _words = new ulong[capacity * WordsPerState];
        for (var i = 0; i < before.Length; i += WordsPerState)
            if (before[i] != 0) Add(before[i], before[i + 1]);
    }
}
