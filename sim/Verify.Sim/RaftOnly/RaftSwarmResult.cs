namespace Verify.Sim.RaftOnly;

/// <summary>A promise that did not hold: which one, at which step, and what was seen.</summary>
public sealed record SwarmViolation(string Promise, int Step, string What);

/// <summary>What came of one schedule. The counters tell whether anything worth checking happened.</summary>
/// <param name="TraceHash">One number for "the same schedule": every event went into it, in order.</param>
public sealed record RaftSwarmResult(
    RaftSwarmOptions Options, SwarmViolation? Violation, ulong TraceHash,
    int Elections, int Commits, int ReadsGranted, int Crashes, int Partitions)
{
    public bool IsClean => Violation is null;
}

/// <summary>What came of many schedules.</summary>
public sealed record SwarmExploration(long Schedules, double Seconds, ulong? FirstFailingSeed, SwarmViolation? Violation)
{
    public double SchedulesPerSecond => Seconds > 0 ? Schedules / Seconds : 0;
    public long Elections { get; init; }
    public long Commits { get; init; }
    public long ReadsGranted { get; init; }
}
