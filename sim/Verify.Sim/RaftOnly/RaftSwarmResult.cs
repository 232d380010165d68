namespace Verify.Sim.RaftOnly;

/// <summary>A promise that did not hold: which one, at which step, and what was seen.</summary>
public sealed record SwarmViolation(string Promise, int Step, string What);

/// <summary>How often something worth checking happened.</summary>
public record struct SwarmCounts
{
    public int Crashes { get; set; }
    public int Partitions { get; set; }
    public int Transfers { get; set; }

    /// <summary>Changes of the members that a leader took into its log.</summary>
    public int Changes { get; set; }

    /// <summary>Snapshots made, and snapshots that took the place of a follower's log.</summary>
    public int Snapshots { get; set; }
    public int Installs { get; set; }
    public int LeaseReads { get; set; }

    /// <summary>Schedules whose group had to come to life at the end, and did.</summary>
    public int Revivals { get; set; }

    public static SwarmCounts operator +(SwarmCounts a, SwarmCounts b) => new()
    {
        Crashes = a.Crashes + b.Crashes, Partitions = a.Partitions + b.Partitions, Transfers = a.Transfers + b.Transfers, Changes = a.Changes + b.Changes,
        Snapshots = a.Snapshots + b.Snapshots, Installs = a.Installs + b.Installs, LeaseReads = a.LeaseReads + b.LeaseReads, Revivals = a.Revivals + b.Revivals,
    };
}

/// <summary>What came of one schedule. The counters tell whether anything worth checking happened.</summary>
/// <param name="TraceHash">One number for "the same schedule": every event went into it, in order.</param>
public sealed record RaftSwarmResult(
    RaftSwarmOptions Options, SwarmViolation? Violation, ulong TraceHash, int Elections, int Commits, int ReadsGranted, SwarmCounts Counts)
{
    public bool IsClean => Violation is null;

    /// <summary>Messages that were lost, doubled, held back or overtaken.</summary>
    public int MessageFaults { get; init; }

    /// <summary>How each fault of a message is undone; of a schedule by letters.</summary>
    public IReadOnlyList<SwarmRepair> Repairs { get; init; } = [];
}

/// <summary>What came of many schedules.</summary>
public sealed record SwarmExploration(long Schedules, double Seconds, ulong? FirstFailingSeed, SwarmViolation? Violation)
{
    public double SchedulesPerSecond => Seconds > 0 ? Schedules / Seconds : 0;
    public long Elections { get; init; }
    public long Commits { get; init; }
    public long ReadsGranted { get; init; }
    public SwarmCounts Counts { get; init; }
}
