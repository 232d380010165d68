namespace Verify.Checks;

/// <summary>Three values, and the worst wins. "Unknown" is not "pass".</summary>
public enum Verdict { Valid, Unknown, Invalid }

/// <summary>Everything a check may look at: what clients saw, what happened, and the bounds of the scenario.</summary>
public sealed record RunFacts
{
    public required History History { get; init; }

    /// <summary>Sorted by time; events of one time in the order in which they happened.</summary>
    public required IReadOnlyList<RunEvent> Events { get; init; }

    /// <summary>Node name → data centre.</summary>
    public required IReadOnlyDictionary<string, string> Nodes { get; init; }

    /// <summary>MySQL server name → data centre.</summary>
    public required IReadOnlyDictionary<string, string> Servers { get; init; }

    /// <summary>The server that was primary at the start.</summary>
    public string? FirstPrimary { get; init; }

    /// <summary>False: "writable" is sampled (live); the checks then judge what was surely seen.</summary>
    public required bool ObservationsAreExact { get; init; }
    public required long EndUs { get; init; }
}

/// <summary>What one check found. <see cref="Predicate"/> is the promise in words; Observed and Bound make it checkable by a reader.</summary>
public sealed record Finding(string Check, Verdict Verdict, string Predicate, string Observed, string Bound)
{
    /// <summary>The times (µs of the run) at which the violation shows, for the report's time line.</summary>
    public IReadOnlyList<long> AtUs { get; init; } = [];

    /// <summary>The smallest part of the history that fails, or whatever helps to understand; plain text.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>Numbers for the report, by name with the unit last ("rtoMs", "overlapUs").</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);
}

/// <summary>One promise, judged after the run.</summary>
public interface ICheck
{
    string Name { get; }
    Finding Judge(RunFacts facts);
}

public static class Verdicts
{
    /// <summary>The worst; no findings at all are no pass.</summary>
    public static Verdict Worst(this IEnumerable<Finding> findings) =>
        findings.Select(f => f.Verdict).DefaultIfEmpty(Verdict.Unknown).Max();
}
