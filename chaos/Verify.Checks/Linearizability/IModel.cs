namespace Verify.Checks.Linearizability;

/// <summary>What an object does when it is called one call at a time: the sequential specification that a concurrent history
/// is compared with (Herlihy and Wing 1990, "Linearizability: A Correctness Condition for Concurrent Objects", section 2).</summary>
/// <typeparam name="TState">The object's state; compared by value.</typeparam>
/// <typeparam name="TCall">A call together with the answer that the client got.</typeparam>
public interface IModel<TState, TCall>
    where TState : notnull
{
    TState Initial { get; }

    /// <summary>The same object, made for these calls: it may treat states as one that no call among them can tell apart.</summary>
    IModel<TState, TCall> For(IReadOnlyList<TCall> calls) => this;

    /// <summary>False: in this state the call cannot have given the answer that it gave.</summary>
    bool TryStep(TState state, TCall call, out TState next);

    /// <summary>Of the calls from <paramref name="from"/> on, <paramref name="count"/> of them: which can all go at once so that a legal
    /// history stays legal. Only such calls may be dropped from a failing history without turning a true story into a false one
    /// (dropping a write makes an honest read of it look wrong).</summary>
    bool[] MayBeLeftOut(IReadOnlyList<TCall> calls, int from, int count);
}

/// <summary>A call and the closed interval in which it took effect.</summary>
/// <param name="Call">What was asked and answered.</param>
/// <param name="CalledUs">Not before this.</param>
/// <param name="ReturnedUs">Not after this. Without meaning when <paramref name="IsOptional"/>.</param>
/// <param name="IsOptional">Nobody was told how it ended: it may take effect at any time after its call, or never.</param>
/// <param name="Id">For whoever prints it; the search does not look at it.</param>
public readonly record struct TimedCall<TCall>(TCall Call, long CalledUs, long ReturnedUs, bool IsOptional, int Id);

/// <summary>A part of the history that can be judged by itself: linearizability is local (Herlihy and Wing 1990, section 3.3).</summary>
public sealed record Partition<TCall>(string Name, IReadOnlyList<TimedCall<TCall>> Calls);

/// <summary>What the search may use. More is "unknown", never "fine".</summary>
public sealed record SearchLimits
{
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For making a failing history small, on top of the search: after that the smallest part so far is shown, and said to be perhaps not
    /// the smallest.</summary>
    public TimeSpan SmallestTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For the visited states of all partitions together: 32 Mi words of 8 bytes are 256 MiB.</summary>
    public int CacheWordsMax { get; init; } = 32 << 20;

    /// <summary>Partitions searched at the same time; 1 stays on the caller's thread.</summary>
    public int Parallelism { get; init; } = Environment.ProcessorCount;

    /// <summary>The clock of <see cref="Time"/>.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
