using System.Text;

namespace Verify.Node.Seam;

/// <summary>The node's randomness: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), so that a seed means the same on every
/// runtime for ever. <see cref="Fork"/> gives each purpose a stream of its own: one new draw must not move all others.</summary>
public sealed class Dice(ulong seed)
{
    /// <summary>From one state of a stream to the next.</summary>
    internal const ulong Step = 0x9E3779B97F4A7C15UL;
    private ulong _state = seed;

    /// <summary>Where the stream is: a new Dice of this number goes on from here.</summary>
    public ulong State => _state;

    public ulong Next()
    {
        _state += Step;
        return Mix(_state);
    }

    /// <summary>A whole number from 0 (inclusive) to <paramref name="bound"/> (exclusive).</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)(((UInt128)Next() * (ulong)bound) >> 64);
    }

    /// <summary>True in <paramref name="perMille"/> of 1,000 draws.</summary>
    public bool Chance(int perMille) => Next(1000) < perMille;

    public Dice Fork(string purpose)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var b in Encoding.UTF8.GetBytes(purpose)) hash = (hash ^ b) * 0x100000001B3UL;
        return new Dice(Mix(_state ^ hash));
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}

/// <summary>The same stream as <see cref="Dice"/> of the same seed, for several threads at once: a draw is one addition.</summary>
public sealed class SharedDice(Dice from)
{
    private ulong _state = from.State;

    /// <summary>A whole number from 0 (inclusive) to <paramref name="bound"/> (exclusive).</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return new Dice(Interlocked.Add(ref _state, Dice.Step) - Dice.Step).Next(bound);
    }
}
