using Verify.Chaos.Traces;
using Verify.Reports.Model;

namespace Verify.Chaos.Explaining;

/// <summary>What is done for a simulated run that failed, besides keeping it: its folder gets explanation.html and explanation.md.</summary>
internal static class FailedRun
{
    private const int LinesMax = 5;

    /// <summary>The run with the name of its page and the last lines of its chain; unchanged when its trace is of another run, because then
    /// a chain of that one would explain nothing.</summary>
    /// <param name="source">What to name in the commands of the page.</param>
    public static RunRecord Explain(string scenario, RunRecord run, RecordedTrace trace, string folder, string source)
    {
        if (trace.Header.TraceHash != run.TraceHash || Explanation.Of(ScenarioAccount.Of(run, scenario, ScenarioAccount.StepsOf(trace), source)) is not { } explanation) return run;
        explanation.WriteTo(folder);
        return run with { ExplanationPage = Explanation.PageName, ExplanationLines = explanation.Lines(LinesMax) };
    }
}
