using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Chaos.Running;

/// <summary>Turns what a run gave into its record: findings, the worst of them, and the class of the failure.</summary>
public static class RunOutcome
{
    /// <summary>The name of the finding that says a step could not be done.</summary>
    public const string StepsCheck = "steps";

    public static IReadOnlyList<Finding> Judge(IReadOnlyList<ICheck> checks, RunFacts facts, IReadOnlyList<string> troubles)
    {
        var findings = new CheckSuite(checks).Judge(facts).Findings.ToList();
        findings.Add(new(StepsCheck, troubles.Count == 0 ? Verdict.Valid : Verdict.Unknown, "every step of the scenario was done and had an effect",
            troubles.Count == 0 ? "all done" : string.Join("; ", troubles), "no step left out"));
        return findings;
    }

    /// <summary>safety, liveness or harness; empty for a valid run. A halted node is a crash.</summary>
    public static string Class(IReadOnlyList<Finding> findings, IReadOnlyList<RunEvent> events)
    {
        if (events.Any(e => e.Kind == EventKinds.Halted)) return "crash";
        var worst = findings.Worst();
        if (worst == Verdict.Valid) return "";
        if (worst == Verdict.Unknown) return "harness";
        return findings.Where(f => f.Verdict == Verdict.Invalid).All(f => IsAboutTime(f.Check)) ? "liveness" : "safety";
    }

    public static int ExitCode(Verdict verdict) => verdict switch
    {
        Verdict.Valid => 0,
        Verdict.Invalid => 1,
        _ => 2,
    };

    /// <summary>A run that the harness itself could not carry through.</summary>
    public static RunRecord Broken(string world, ulong seed, string why, IReadOnlyDictionary<string, string> nodes, IReadOnlyDictionary<string, string> servers) => new()
    {
        World = world, Seed = seed, Verdict = Verdict.Unknown, FailureClass = "harness", RunSeconds = 0, WallSeconds = 0, Nodes = nodes, Servers = servers,
        Findings = [new("harness", Verdict.Unknown, "the harness carries the run through", why, "no failure of the harness")],
    };

    private static bool IsAboutTime(string check) =>
        check is CorePhase.Check || check.Contains("converge", StringComparison.OrdinalIgnoreCase) || check.Contains("election", StringComparison.OrdinalIgnoreCase)
        || check.Contains("rto", StringComparison.OrdinalIgnoreCase) || check.Contains("p99", StringComparison.OrdinalIgnoreCase);
}
