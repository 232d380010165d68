using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Reports.Model;

/// <summary>All a page may show, and what run.json holds: one scenario, run over many seeds in one or two worlds.</summary>
public sealed record SuiteRecord
{
    public required string RunId { get; init; }
    public required string ScenarioName { get; init; }
    public required string Story { get; init; }

    /// <summary>The scenario as YAML.</summary>
    public required string ScenarioText { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required string Commit { get; init; }
    public required string ToolVersion { get; init; }

    /// <summary>Operating system, cores, memory, runtime: by name.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The command line that repeats the whole.</summary>
    public required string RepeatCommand { get; init; }

    /// <summary>True when the test-only switch had turned fencing off.</summary>
    public bool FencingSwitchedOff { get; init; }

    /// <summary>Id of the planted bug that was armed; empty for none.</summary>
    public string Mutant { get; init; } = "";
    public required IReadOnlyList<RunRecord> Runs { get; init; }
    public required Verdict Verdict { get; init; }

    /// <summary>crash, safety, liveness, nondeterminism, harness; empty when valid.</summary>
    public string FailureClass { get; init; } = "";
}

/// <summary>One run: one seed in simulation, or one live run.</summary>
public sealed record RunRecord
{
    /// <summary>"sim" or "live".</summary>
    public required string World { get; init; }
    public required ulong Seed { get; init; }
    public required Verdict Verdict { get; init; }
    public string FailureClass { get; init; } = "";

    /// <summary>One number for "the same run" (simulation); empty in the live world.</summary>
    public string TraceHash { get; init; } = "";
    public required double RunSeconds { get; init; }
    public required double WallSeconds { get; init; }
    public required IReadOnlyList<Finding> Findings { get; init; }
    public required IReadOnlyDictionary<string, string> Nodes { get; init; }
    public required IReadOnlyDictionary<string, string> Servers { get; init; }

    /// <summary>Versions of the servers, fleet host, network kind: by name (live).</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Only for runs that are shown in full: live, invalid, and the first valid simulated one.</summary>
    public IReadOnlyList<RunEvent> Events { get; init; } = [];
    public IReadOnlyList<Op> Ops { get; init; } = [];

    /// <summary>Rows found on each server at the end, and the primary then.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyDictionary<string, IReadOnlySet<string>> FinalRows { get; init; } = new Dictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);
    public string? FinalPrimary { get; init; }

    /// <summary>The page that says how the violation came about, from the folder of the report; empty for none. And the last lines of it.</summary>
    public string ExplanationPage { get; init; } = "";
    public IReadOnlyList<string> ExplanationLines { get; init; } = [];
    public string RepeatCommand { get; init; } = "";

    /// <summary>How often each sometimes-mark was reached; empty but in the test build.</summary>
    public SortedDictionary<string, long> MarkCounts { get; init; } = new(StringComparer.Ordinal);

    /// <summary>How often each fault point of node code that was armed has fired; empty but in the test build with fault points on.</summary>
    public SortedDictionary<string, long> FaultPointHits { get; init; } = new(StringComparer.Ordinal);
}
