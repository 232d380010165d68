using System.Globalization;
using System.Text;
using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports;

/// <summary>The report as Markdown for a CI's step summary: the verdict first, well below the size that CI services accept.</summary>
public static class SummaryMarkdown
{
    private const int FailuresShownMax = 20;

    public static string Render(SuiteRecord suite)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"### {Headlines.Word(suite.Verdict)}: {suite.ScenarioName}\n\n{suite.Story}\n\n");
        if (suite.FencingSwitchedOff) text.Append("**Test only: fencing was switched off; this run was meant to end INVALID.**\n\n");
        text.Append("| number | value | where |\n| --- | --- | --- |\n");
        foreach (var headline in Headlines.Of(suite)) text.Append(CultureInfo.InvariantCulture, $"| {headline.Name} | **{headline.Value}** | {headline.Note} |\n");
        text.Append("\n| verdict | world | check | observed (worst) | bound | valid |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (var claim in Headlines.Claims(suite))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Headlines.Word(claim.Worst.Verdict)} | {claim.World} | {claim.Worst.Check} | {Cell(claim.Worst.Observed)} | {Cell(claim.Worst.Bound)} | {claim.Valid}/{claim.Runs} |\n");
        }

        var failed = suite.Runs.Where(r => r.Verdict != Verdict.Valid).Take(FailuresShownMax).ToList();
        if (failed.Count > 0)
        {
            text.Append("\n<details><summary>Runs that are not valid</summary>\n\n");
            foreach (var run in failed) text.Append(CultureInfo.InvariantCulture, $"- {run.World} seed {run.Seed}: {Headlines.Word(run.Verdict)} ({run.FailureClass}) `{run.RepeatCommand}`\n");
            text.Append("\n</details>\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"\nCommit `{suite.Commit}` · `{suite.RepeatCommand}`\n").ToString();
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
