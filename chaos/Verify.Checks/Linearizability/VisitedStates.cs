namespace Verify.Checks.Linearizability;

/// <summary>The pairs (set of calls already placed, state of the object) that a search has seen, so that it goes into none of
/// them twice (Lowe 2017, "Testing for linearizability", section 4). A set of words, kept exactly, in one growing array: a hash
/// alone could make a legal history look illegal.</summary>
internal sealed class VisitedStates(WordBudget budget)
{
    private const ulong Mix = 0x9E3779B97F4A7C15;

    private ulong[] _words = [];
    private int _used = 1; // 0 means "empty slot"
    private int[] _slots = new int[2];
    private int _count;

    /// <summary>No room is left: what is added now is neither new nor seen.</summary>
    public bool IsFull { get; private set; }

    /// <summary>True when these words were not there yet.</summary>
    public bool Add(ReadOnlySpan<ulong> key)
    {
        if (_count * 2 >= _slots.Length && !TryRehash())
        {
            IsFull = true;
            return false;
        }

        var slot = Find(key);
        if (_slots[slot] != 0)
        {
            return false;
        }

        var needed = _used + key.Length + 1;
        if (needed > _words.Length && !TryGrow(needed))
        {
            IsFull = true;
            return false;
        }

        _slots[slot] = _used;
        _count++;
        _words[_used] = (ulong)key.Length;
        key.CopyTo(_words.AsSpan(_used + 1));
        _used = needed;
        return true;
    }

    private static ulong Hash(ReadOnlySpan<ulong> key)
    {
        var hash = (ulong)key.Length;
        foreach (var word in key)
        {
            hash = (hash ^ word) * Mix;
            hash ^= hash >> 29;
        }

        return hash ^ (hash >> 32);
    }

    private int Find(ReadOnlySpan<ulong> key)
    {
        var mask = _slots.Length - 1;
        for (var slot = (int)Hash(key) & mask; ; slot = (slot + 1) & mask)
        {
            var at = _slots[slot];
            if (at == 0 || KeyAt(at).SequenceEqual(key))
            {
                return slot;
            }
        }
    }

    private ReadOnlySpan<ulong> KeyAt(int at) => _words.AsSpan(at + 1, (int)_words[at]);

    /// <summary>Gives the memory back; nothing can be asked any more.</summary>
    public void Release()
    {
        budget.Return(_words.Length + (_slots.Length / 2));
        (_words, _slots) = ([], []);
    }

    private bool TryGrow(int needed)
    {
        var length = Math.Max(needed, _words.Length * 2);
        if (length < 0 || !budget.TryTake(length - _words.Length))
        {
            return false;
        }

        Array.Resize(ref _words, length);
        return true;
    }

    private bool TryRehash()
    {
        if (!budget.TryTake(_slots.Length / 2))
        {
            return false;
        }

        _slots = new int[_slots.Length * 2];
        for (var at = 1; at < _used; at += (int)_words[at] + 1)
        {
            _slots[Find(KeyAt(at))] = at;
        }

        return true;
    }
}

/// <summary>The memory that all searches of one check share, in words of eight bytes.</summary>
internal sealed class WordBudget(long wordsMax)
{
    private long _left = wordsMax;

    public bool TryTake(long words)
    {
        if (Interlocked.Add(ref _left, -words) >= 0)
        {
            return true;
        }

        Return(words);
        return false;
    }

    public void Return(long words) => Interlocked.Add(ref _left, words);
}
