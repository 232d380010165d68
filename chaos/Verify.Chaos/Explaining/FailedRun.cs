using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;

namespace Verify.Chaos.Explaining;

/// <summary>What is done for a simulated run that failed, besides keeping it: it is played once more with its causes kept, and its folder gets
/// explanation.html and explanation.md.</summary>
internal static class FailedRun
{
    private const int LinesMax = 5;

    /// <summary>The run with the name of its page and the last lines of its chain; unchanged when playing it again gave another run, because
    /// then a chain of that one would explain nothing.</summary>
    public static RunRecord Explain(Scenario scenario, RunRecord run, SimulatedOptions options, string folder, string source)
    {
        var (account, again, _) = ScenarioAccount.Played(scenario, run.Seed, options with { Twice = false }, source);
        if (again.TraceHash != run.TraceHash || Explanation.Of(account with { Findings = run.Findings, Verdict = run.Verdict, FailureClass = run.FailureClass }) is not { } explanation) return run;
        explanation.WriteTo(folder);
        return run with { ExplanationPage = Explanation.PageName, ExplanationLines = explanation.Lines(LinesMax) };
    }
}
