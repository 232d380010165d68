#if VERIFY_MUTANTS
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Checks;
using Verify.Raft;

namespace Verify.Chaos.Mutants;

/// <summary>Switches planted bugs on, one at a time, and measures how long the hunts take to find them. Test build only.</summary>
internal sealed class BugHunt(int jobs, TimeProvider time, Action<string> tell)
{
    /// <summary>One hunt with nothing switched on, for so long or until it has played so many schedules, whichever is later.</summary>
    /// <param name="from">The first seed; seeds go on from there.</param>
    public ControlRun Control(string strategy, IHunt hunt, ulong from, TimeSpan atLeast, long schedulesAtLeast, TimeSpan atMost)
    {
        Mutant.Armed = null;
        var start = time.GetTimestamp();
        var control = Controlled(strategy, hunt, from, long.MaxValue, atLeast < atMost ? atLeast : atMost);
        while (control.BadSeed is null && control.Schedules < schedulesAtLeast && time.GetElapsedTime(start) < atMost)
            control = control.Then(Controlled(strategy, hunt, from + (ulong)control.Schedules, schedulesAtLeast - control.Schedules, atMost - time.GetElapsedTime(start)));
        return control with { SchedulesOwed = schedulesAtLeast };
    }

    private ControlRun Controlled(string strategy, IHunt hunt, ulong from, long schedulesMax, TimeSpan budget)
    {
        var e = Exploration.Of(hunt, from, schedulesMax, budget, jobs, time);
        return new(hunt.Name, hunt.Story, from, e.Schedules, e.Undecided, e.Seconds, e.Seed, e.Discovery?.Promise ?? "", e.Discovery?.What ?? e.FirstUndecided ?? "") { Strategy = strategy };
    }

    public void Tell(ControlRun control) => tell(string.Create(CultureInfo.InvariantCulture,
        $"control {control.Hunt,-24} {control.Strategy,-18} {(control.IsClean ? control.IsComplete ? "clean" : "clean so far" : "NOT CLEAN"),-12} {control.Schedules,8} schedules {control.Seconds,7:0.0} s {Why(control)}"));

    /// <summary>Looks for one bug from a master seed on. Its hunts share its budget.</summary>
    /// <param name="shrinkTime">What is found is shrunk for so long at the most.</param>
    public BugHunted Find(HuntTrial trial, TimeSpan? budgetMax, TimeSpan shrinkTime)
    {
        var bug = trial.Bug;
        var budget = budgetMax is { } most && most < bug.Budget ? most : bug.Budget;
        var (start, cpu) = (time.GetTimestamp(), Environment.CpuUsage.TotalTime);
        Mutant.Armed = bug.Id;
        try
        {
            var schedules = new SortedDictionary<string, long>(StringComparer.Ordinal);
            var (hunt, found) = (bug.Hunts[0], (Exploration?)null);
            for (var i = 0; i < bug.Hunts.Count && found is null; i++)
            {
                hunt = bug.Hunts[i];
                var share = (budget - time.GetElapsedTime(start)) / (bug.Hunts.Count - i);
                var explored = Exploration.Of(hunt, trial.MasterSeed, long.MaxValue, share, jobs, time);
                schedules[hunt.Name] = explored.Schedules;
                if (explored.Seed is not null) found = explored;
            }

            var (seconds, cpuSeconds) = (time.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
            var (reached, hits) = (Mutant.Reached, Mutant.Hits);
            var hunted = new BugHunted
            {
                Bug = bug.Id, Class = bug.Class, Broken = bug.Broken, Strategy = trial.Strategy, OnlyHunt = trial.OnlyHunt, BudgetSeconds = budget.TotalSeconds,
                MasterSeed = trial.MasterSeed, Found = found is not null, Hunt = hunt.Name,
                Promise = found?.Discovery?.Promise ?? "", What = found?.Discovery?.What ?? "", Seed = found?.Seed,
                Repeats = found is { Seed: { } seed } && hunt.Try(seed).Discovery == found.Discovery,
                Schedules = schedules.Values.Sum(), SchedulesOf = schedules, Seconds = seconds, CpuSeconds = cpuSeconds, Reached = reached, Hits = hits,
                RepeatCommand = found is null ? "" : RepeatCommand(trial, hunt, found.Seed!.Value),
            };
            if (hunted is { Passes: true, Seed: { } bad } && shrinkTime > TimeSpan.Zero && hunt.Schedule(bad) is { } schedule) hunted = hunted with { Shrunk = Shrink(schedule, shrinkTime) };
            tell(Line(hunted));
            return hunted;
        }
        finally
        {
            Mutant.Armed = null;
        }
    }

    /// <summary>Null when it cannot be shrunk: written down, it does not fail.</summary>
    private HuntShrunk? Shrink(IPlayable schedule, TimeSpan shrinkTime)
    {
        var start = time.GetTimestamp();
        try
        {
            var shrunk = new Shrinking(shrinkTime, time, _ => { }, check: null).Run(new(schedule, null, "", "", Mutant.Armed ?? ""));
            return new(shrunk.Before.Faults, shrunk.After.Faults, shrunk.Before.Deeds, shrunk.After.Deeds, time.GetElapsedTime(start).TotalSeconds);
        }
        catch (HarnessException e)
        {
            tell($"not shrunk: {e.Message}");
            return null;
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

    private static string RepeatCommand(HuntTrial trial, IHunt hunt, ulong seed) =>
        $"{HuntReport.Program} mutants --only {trial.Bug.Id}{(trial.Strategy == PlantedBugs.OwnStrategy ? "" : $" --strategies {trial.Strategy}")} --repeat {hunt.Name}:{seed}";

    private static string Why(ControlRun control) =>
        control.IsClean ? "" : control.BadSeed is { } seed ? $"seed {seed}: {control.Promise}: {control.What}" : $"{control.Undecided} undecided; {control.What}";

    private static string Line(BugHunted h) => string.Create(CultureInfo.InvariantCulture,
        $"{h.Bug} {h.Strategy,-18} {h.Outcome,-24} {h.Hunt,-22} {h.Schedules,8} schedules {h.Seconds,7:0.00} s ({h.CpuSeconds:0.0} s of CPU)  reached {h.Reached}, hit {h.Hits}{(h.Found ? $"  {h.Promise}, seed {h.Seed}: {h.What}" : "")}{(h.Shrunk is { } shrunk ? $"; shrunk to {shrunk}" : "")}");
}
#endif
