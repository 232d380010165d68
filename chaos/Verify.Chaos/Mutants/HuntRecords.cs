namespace Verify.Chaos.Mutants;

/// <summary>What the hunt for one planted bug gave, from one master seed.</summary>
internal sealed record BugHunted
{
    public required string Bug { get; init; }
    public required string Broken { get; init; }
    public required double BudgetSeconds { get; init; }

    /// <summary>The first seed of the schedules.</summary>
    public required ulong MasterSeed { get; init; }
    public required bool Found { get; init; }

    /// <summary>The hunt that found it, or that was tried last.</summary>
    public required string Hunt { get; init; }

    /// <summary>The check or invariant that fired first; empty when not found.</summary>
    public string Promise { get; init; } = "";
    public string What { get; init; } = "";
    public ulong? Seed { get; init; }

    /// <summary>The same seed, played again, breaks the same promise.</summary>
    public bool Repeats { get; init; }
    public required long Schedules { get; init; }
    public required double Seconds { get; init; }

    /// <summary>How often the place of the bug was reached, and how often it did the wrong thing there.</summary>
    public required long Reached { get; init; }
    public required long Hits { get; init; }
    public string RepeatCommand { get; init; } = "";

    /// <summary>Found within the budget, by a seed that shows it again.</summary>
    public bool Passes => Found && Repeats && Seconds <= BudgetSeconds;

    /// <summary>A bug that never did anything wrong was not looked for in the right place; one that did was overlooked.</summary>
    public string Outcome => !Found ? (Reached == 0 ? "NOT FOUND, never reached" : Hits == 0 ? "NOT FOUND, never hit" : "NOT FOUND, though hit")
        : !Repeats ? "found, NOT REPEATED" : Seconds > BudgetSeconds ? "found TOO LATE" : "found";
}

/// <summary>A hunt without any planted bug: it must find nothing.</summary>
internal sealed record ControlRun(string Hunt, string Story, ulong MasterSeed, long Schedules, long Undecided, double Seconds, ulong? BadSeed, string Promise, string What)
{
    public bool IsClean => BadSeed is null && Undecided == 0 && Schedules > 0;
}

/// <summary>The whole of one call of the command.</summary>
internal sealed record HuntRecord
{
    public required DateTimeOffset StartedAt { get; init; }
    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required int Jobs { get; init; }
    public required IReadOnlyList<ControlRun> Controls { get; init; }
    public required IReadOnlyList<BugHunted> Bugs { get; init; }
    public bool IsControlClean => Controls.All(c => c.IsClean);
    /// <summary>Each bug was found by one hunt at least from each master seed.</summary>
    public bool Passes => IsControlClean && Bugs.Count > 0 && Bugs.GroupBy(b => (b.Bug, b.MasterSeed)).All(of => of.Any(b => b.Passes));
}
