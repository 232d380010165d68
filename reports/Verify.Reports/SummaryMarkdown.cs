using System.Globalization;
using System.Text;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Timeline;

namespace Verify.Reports;

/// <summary>The report as Markdown for a CI's step summary: the verdict first, and far below the 1024 KiB above which GitHub drops a
/// summary as a whole: every part of it has a limit.</summary>
public static class SummaryMarkdown
{
    private const int FailuresShownMax = 20;
    private const int CellMax = 400;
    private const int StoryMax = 4000;

    public static string Render(SuiteRecord suite)
    {
        var text = new StringBuilder();
        Line(text, $"### {suite.Verdict.Word()}: {Safe(suite.ScenarioName, CellMax)}\n\n{Safe(suite.Story, StoryMax)}\n");
        if (suite.FencingSwitchedOff) Line(text, "**Test only: fencing was switched off; these runs were meant to end INVALID.**\n");
        if (suite.Mutant.Length > 0) Line(text, $"**Test build: the planted bug {Safe(suite.Mutant, CellMax)} was switched on.**\n");
        AddHeadlines(text, suite);
        AddMoments(text, suite);
        AddClaims(text, suite);
        AddFailures(text, suite);
        Line(text, "<details><summary>What this shows, and what it does not</summary>\n");
        foreach (var limit in Limits.Of(suite)) Line(text, $"- **{limit.Heading}**: {Safe(limit.Text, StoryMax)}");
        Line(text, $"\n</details>\n\nCommit {Code(suite.Commit)} · {Code(suite.RepeatCommand)}");
        return text.ToString();
    }

    private static void AddHeadlines(StringBuilder text, SuiteRecord suite)
    {
        Line(text, "| number | verdict | value |\n| --- | --- | --- |");
        foreach (var headline in Headlines.Of(suite))
        {
            Line(text, $"| {headline.Name} | {headline.Verdict.Word()} | {string.Join("<br>", headline.Values.Select(v => $"**{v.Text}** {v.Note}"))} |");
        }
    }

    /// <summary>The sequence of the first run that is shown in full.</summary>
    private static void AddMoments(StringBuilder text, SuiteRecord suite)
    {
        var run = suite.Runs.Where(r => r.Events.Count > 0).OrderByDescending(r => r.World == "live")
            .ThenByDescending(r => r.Verdict).ThenBy(r => r.Seed).FirstOrDefault();
        if (run is null || TimelineModel.Of(run).Moments is not { Count: > 0 } moments) return;
        Line(text, $"\n{VerdictText.TitleOf(run)}:\n\n| | s after T0 | what |\n| --- | ---: | --- |");
        foreach (var moment in moments) Line(text, $"| {moment.Name} | {FigureText.Seconds(moment.AfterS)} | {Safe(moment.What, CellMax)} |");
    }

    private static void AddClaims(StringBuilder text, SuiteRecord suite)
    {
        Line(text, "\n| verdict | world | check | observed (worst) | bound | valid |\n| --- | --- | --- | --- | --- | ---: |");
        foreach (var claim in Claims.Of(suite))
        {
            foreach (var world in claim.Worlds)
            {
                Line(text, $"| {world.Verdict.Word()} | {world.World} | {Safe(claim.Check, CellMax)} | {Safe(world.Observed, CellMax)} | {Safe(world.Bound, CellMax)} | {world.Valid}/{world.Runs} |");
            }
        }

        Line(text, "");
    }

    private static void AddFailures(StringBuilder text, SuiteRecord suite)
    {
        var failed = suite.Runs.Where(r => r.Verdict != Verdict.Valid).OrderByDescending(r => r.Verdict).ToList();
        if (failed.Count == 0) return;
        Line(text, $"<details><summary>{failed.Count} runs that are not valid</summary>\n");
        foreach (var run in failed.Take(FailuresShownMax))
        {
            Line(text, $"- {run.World} seed {run.Seed}: {run.Verdict.Word()} ({Safe(run.FailureClass, CellMax)}) {Code(run.RepeatCommand)}");
        }

        if (failed.Count > FailuresShownMax) Line(text, $"- and {failed.Count - FailuresShownMax} more in run.json");
        Line(text, "\n</details>\n");
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');

    /// <summary>Text from outside cannot end a table cell, begin a tag or format anything.</summary>
    private static string Safe(string text, int charactersMax)
    {
        var safe = new StringBuilder();
        foreach (var c in VerdictText.Cut(text, charactersMax).ReplaceLineEndings(" "))
        {
            if (c == '<') safe.Append("&lt;");
            else if (c == '&') safe.Append("&amp;");
            else if (c is '|' or '`' or '*' or '_' or '[' or ']' or '\\') safe.Append('\\').Append(c);
            else safe.Append(c);
        }

        return safe.ToString();
    }

    private static string Code(string text) =>
        text.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"`{VerdictText.Cut(text, CellMax).ReplaceLineEndings(" ").Replace('`', '\'')}`");
}
