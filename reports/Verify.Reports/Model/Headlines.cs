using Verify.Checks;

namespace Verify.Reports.Model;

/// <summary>A number that a reader wants first, in every world in which it was measured.</summary>
/// <param name="Verdict">The worst verdict of its check: the number's colour and word.</param>
public sealed record Headline(string Name, Verdict Verdict, IReadOnlyList<HeadlineValue> Values);

/// <summary>The worst value of all runs in one world.</summary>
public sealed record HeadlineValue(string World, Verdict Verdict, string Text, string Note);

/// <summary>The headline numbers of a suite, most important first: data that two servers could have taken, data that was lost, then
/// leaders, then times. Taken from the figures of the checks; the worst run counts.</summary>
public static class Headlines
{
    private const int MedianFrom = 5;

    private sealed record Measure(string Name, string Check, IReadOnlyList<string> Figures, Func<double, string> Text, bool IsDuration = true);

    private static readonly IReadOnlyList<Measure> Measures =
    [
        new("two servers writable at once", "singlePrimary", ["longestOverlapUs"], FigureText.Us),

        // "acksAfterBound" counts what came after the bound or after the fence; it is there also when no fence ever came.
        new("writes accepted by the isolated side after the fence", "fencedWithin", ["acksAfterBound", "acksAfterFence"], FigureText.Count, IsDuration: false),
        new("RPO: acknowledged writes lost", "noLostWrites", ["lost"], FigureText.Count, IsDuration: false),
        new("two leader leases at once", "singleLeader", ["longestLeaseOverlapUs"], FigureText.Us),
        new("isolation to fenced", "fencedWithin", ["fencingMs"], FigureText.Ms),
        new("RTO: primary lost to next accepted write", "rtoWithin", ["rtoMs"], FigureText.Ms),
        new("leader lost to next leader", "electionWithin", ["electionMsMax"], FigureText.Ms),
        new("KV write, 99th percentile", "writeP99Within", ["writeP99Ms"], FigureText.Ms),
        new("healed to converged", "convergesWithin", ["convergenceMs"], FigureText.Ms),
    ];

    /// <summary>The checks that carry headlines, most important first: the order of the claims as well.</summary>
    public static IReadOnlyList<string> ChecksInOrder { get; } = [.. Measures.Select(m => m.Check).Distinct(StringComparer.Ordinal)];

    /// <summary>What decides which of two runs with the same verdict is the worse one.</summary>
    public static double WorseBy(Finding finding) =>
        Measures.Where(m => m.Check == finding.Check).Select(m => ValueOf(m, finding)).Where(v => v is not null).Max() ?? -1;

    public static IReadOnlyList<Headline> Of(SuiteRecord suite)
    {
        var headlines = new List<Headline>();
        foreach (var measure in Measures)
        {
            var values = VerdictText.Worlds(suite).Select(w => InWorld(suite, w, measure)).OfType<HeadlineValue>().ToList();
            if (values.Count > 0) headlines.Add(new(measure.Name, values.Max(v => v.Verdict), values));
        }

        return headlines;
    }

    private static HeadlineValue? InWorld(SuiteRecord suite, string world, Measure measure)
    {
        var runs = suite.Runs.Where(r => r.World == world).ToList();
        var findings = runs.SelectMany(r => r.Findings.Where(f => f.Check == measure.Check)).ToList();
        if (findings.Count == 0) return null;
        var verdict = findings.Worst();
        var values = findings.Select(f => ValueOf(measure, f)).OfType<double>().Order().ToList();
        if (values.Count == 0) return new(world, verdict, Absent(verdict), Note(world, runs.Count, "", ""));

        // The check may have failed for another of its promises; a count of violations that is zero did not fail.
        if (!measure.IsDuration && values[^1] <= 0 && verdict == Verdict.Invalid) verdict = Verdict.Valid;
        var middle = values[(values.Count - 1) / 2];
        var median = measure.IsDuration && values.Count >= MedianFrom && values[^1] > middle ? $", median {measure.Text(middle)}" : "";
        var gaps = values.Count < runs.Count ? $", measured in {values.Count}" : "";
        return new(world, verdict, measure.Text(values[^1]), Note(world, runs.Count, median, gaps));
    }

    /// <summary>A valid check without a figure had nothing to time, for example a leader that was never lost.</summary>
    private static string Absent(Verdict verdict) => verdict switch
    {
        Verdict.Valid => "did not occur",
        Verdict.Invalid => "never",
        _ => "not measured",
    };

    private static string Note(string world, int runs, string median, string gaps) =>
        (runs == 1 ? VerdictText.World(world) : $"worst of {runs} {VerdictText.World(world)}") + median + gaps;

    /// <summary>A check that could not tell has measured nothing: its zero is none.</summary>
    private static double? ValueOf(Measure measure, Finding finding)
    {
        var values = measure.Figures.Where(finding.Figures.ContainsKey).Select(f => finding.Figures[f]).Where(double.IsFinite).ToList();
        return values.Count == 0 || (values.Max() <= 0 && finding.Verdict == Verdict.Unknown) ? null : values.Max();
    }
}
