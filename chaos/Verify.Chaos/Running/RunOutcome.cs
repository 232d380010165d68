using Verify.Checks;
using Verify.Reports.Model;
using Verify.Sim;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

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

    /// <summary>One of <see cref="FailureClass"/>; empty for a valid run. A broken safety check comes first; then a node that halted.</summary>
    public static string Class(IReadOnlyList<Finding> findings, IReadOnlyList<RunEvent> events)
    {
        var worst = findings.Worst();
        if (worst == Verdict.Valid) return "";
        var broken = findings.Where(f => f.Verdict == Verdict.Invalid).ToArray();
        if (events.Any(e => e.Kind == EventKinds.Halted)) return FailureClass.Crash;
        if (worst == Verdict.Unknown) return FailureClass.Harness;
        return Array.TrueForAll(broken, f => IsAboutTime(f.Check)) ? FailureClass.Liveness : FailureClass.Safety;
    }

    /// <summary>What a run that did not reach its end shows. A node's exception is a crash; a world that stands still breaks the promise to
    /// converge; work that left the world is not determined; all else is the harness and proves nothing.</summary>
    public static (string Class, Finding Finding) OfBreakdown(Exception cause, IReadOnlyCollection<string> nodes)
    {
        ArgumentNullException.ThrowIfNull(cause);
        var inner = cause is SimWorldException ? cause.InnerException : cause;
        var (name, check, predicate) = inner switch
        {
            HostFailedException failed when nodes.Contains(failed.Host, StringComparer.Ordinal) => (FailureClass.Crash, CrashCheck, "no node ends by an exception"),
            EventFailedException failed when nodes.Contains(failed.Actor, StringComparer.Ordinal) => (FailureClass.Crash, CrashCheck, "no node ends by an exception"),
            ForeignThreadException => (FailureClass.Nondeterminism, DeterminismCheck, "everything happens in the world's order"),
            HarnessException or WorldTimeoutException or StepLimitException => (FailureClass.Liveness, "convergence", "the run comes to its end"),
            _ => (FailureClass.Harness, "harness", "the harness carries the run through"),
        };
        return (name, new Finding(check, name == FailureClass.Harness ? Verdict.Unknown : Verdict.Invalid, predicate, cause.Message, "no standstill, no crash") { Evidence = cause.ToString() });
    }

    /// <summary>The names of findings that no check of a scenario makes.</summary>
    public const string CrashCheck = "crash";
    public const string DeterminismCheck = "determinism";

    public static int ExitCode(Verdict verdict) => verdict switch
    {
        Verdict.Valid => 0,
        Verdict.Invalid => 1,
        _ => 2,
    };

    /// <summary>A run that the harness itself could not carry through.</summary>
    public static RunRecord Broken(string world, ulong seed, string why, IReadOnlyDictionary<string, string> nodes, IReadOnlyDictionary<string, string> servers) => new()
    {
        World = world, Seed = seed, Verdict = Verdict.Unknown, FailureClass = FailureClass.Harness, RunSeconds = 0, WallSeconds = 0, Nodes = nodes, Servers = servers,
        Findings = [new("harness", Verdict.Unknown, "the harness carries the run through", why, "no failure of the harness")],
    };

    private static bool IsAboutTime(string check) =>
        check.Contains("converge", StringComparison.OrdinalIgnoreCase) || check.Contains("election", StringComparison.OrdinalIgnoreCase)
        || check.Contains("rto", StringComparison.OrdinalIgnoreCase) || check.Contains("p99", StringComparison.OrdinalIgnoreCase);
}
