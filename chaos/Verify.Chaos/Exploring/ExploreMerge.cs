using System.Globalization;
using Verify.Chaos.Running;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exploring;

/// <summary>Joins what several machines found.</summary>
internal static class ExploreMerge
{
    /// <exception cref="HarnessException">The results are not of one exploration.</exception>
    public static ExploreRecord Of(IReadOnlyList<(string File, ExploreRecord Record)> parts)
    {
        if (parts.Count == 0) throw new HarnessException("nothing to merge");
        var first = parts[0].Record;
        foreach (var (file, part) in parts.Skip(1))
        {
            Same(file, "commit", part.Commit, first.Commit);
            Same(file, "options", part.Arguments, first.Arguments);
            Same(file, "seeds", part.Seeds, first.Seeds);
            Same(file, "block size", Number(part.BlockSize), Number(first.BlockSize));
            Same(file, "number of shards", Count(part), Count(first));
        }

        var all = parts.Select(p => p.Record).ToList();
        var patterns = new PatternSet();
        var (strategies, marks) = (new SortedDictionary<string, StrategyCount>(StringComparer.Ordinal), new SortedDictionary<string, long>(StringComparer.Ordinal));
        var hash = 0UL;
        foreach (var part in all)
        {
            patterns.Join(Verify.Sim.Scheduling.PatternSet.FromText(part.PatternSet));
            hash += ulong.Parse(part.Hash, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            foreach (var (name, count) in part.Strategies)
            {
                var sum = strategies.GetValueOrDefault(name) ?? new StrategyCount(0, 0);
                strategies[name] = new(sum.Schedules + count.Schedules, sum.Bad + count.Bad);
            }

            foreach (var (name, count) in part.Marks) marks[name] = marks.GetValueOrDefault(name) + count;
        }

        var done = SeedSpans.Join(all.SelectMany(Spans));
        return first with
        {
            Shards = [.. all.SelectMany(p => p.Shards).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            StartedAt = all.Min(p => p.StartedAt), Seconds = all.Max(p => p.Seconds), Jobs = all.Sum(p => p.Jobs),
            EndedBy = string.Join(", ", all.Select(p => p.EndedBy).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)),
            Done = SeedSpans.Text(done), Schedules = all.Sum(p => p.Schedules), Hash = hash.ToString("x16", CultureInfo.InvariantCulture),
            Patterns = patterns.Count, PatternSet = patterns.ToText(), Strategies = strategies, Marks = marks,
            Violations = [.. all.SelectMany(p => p.Violations).DistinctBy(v => (v.Seed, v.Strategy)).OrderBy(v => v.Seed)],
            MoreViolations = all.Sum(p => p.MoreViolations), Remarks = Remarks(all, done),
        };
    }

    /// <summary>Seeds that nobody played, though no time budget ended before them, and seeds that were played twice.</summary>
    private static List<string> Remarks(List<ExploreRecord> all, IReadOnlyList<SeedSpan> done)
    {
        var remarks = new List<string>();
        var overlaps = SeedSpans.Overlaps(all.SelectMany(Spans));
        if (overlaps.Count > 0) remarks.Add($"seeds that were played twice: {SeedSpans.Text(overlaps)}");
        var count = Shard.Parse(all[0].Shards[0]).Count;
        var present = all.SelectMany(p => p.Shards).Distinct(StringComparer.Ordinal).ToArray();
        var missing = Enumerable.Range(0, count).Select(i => new Shard(i, count).ToString()).Except(present, StringComparer.Ordinal).ToArray();
        if (missing.Length > 0) remarks.Add($"shards that are missing: {string.Join(", ", missing)}");
        var asked = SeedSpans.Parse(all[0].Seeds);
        var gaps = SeedSpans.Without(Finite(asked, done), done);
        // Who was given a time is not expected to come to the end of the seeds.
        if (gaps.Count > 0 && (missing.Length > 0 || !all.All(p => p.EndedBy.Contains("time", StringComparison.Ordinal))))
            remarks.Add($"seeds that nobody played: {SeedSpans.Text(gaps)}");
        return remarks;
    }

    /// <summary>Seeds without an end: up to the last that anybody played.</summary>
    private static IReadOnlyList<SeedSpan> Finite(IReadOnlyList<SeedSpan> asked, IReadOnlyList<SeedSpan> done)
    {
        var last = done.Count == 0 ? 0 : done[^1].To;
        return [.. asked.Where(s => s.To != ulong.MaxValue || s.From <= last).Select(s => s.To == ulong.MaxValue ? s with { To = last } : s)];
    }

    private static IEnumerable<SeedSpan> Spans(ExploreRecord part) => part.Done.Length == 0 ? [] : SeedSpans.Parse(part.Done);

    private static string Count(ExploreRecord part) => part.Shards[0].Split('/')[^1];

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Same(string file, string what, string mine, string others)
    {
        if (mine != others) throw new HarnessException($"{file}: its {what} is '{mine}', that of the first file '{others}': these are not parts of one exploration");
    }
}
