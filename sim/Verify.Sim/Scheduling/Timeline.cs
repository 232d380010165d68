using System.Numerics;

namespace Verify.Sim.Scheduling;

/// <summary>What distinguishes schedules from each other: for each actor, which things happened to it one after another in which states. The patterns are the
/// k-grams of these sequences, as P's feedback from timelines (p-org, "p check --sch-feedback"), with the actor's state in each letter. Patterns are counted by
/// hash, in a <see cref="PatternSet"/>.</summary>
/// <param name="length">How many events make one pattern.</param>
public sealed class Timeline(PatternSet seen, int length = 2)
{
    private const int ActorsMax = 64;
    private readonly ulong[] _recent = new ulong[ActorsMax * length];

    /// <summary>How many patterns this schedule was the first to show.</summary>
    public int News { get; private set; }

    /// <summary>A new schedule begins.</summary>
    public void Begin()
    {
        News = 0;
        Array.Clear(_recent);
    }

    /// <param name="kind">The kind of message or event.</param>
    /// <param name="state">The actor's state after it, told roughly: whoever tells too much finds everything new.</param>
    public void Saw(int actor, int kind, ulong state)
    {
        var letter = Mix(((ulong)(uint)kind << 48) ^ state);
        var at = (actor & (ActorsMax - 1)) * length;
        var pattern = letter;
        for (var i = length - 1; i > 0; i--)
        {
            _recent[at + i] = _recent[at + i - 1];
            pattern = (pattern * 0x100000001B3UL) ^ _recent[at + i];
        }

        _recent[at] = letter;
        if (seen.Add(Mix(pattern))) News++;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}

/// <summary>Which patterns were seen, one bit each: two that share a hash count as one, so that the count is a little too low.</summary>
public sealed class PatternSet
{
    private const int Bits = 1 << 20;
    private readonly ulong[] _bits = new ulong[Bits / 64];

    public int Count { get; private set; }

    /// <summary>True when it is new.</summary>
    public bool Add(ulong pattern)
    {
        var at = (int)(pattern & (Bits - 1));
        ref var word = ref _bits[at >> 6];
        var bit = 1UL << (at & 63);
        if ((word & bit) != 0) return false;
        word |= bit;
        Count++;
        return true;
    }

    /// <summary>Takes in what another one has seen.</summary>
    public void Join(PatternSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var count = 0;
        for (var i = 0; i < _bits.Length; i++) count += BitOperations.PopCount(_bits[i] |= other._bits[i]);
        Count = count;
    }

    public void Clear()
    {
        Array.Clear(_bits);
        Count = 0;
    }

    /// <summary>The bits as text, packed, for another machine to take in.</summary>
    public string ToText()
    {
        var bytes = new byte[_bits.Length * sizeof(ulong)];
        Buffer.BlockCopy(_bits, 0, bytes, 0, bytes.Length);
        using var packed = new MemoryStream();
        using (var brotli = new System.IO.Compression.BrotliStream(packed, System.IO.Compression.CompressionLevel.Fastest)) brotli.Write(bytes);
        return Convert.ToBase64String(packed.ToArray());
    }

    /// <exception cref="FormatException">It is not such a text.</exception>
    public static PatternSet FromText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var set = new PatternSet();
        var bytes = new byte[set._bits.Length * sizeof(ulong)];
        try
        {
            using var brotli = new System.IO.Compression.BrotliStream(new MemoryStream(Convert.FromBase64String(text)), System.IO.Compression.CompressionMode.Decompress);
            brotli.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            throw new FormatException($"not a set of patterns: {e.Message}", e);
        }

        Buffer.BlockCopy(bytes, 0, set._bits, 0, bytes.Length);
        foreach (var word in set._bits) set.Count += BitOperations.PopCount(word);
        return set;
    }
}
