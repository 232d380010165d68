using System.Text.Json.Serialization;

namespace Verify.Chaos.Mutants;

/// <summary>What the hunt for one planted bug gave, from one master seed.</summary>
internal sealed record BugHunted
{
    public required string Bug { get; init; }
    public required string Broken { get; init; }
    public BugClass Class { get; init; }
    public string Strategy { get; init; } = PlantedBugs.OwnStrategy;
    public required double BudgetSeconds { get; init; }

    /// <summary>The first seed of the schedules.</summary>
    public required ulong MasterSeed { get; init; }
    public required bool Found { get; init; }

    /// <summary>The hunt that found it, or that was tried last.</summary>
    public required string Hunt { get; init; }

    /// <summary>The hunts it could be found by, when not all of the bug's were tried; empty when all were.</summary>
    public string OnlyHunt { get; init; } = "";

    /// <summary>The check or invariant that fired first; empty when not found.</summary>
    public string Promise { get; init; } = "";
    public string What { get; init; } = "";
    public ulong? Seed { get; init; }

    /// <summary>The same seed, played again, breaks the same promise.</summary>
    public bool Repeats { get; init; }
    public required long Schedules { get; init; }
    public required double Seconds { get; init; }

    /// <summary>Of all cores: what the hunt costs on a machine that others use as well.</summary>
    public double CpuSeconds { get; init; }

    /// <summary>Schedules by hunt, so that the controls know how many they owe.</summary>
    public IReadOnlyDictionary<string, long> SchedulesOf { get; init; } = new SortedDictionary<string, long>(StringComparer.Ordinal);

    /// <summary>How often the place of the bug was reached, and how often it did the wrong thing there.</summary>
    public required long Reached { get; init; }
    public required long Hits { get; init; }

    /// <summary>What is left when everything was dropped that the same check does not need; null: not shrunk.</summary>
    public HuntShrunk? Shrunk { get; init; }
    public string RepeatCommand { get; init; } = "";

    /// <summary>Found within the budget, by a seed that shows it again.</summary>
    public bool Passes => Found && Repeats && Seconds <= BudgetSeconds;

    /// <summary>A bug that never did anything wrong was not looked for in the right place; one that did was overlooked.</summary>
    public string Outcome => !Found ? (Reached == 0 ? "NOT FOUND, never reached" : Hits == 0 ? "NOT FOUND, never hit" : "NOT FOUND, though hit")
        : !Repeats ? "found, NOT REPEATED" : Seconds > BudgetSeconds ? "found TOO LATE" : "found";

    /// <summary>What is looked for, how, and from where: one cell of the plan.</summary>
    [JsonIgnore]
    public string Cell => HuntTrial.CellOf(Bug, OnlyHunt, Strategy, MasterSeed);
}

/// <summary>A schedule that found a bug, before and after its shrinking.</summary>
/// <param name="Faults">What hurts in it: cuts, crashes, lost messages and the like.</param>
/// <param name="Length">All that is done in it: those faults, what clients do, what arrives, ticks.</param>
internal sealed record HuntShrunk(int FaultsBefore, int Faults, int LengthBefore, int Length, double Seconds)
{
    public double FaultsLessPercent => FaultsBefore == 0 ? 0 : 100.0 * (FaultsBefore - Faults) / FaultsBefore;

    /// <summary>For the table: "3 of 66 faults, 12 of 90 deeds".</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Faults} of {FaultsBefore} faults, {Length} of {LengthBefore} deeds");
}

/// <summary>A hunt without any planted bug: it must find nothing.</summary>
internal sealed record ControlRun(string Hunt, string Story, ulong MasterSeed, long Schedules, long Undecided, double Seconds, ulong? BadSeed, string Promise, string What)
{
    public string Strategy { get; init; } = PlantedBugs.OwnStrategy;

    /// <summary>So many schedules it owes: a multiple of what the hunt needed for any bug of the table.</summary>
    public long SchedulesOwed { get; init; }
    public bool IsClean => BadSeed is null && Undecided == 0 && Schedules > 0;
    public bool IsComplete => Schedules >= SchedulesOwed;

    /// <summary>This one and its continuation.</summary>
    public ControlRun Then(ControlRun more) => more with
    {
        MasterSeed = MasterSeed, Schedules = Schedules + more.Schedules, Undecided = Undecided + more.Undecided, Seconds = Seconds + more.Seconds,
        What = more.What.Length > 0 ? more.What : What,
    };
}

/// <summary>The whole of one call of the command.</summary>
internal sealed record HuntRecord
{
    public required DateTimeOffset StartedAt { get; init; }
    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required int Jobs { get; init; }
    public double WallSeconds { get; init; }

    /// <summary>The part of the plan that was this call's, as "2/3"; empty for all.</summary>
    public string Shard { get; init; } = "";

    /// <summary>Cells of the plan for which the time did not suffice.</summary>
    public int CellsLeft { get; init; }
    public required IReadOnlyList<ControlRun> Controls { get; init; }
    public required IReadOnlyList<BugHunted> Bugs { get; init; }
    public bool IsControlClean => Controls.All(c => c.IsClean);
    public bool IsComplete => CellsLeft == 0 && Controls.All(c => c.IsComplete);

    /// <summary>Each bug was found by one hunt at least from each master seed, whatever the strategy; class C is tracked and does not gate.</summary>
    public bool Passes => IsControlClean && Bugs.Count > 0 && Bugs.Where(b => b.Class != BugClass.C).GroupBy(b => (b.Bug, b.MasterSeed)).All(of => of.Any(b => b.Passes));
}
