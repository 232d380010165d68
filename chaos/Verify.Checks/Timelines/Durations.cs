namespace Verify.Checks.Timelines;

/// <summary>Durations as findings print them: one unit, so that a reader can compare observed and bound at a glance.</summary>
internal static class Durations
{
    public static long Us(this TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
    public static double ToMs(long us) => us / 1000.0;
    public static string Ms(long us) => $"{us / 1000.0:0.###} ms";
    public static string Ms(TimeSpan time) => Ms(time.Us());

    /// <summary>Nearest rank: the smallest value that at least this share of all values does not exceed.</summary>
    public static long Percentile(IReadOnlyCollection<long> values, int percent)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * percent / 100.0) - 1)];
    }

    public static SortedDictionary<string, double> Figures(params IEnumerable<(string Name, double Value)> figures) =>
        new(figures.ToDictionary(f => f.Name, f => f.Value, StringComparer.Ordinal), StringComparer.Ordinal);
}
