#if VERIFY_MUTANTS
using Verify.Chaos.Commands;
using Verify.Chaos.Running;

namespace Verify.Chaos.Mutants;

/// <summary>What one call of the command was asked to do.</summary>
internal sealed record HuntWish
{
    public required string Only { get; init; }
    public required IReadOnlyList<string> Strategies { get; init; }
    public required TimeSpan? BudgetMax { get; init; }
    public required TimeSpan ControlTime { get; init; }

    /// <summary>Each hunt plays so many times the schedules without a bug that it needed for any bug.</summary>
    public required int ControlTimes { get; init; }
    public required int Jobs { get; init; }

    /// <summary>What was found from the first master seed is shrunk for so long at the most; zero: not at all.</summary>
    public required TimeSpan ShrinkTime { get; init; }
    public required ulong From { get; init; }
    public required int Masters { get; init; }
    public required bool EachHunt { get; init; }
    public required Shard Shard { get; init; }

    /// <summary>After this time nothing new is begun; null: no bound.</summary>
    public required TimeSpan? For { get; init; }
    public required string? LedgerFile { get; init; }
    public required IReadOnlyList<string> Merge { get; init; }
}

/// <summary>The whole hunt: a short control of every hunt, all cells of the plan that the ledger does not have yet, and then the controls
/// up to what they owe. Test build only.</summary>
internal sealed class HuntSession(HuntWish wish, TimeProvider time, Action<string> tell)
{
    private readonly long _start = time.GetTimestamp();
    private readonly BugHunt _hunt = new(wish.Jobs, time, tell);

    private TimeSpan Left => wish.For is { } most ? most - time.GetElapsedTime(_start) : TimeSpan.FromDays(1);

    public HuntRecord Run()
    {
        var commit = Machine.Commit(Machine.CheckoutRoot() ?? ".");
        if (wish.Merge.Count > 0)
        {
            var merged = HuntLedger.Merged(wish.Merge);
            return Record(merged, merged.First.Commit, 0);
        }

        var plan = HuntPlan.Of(wish.Only, wish.Strategies, wish.From, wish.Masters, wish.EachHunt, wish.Shard);
        var ledger = HuntLedger.Open(wish.LedgerFile, new(commit, time.GetUtcNow(), wish.Jobs));
        if (ledger.Hunted.Count > 0) tell($"{ledger.Hunted.Count} cells are in {wish.LedgerFile} already");
        Control(plan, ledger, strategyAndHunt => 0);
        if (!ledger.Controls.All(c => c.IsClean)) return Record(ledger, commit, plan.Count(t => !ledger.Has(t)));
        var done = 0;
        foreach (var trial in plan)
        {
            if (ledger.Has(trial)) continue;
            if (Left <= TimeSpan.Zero) break;
            var hunted = _hunt.Find(trial, Budget(), trial.MasterSeed == wish.From ? wish.ShrinkTime : TimeSpan.Zero);

            // Whoever had less than the budget, because the time for all was over, has not failed to find it.
            if (hunted.Found || Left > TimeSpan.Zero) ledger.Add(hunted);
            if (++done % 50 == 0) tell($"{done} cells in {time.GetElapsedTime(_start).TotalMinutes:0.0} min; {plan.Count(t => !ledger.Has(t))} to go");
        }

        if (wish.ControlTimes > 0) Control(plan, ledger, of => wish.ControlTimes * MostNeeded(ledger, of.Strategy, of.Hunt.Name));
        return Record(ledger, commit, plan.Count(t => !ledger.Has(t)));
    }

    private TimeSpan? Budget() => (wish.BudgetMax, wish.For) switch
    {
        (null, null) => null,
        ({ } most, null) => most,
        (null, _) => Left,
        ({ } most, _) => most < Left ? most : Left,
    };

    private void Control(IReadOnlyList<HuntTrial> plan, HuntLedger ledger, Func<(string Strategy, IHunt Hunt), long> owed)
    {
        foreach (var of in HuntPlan.Controls(plan))
        {
            var before = ledger.Control(of.Strategy, of.Hunt.Name);
            var owes = owed(of);
            if (before is not null && (!before.IsClean || before.Schedules >= owes))
            {
                if (before.SchedulesOwed < owes) ledger.Add(before with { SchedulesOwed = owes });
                continue;
            }

            if (before is not null && Left <= TimeSpan.Zero)
            {
                ledger.Add(before with { SchedulesOwed = owes });
                continue;
            }

            var from = wish.From + (ulong)(before?.Schedules ?? 0);
            var more = _hunt.Control(of.Strategy, of.Hunt, from, before is null ? wish.ControlTime : TimeSpan.Zero, Math.Max(0, owes - (before?.Schedules ?? 0)), Left);
            var control = (before?.Then(more) ?? more) with { SchedulesOwed = owes };
            ledger.Add(control);
            _hunt.Tell(control);
        }
    }

    /// <summary>How many schedules this hunt took in the cell in which it took most and found something.</summary>
    private static long MostNeeded(HuntLedger ledger, string strategy, string hunt) =>
        ledger.Hunted.Where(h => h.Strategy == strategy && h.Found && h.Hunt == hunt).Select(h => h.SchedulesOf.TryGetValue(hunt, out var n) ? n : h.Schedules).DefaultIfEmpty(0).Max();

    private HuntRecord Record(HuntLedger ledger, string commit, int left) => new()
    {
        StartedAt = ledger.First.StartedAt, Command = $"{HuntReport.Program} {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}",
        Commit = commit, Machine = Machine.Environment(), Jobs = ledger.First.Jobs, WallSeconds = time.GetElapsedTime(_start).TotalSeconds,
        Shard = wish.Shard.ToString(), CellsLeft = left, Controls = ledger.Controls,
        Bugs = [.. ledger.Hunted.OrderBy(h => h.Bug, StringComparer.Ordinal).ThenBy(h => h.Strategy, StringComparer.Ordinal).ThenBy(h => h.MasterSeed)],
    };
}
#endif
