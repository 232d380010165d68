namespace Verify.Chaos.Bench;

/// <summary>How measured values lie: what a single number would hide.</summary>
internal sealed record Spread(double Median, double Min, double Max, double P90, double P99, int Count)
{
    /// <exception cref="ArgumentException">There is nothing to describe.</exception>
    public static Spread Of(IReadOnlyCollection<double> values)
    {
        if (values.Count == 0) throw new ArgumentException("a spread needs at least one value", nameof(values));
        var sorted = values.Order().ToArray();
        return new(Quantile(sorted, 0.5), sorted[0], sorted[^1], Quantile(sorted, 0.9), Quantile(sorted, 0.99), sorted.Length);
    }

    /// <summary>Linear between the two neighbours (Hyndman and Fan 1996, type 7).</summary>
    private static double Quantile(double[] sorted, double q)
    {
        var place = q * (sorted.Length - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (place - below));
    }
}
