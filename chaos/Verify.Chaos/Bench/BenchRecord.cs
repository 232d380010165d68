namespace Verify.Chaos.Bench;

/// <summary>A whole bench run: what was measured, where and when. Written as JSON and as a Markdown table.</summary>
internal sealed record BenchRecord
{
    public required string Command { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    /// <summary>Load averages over 1, 5 and 15 minutes, before and after: other work on the machine makes every figure worse.</summary>
    public required string LoadBefore { get; init; }
    public required string LoadAfter { get; init; }
    public required double WallSeconds { get; init; }
    public required IReadOnlyList<Figure> Figures { get; init; }
    public required IReadOnlyList<string> Notes { get; init; }

    public bool ReachesAllGoals => Figures.All(f => f.ReachesGoal != false);
}
