#if VERIFY_MUTANTS
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Raft;

namespace Verify.Chaos.Mutants;

/// <summary>Switches planted bugs on, one at a time, and measures how long the hunts take to find them. Test build only.</summary>
internal sealed class BugHunt(int jobs, TimeProvider time, Action<string> tell)
{
    /// <summary>How far the master seeds of two rounds are apart.</summary>
    private const ulong SeedsPerRound = 100_000_000;

    public static ulong MasterSeed(ulong from, int round) => from + ((ulong)round * SeedsPerRound);

    /// <summary>Every hunt of these bugs for so long, with nothing switched on.</summary>
    public IReadOnlyList<ControlRun> Controls(IReadOnlyList<PlantedBug> bugs, ulong from, TimeSpan each)
    {
        Mutant.Armed = null;
        var controls = new List<ControlRun>();
        foreach (var hunt in bugs.SelectMany(b => b.Hunts).DistinctBy(h => h.Name, StringComparer.Ordinal).OrderBy(h => h.Name, StringComparer.Ordinal))
        {
            var e = Exploration.Of(hunt, from, long.MaxValue, each, jobs, time);
            var control = new ControlRun(hunt.Name, hunt.Story, from, e.Schedules, e.Undecided, e.Seconds, e.Seed, e.Discovery?.Promise ?? "",
                e.Discovery?.What ?? e.FirstUndecided ?? "");
            controls.Add(control);
            tell(string.Create(CultureInfo.InvariantCulture,
                $"control {control.Hunt,-22} {(control.IsClean ? "clean" : "NOT CLEAN"),-10} {e.Schedules,8} schedules {e.Seconds,7:0.0} s {Why(control)}"));
        }

        return controls;
    }

    /// <summary>Looks for one bug from a master seed on. Its hunts share its budget.</summary>
    public BugHunted Find(PlantedBug bug, ulong masterSeed, TimeSpan? budgetMax)
    {
        var budget = budgetMax is { } most && most < bug.Budget ? most : bug.Budget;
        var start = time.GetTimestamp();
        Mutant.Armed = bug.Id;
        try
        {
            var (schedules, hunt, found) = (0L, bug.Hunts[0], (Exploration?)null);
            for (var i = 0; i < bug.Hunts.Count && found is null; i++)
            {
                hunt = bug.Hunts[i];
                var share = (budget - time.GetElapsedTime(start)) / (bug.Hunts.Count - i);
                var explored = Exploration.Of(hunt, masterSeed, long.MaxValue, share, jobs, time);
                schedules += explored.Schedules;
                if (explored.Seed is not null) found = explored;
            }

            var seconds = time.GetElapsedTime(start).TotalSeconds;
            var (reached, hits) = (Mutant.Reached, Mutant.Hits);
            var hunted = new BugHunted
            {
                Bug = bug.Id, Broken = bug.Broken, BudgetSeconds = budget.TotalSeconds, MasterSeed = masterSeed, Found = found is not null, Hunt = hunt.Name,
                Promise = found?.Discovery?.Promise ?? "", What = found?.Discovery?.What ?? "", Seed = found?.Seed,
                Repeats = found is { Seed: { } seed } && hunt.Try(seed).Discovery == found.Discovery,
                Schedules = schedules, Seconds = seconds, Reached = reached, Hits = hits,
                RepeatCommand = found is null ? "" : $"{HuntReport.Program} mutants --only {bug.Id} --repeat {hunt.Name}:{found.Seed}",
            };
            tell(Line(hunted));
            return hunted;
        }
        finally
        {
            Mutant.Armed = null;
        }
    }

    /// <summary>One schedule again, with the bug switched on. True when it breaks a promise.</summary>
    public bool Repeat(PlantedBug bug, string huntAndSeed)
    {
        var parts = huntAndSeed.Split(':');
        var hunt = bug.Hunts.FirstOrDefault(h => h.Name == parts[0]);
        if (hunt is null || parts.Length != 2 || !ulong.TryParse(parts[1], out var seed))
            throw new HarnessException($"'{huntAndSeed}' is no schedule of {bug.Id}; write HUNT:SEED with one of: {string.Join(", ", bug.Hunts.Select(h => h.Name))}");
        Mutant.Armed = bug.Id;
        try
        {
            var trial = hunt.Try(seed);
            tell($"{bug.Id} {huntAndSeed}: {trial.Verdict}{(trial.Discovery is { } d ? $", {d.Promise}: {d.What}" : "")}; reached {Mutant.Reached}, hit {Mutant.Hits}");
            return trial.Verdict == Verdict.Invalid;
        }
        finally
        {
            Mutant.Armed = null;
        }
    }

    private static string Why(ControlRun control) =>
        control.IsClean ? "" : control.BadSeed is { } seed ? $"seed {seed}: {control.Promise}: {control.What}" : $"{control.Undecided} undecided; {control.What}";

    private static string Line(BugHunted h) => string.Create(CultureInfo.InvariantCulture,
        $"{h.Bug} {h.Outcome,-24} {h.Hunt,-22} {h.Schedules,8} schedules {h.Seconds,7:0.00} s  reached {h.Reached}, hit {h.Hits}{(h.Found ? $"  {h.Promise}, seed {h.Seed}: {h.What}" : "")}");
}
#endif
