namespace Verify.Chaos.Bench;

/// <summary>One line of the table: what was measured, how it came out, what it is held against.</summary>
/// <param name="Part">sim, raft, consensus or failover.</param>
/// <param name="What">In words, with sizes and counts.</param>
/// <param name="Unit">Of all values: "s", "ms", "x", "/s".</param>
internal sealed record Figure(string Part, string What, string Unit, Spread Values)
{
    /// <summary>Operations per second, all clients together.</summary>
    public double? PerSecond { get; init; }

    /// <summary>What the median should reach; empty when nothing was promised.</summary>
    public string Goal { get; init; } = "";

    /// <summary>Null without a goal.</summary>
    public bool? ReachesGoal { get; init; }

    /// <summary>Others' figures beside ours, with where they come from.</summary>
    public string Beside { get; init; } = "";
}
