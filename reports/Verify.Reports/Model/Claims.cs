using Verify.Checks;

namespace Verify.Reports.Model;

/// <summary>A promise, and how it stood in each world.</summary>
/// <param name="Verdict">The worst of all worlds.</param>
public sealed record Claim(string Check, string Predicate, Verdict Verdict, IReadOnlyList<ClaimInWorld> Worlds);

/// <summary>A promise over all runs of one world, shown by its worst run.</summary>
/// <param name="Seed">Of the worst run.</param>
public sealed record ClaimInWorld(string World, Verdict Verdict, string Observed, string Bound, ulong Seed, int Runs, int Valid, int Unknown);

/// <summary>One claim per check that judged any run. What failed comes first, then what is unknown, then the rest by importance.</summary>
public static class Claims
{
    public static IReadOnlyList<Claim> Of(SuiteRecord suite)
    {
        var findings = suite.Runs.SelectMany(r => r.Findings.Select(f => new JudgedRun(r, f))).ToList();
        var checks = Headlines.ChecksInOrder.Concat(findings.Select(f => f.Finding.Check)).Distinct(StringComparer.Ordinal);
        return [.. checks
            .Select(c => (Check: c, Findings: findings.Where(f => f.Finding.Check == c).ToList()))
            .Where(c => c.Findings.Count > 0)
            .Select(c => ClaimOf(c.Check, c.Findings))
            .OrderByDescending(c => c.Verdict)];
    }

    private sealed record JudgedRun(RunRecord Run, Finding Finding);

    private static Claim ClaimOf(string check, List<JudgedRun> judged)
    {
        var worlds = judged.GroupBy(j => j.Run.World, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => InWorld(g.Key, [.. g])).ToList();
        return new(check, judged[0].Finding.Predicate, worlds.Max(w => w.Verdict), worlds);
    }

    private static ClaimInWorld InWorld(string world, List<JudgedRun> judged)
    {
        var worst = judged.OrderByDescending(j => j.Finding.Verdict)
            .ThenByDescending(j => Headlines.WorseBy(j.Finding)).ThenBy(j => j.Run.Seed).First();
        return new(world, worst.Finding.Verdict, worst.Finding.Observed, worst.Finding.Bound, worst.Run.Seed,
            judged.Count, judged.Count(j => j.Finding.Verdict == Verdict.Valid), judged.Count(j => j.Finding.Verdict == Verdict.Unknown));
    }
}
