using System.Text;
using System.Text.RegularExpressions;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>What stands on the page of a CI run.</summary>
internal sealed partial class SummaryMarkdownTests
{
    private const int BytesMax = 900 * 1024;

    [Test]
    public void The_summary_of_a_run_without_fencing_reads_like_this()
    {
        var text = SummaryMarkdown.Render(SampleSuites.NotFenced(3));
        var golden = Path.Combine(TestContext.CurrentContext.TestDirectory, "testdata", "summary-not-fenced.md");
        if (Environment.GetEnvironmentVariable("VERIFY_REWRITE") == "1")
        {
            File.WriteAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "..", "..", "..", "testdata", "summary-not-fenced.md"), text);
            Assert.Fail("testdata/summary-not-fenced.md was rewritten: read it, and run the test again without VERIFY_REWRITE");
        }

        Assert.That(text, Is.EqualTo(File.ReadAllText(golden)), "after a wanted change: VERIFY_REWRITE=1");
    }

    [Test]
    public void Ten_thousand_runs_stay_far_below_what_a_CI_accepts()
    {
        var text = SummaryMarkdown.Render(HostileText.Huge());
        Assert.That(Encoding.UTF8.GetByteCount(text), Is.LessThan(BytesMax / 10));
        Assert.That(text, Does.StartWith("### INVALID: dc-fencing").And.Contain("| 9997/10000 |"));
    }

    [Test]
    public void Texts_of_a_megabyte_do_not_break_the_limit()
    {
        var run = Stories.NotFenced("live");
        var wordy = SampleSuites.Of([run with { RepeatCommand = new('é', 1_000_000), Findings = [.. run.Findings.Select(f => f with { Observed = new('<', 1_000_000), Bound = new('|', 1_000_000) })] }]);
        var text = SummaryMarkdown.Render(wordy with { Story = new('&', 1_000_000), ScenarioName = new('*', 1_000_000), Commit = new('`', 1_000_000) });
        Assert.That(Encoding.UTF8.GetByteCount(text), Is.LessThan(BytesMax));
    }

    [Test]
    public void Hostile_text_ends_no_cell_and_begins_no_tag()
    {
        var text = SummaryMarkdown.Render(HostileText.Suite());
        var outsideOfCode = CodeSpan().Replace(text, "");
        Assert.That(outsideOfCode, Does.Not.Contain("<script").And.Not.Contain("<img"));
        var claims = text.Split('\n').SkipWhile(l => !l.StartsWith("| verdict | world", StringComparison.Ordinal)).TakeWhile(l => l.Length > 0).ToList();
        Assert.That(claims, Has.Count.GreaterThan(9));
        Assert.That(claims.Select(l => l.Replace("\\|", "", StringComparison.Ordinal).Count(c => c == '|')), Has.All.EqualTo(7));
    }

    /// <summary>Nothing is read as markup between two backticks that are not escaped.</summary>
    [GeneratedRegex(@"(?<!\\)`[^`\n]*`", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeSpan();
}
