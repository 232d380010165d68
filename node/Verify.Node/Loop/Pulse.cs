namespace Verify.Node.Loop;

/// <summary>Turns the node's monotonic clock into Raft ticks. The timer only wakes the node; how many ticks have passed is read
/// from the clock, so that a late timer does not slow time down and a pause is seen for what it was.</summary>
internal sealed class Pulse(TimeProvider time, TimeSpan tick)
{
    /// <summary>Ticks that a node counts at once when it is not the leader. After a pause its peers have much to tell, and it
    /// must hear that before it loses patience with the leader. A leader counts every tick: its lease ran on during the pause.</summary>
    public const int LateTicksMax = 3;

    private readonly long _start = time.GetTimestamp();
    private long _counted;
#if VERIFY_MUTANTS
#pragma warning disable RS0030
    private readonly DateTimeOffset _wallStart = time.GetUtcNow();
#pragma warning restore RS0030
#endif

    /// <summary>Monotonic time since the node started.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The earliest moment at which so many ticks more will have been counted.</summary>
    public TimeSpan After(long ticks) => new(((_counted + ticks) * tick.Ticks) - (tick.Ticks / 4));

    /// <summary>Ticks that have passed since the last call. A timer that fires up to a quarter tick early counts as punctual.</summary>
    public long Take()
    {
        var passed = (Now.Ticks + (tick.Ticks / 4)) / tick.Ticks;
#if VERIFY_MUTANTS
#pragma warning disable RS0030 // the planted bug: elections and leases by the wall clock
        var wall = time.GetUtcNow() - _wallStart;
#pragma warning restore RS0030
        if (Raft.Mutant.Is("M43", deviates: (wall - Now).Duration() >= tick)) passed = wall.Ticks / tick.Ticks;
#endif
        var fresh = passed - _counted;
        _counted = passed;
        return fresh;
    }
}
