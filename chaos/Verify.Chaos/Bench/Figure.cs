namespace Verify.Chaos.Bench;

/// <summary>One line of the table: what was measured, how it came out, what it is held against.</summary>
/// <param name="Part">The part of the bench that measured it (verify-chaos bench --help).</param>
/// <param name="What">In words, with sizes and counts.</param>
/// <param name="Unit">Of all values: "s", "ms", "x", "/s".</param>
internal sealed record Figure(string Part, string What, string Unit, Spread Values)
{
    /// <summary>Operations per second, all clients together.</summary>
    public double? PerSecond { get; init; }

    /// <summary>CPU time of all nodes together.</summary>
    public double? CpuMicrosPerRequest { get; init; }

    /// <summary>What the figure should reach; empty when nothing was promised.</summary>
    public string Goal { get; init; } = "";

    /// <summary>Null without a goal.</summary>
    public bool? ReachesGoal { get; init; }

    /// <summary>Others' figures beside ours, with where they come from.</summary>
    public string Beside { get; init; } = "";

    /// <summary>Another system, measured in the same run; null when none was.</summary>
    public OtherFigure? Other { get; init; }
}

/// <summary>The same thing measured on another system in the same run.</summary>
internal sealed record OtherFigure(string System, Spread Values)
{
    public double? PerSecond { get; init; }
    public double? CpuMicrosPerRequest { get; init; }
}
