using System.Globalization;
using Verify.Checks;

namespace Verify.Reports.Model;

/// <summary>A number that a reader wants first.</summary>
public sealed record Headline(string Name, string Value, string Note);

/// <summary>Headline numbers and claims of a suite, taken from the findings of all its runs: the worst counts.</summary>
public static class Headlines
{
    public static IReadOnlyList<Headline> Of(SuiteRecord suite)
    {
        var headlines = new List<Headline>();
        foreach (var world in suite.Runs.Select(r => r.World).Distinct(StringComparer.Ordinal).OrderDescending(StringComparer.Ordinal))
        {
            var runs = suite.Runs.Where(r => r.World == world).ToList();
            var note = world == "live" ? "live" : $"worst of {runs.Count} simulated";
            Add(headlines, runs, note, "longest overlap of two leaders", "longestLeaseOverlapUs", us => Ms(us / 1000));
            Add(headlines, runs, note, "longest overlap of two writable servers", "longestOverlapUs", us => Ms(us / 1000));
            Add(headlines, runs, note, "writes accepted by the isolated side after the fence", "acksAfterFence", n => N(n));
            Add(headlines, runs, note, "isolation to fenced", "fencingMs", Ms);
            Add(headlines, runs, note, "RTO: loss of the primary to the next acknowledged write", "rtoMs", Ms);
            Add(headlines, runs, note, "RPO: acknowledged writes lost", "lost", n => N(n));
        }

        return headlines;
    }

    /// <summary>One row per check and world: its predicate, the worst observed value, the bound, how many runs.</summary>
    public static IReadOnlyList<Claim> Claims(SuiteRecord suite) =>
        [.. suite.Runs.SelectMany(r => r.Findings.Select(f => (Run: r, Finding: f)))
            .GroupBy(f => (f.Run.World, f.Finding.Check))
            .OrderByDescending(g => g.Key.World, StringComparer.Ordinal)
            .Select(g =>
            {
                var worst = g.OrderByDescending(f => f.Finding.Verdict).ThenByDescending(f => f.Run.Ops.Count > 0).First();
                return new Claim(g.Key.World, worst.Finding, worst.Run.Seed, g.Count(), g.Count(f => f.Finding.Verdict == Verdict.Valid));
            })];

    public static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Valid => "VALID",
        Verdict.Invalid => "INVALID",
        _ => "UNKNOWN",
    };

    private static void Add(List<Headline> headlines, List<RunRecord> runs, string note, string name, string figure, Func<double, string> text)
    {
        var values = runs.SelectMany(r => r.Findings).Where(f => f.Figures.ContainsKey(figure)).Select(f => f.Figures[figure]).ToList();
        if (values.Count > 0) headlines.Add(new(name, text(values.Max()), note));
    }

    private static string Ms(double ms) => ms >= 10_000 ? $"{N(ms / 1000)} s" : $"{N(ms)} ms";
    private static string N(double value) => value.ToString("#,0.#", CultureInfo.InvariantCulture);
}

/// <summary>A promise over all runs of one world, shown by its worst run.</summary>
public sealed record Claim(string World, Finding Worst, ulong Seed, int Runs, int Valid);
