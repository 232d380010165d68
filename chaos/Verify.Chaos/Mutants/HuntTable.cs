namespace Verify.Chaos.Mutants;

/// <summary>One row of the table: a bug, a strategy, and what came of all master seeds.</summary>
internal sealed record HuntRow
{
    public required string Bug { get; init; }
    public required BugClass Class { get; init; }
    public required string Broken { get; init; }
    public required string Strategy { get; init; }

    /// <summary>The hunts that found it, the most frequent first; those that were tried when none did.</summary>
    public required string Hunts { get; init; }
    public required int Found { get; init; }
    public required int Masters { get; init; }
    public required double BudgetSeconds { get; init; }
    public required Quantile Schedules { get; init; }
    public required Quantile Seconds { get; init; }
    public required Quantile CpuSeconds { get; init; }
    public required long Reached { get; init; }
    public required long Hits { get; init; }

    /// <summary>Which check saw it first, the most frequent first, with how often when there are several.</summary>
    public required string FiredFirst { get; init; }

    /// <summary>The shortest of those that were shrunk; null when none was.</summary>
    public required HuntShrunk? Shrunk { get; init; }
    public bool IsFoundAlways => Found == Masters;

    /// <summary>All rows in the order of the bugs, then of the strategies as they were given.</summary>
    public static IReadOnlyList<HuntRow> Of(IReadOnlyList<BugHunted> hunted) =>
        [.. hunted.GroupBy(h => (h.Bug, h.Strategy, h.OnlyHunt)).OrderBy(g => g.Key.Bug, StringComparer.Ordinal).ThenBy(g => g.Key.Strategy != PlantedBugs.OwnStrategy)
            .ThenBy(g => g.Key.Strategy, StringComparer.Ordinal).ThenBy(g => g.Key.OnlyHunt, StringComparer.Ordinal).Select(g => Row([.. g]))];

    private static HuntRow Row(BugHunted[] of)
    {
        var found = of.Where(h => h.Passes).ToArray();
        var first = of[0];
        return new()
        {
            Bug = first.Bug, Class = first.Class, Broken = first.Broken, Strategy = first.Strategy, Found = found.Length, Masters = of.Length,
            BudgetSeconds = of.Max(h => h.BudgetSeconds),
            Hunts = Frequent((found.Length > 0 ? found : of).Select(h => h.Hunt)), FiredFirst = found.Length > 0 ? Frequent(found.Select(h => h.Promise)) : "-",
            Schedules = Quantile.Of(of.Select(h => h.Passes ? h.Schedules : double.PositiveInfinity), of.Max(h => (double)h.Schedules)),
            Seconds = Quantile.Of(of.Select(h => h.Passes ? h.Seconds : double.PositiveInfinity), of.Max(h => h.BudgetSeconds)),
            CpuSeconds = Quantile.Of(of.Select(h => h.Passes ? h.CpuSeconds : double.PositiveInfinity), of.Max(h => h.CpuSeconds)),
            Reached = of.Sum(h => h.Reached), Hits = of.Sum(h => h.Hits),
            Shrunk = found.Select(h => h.Shrunk).OfType<HuntShrunk>().OrderBy(s => s.Faults).ThenBy(s => s.Length).FirstOrDefault(),
        };
    }

    private static string Frequent(IEnumerable<string> words)
    {
        var counted = words.GroupBy(w => w, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).ToArray();
        return counted.Length == 1 ? counted[0].Key : string.Join(", ", counted.Select(g => $"{g.Key} {g.Count()}"));
    }
}

/// <summary>Median, 90th percentile and maximum by nearest rank. What was not found took longer than anything: such a value is censored, and
/// only the bound is known.</summary>
/// <param name="CensoredAbove">What a censored value is above.</param>
internal sealed record Quantile(double Median, double P90, double Max, double CensoredAbove)
{
    public static Quantile Of(IEnumerable<double> values, double censoredAbove)
    {
        var sorted = values.Order().ToArray();
        double At(int percent) => sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * percent / 100.0) - 1)];
        return new(At(50), At(90), sorted[^1], censoredAbove);
    }

    /// <summary>">60" for what is only known to be above the budget.</summary>
    public string Text(double value, string format) =>
        double.IsPositiveInfinity(value) ? $">{CensoredAbove.ToString(format, System.Globalization.CultureInfo.InvariantCulture)}"
            : value.ToString(format, System.Globalization.CultureInfo.InvariantCulture);
}
