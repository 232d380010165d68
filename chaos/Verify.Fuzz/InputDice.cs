namespace Verify.Fuzz;

/// <summary>The draws of one input: a function of the run's seed and the input's number, so that any input can be made again alone
/// (SplitMix64; Steele, Lea, Flood 2014).</summary>
internal struct InputDice(ulong seed, long number)
{
    private ulong _state = Mix(seed + 0x9E3779B97F4A7C15UL) ^ Mix((ulong)number * 0xD1342543DE82EF95UL);

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        return Mix(_state);
    }

    /// <summary>From 0 to <paramref name="bound"/> (exclusive).</summary>
    public int Next(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
