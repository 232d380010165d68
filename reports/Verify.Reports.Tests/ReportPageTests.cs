using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>The page as a document: one well-formed file that needs nothing else, whatever is written into it.</summary>
internal sealed class ReportPageTests
{
    private static readonly TimeSpan PatternLimit = TimeSpan.FromSeconds(10);

    [TestCaseSource(nameof(Suites))]
    public void The_page_is_well_formed_and_needs_no_network_and_no_script(SuiteRecord suite)
    {
        var html = ReportPage.Render(suite);
        var page = Parse(html);
        Assert.That(page.Descendants("script").Select(s => (string?)s.Attribute("type")), Is.EqualTo(new[] { "application/json" }), "data only");
        var links = page.Descendants().Attributes().Where(a => a.Name.LocalName is "src" or "href" or "srcset" or "data" or "action").ToList();
        Assert.That(links, Is.Empty);
        Assert.That(page.Descendants().Attributes().Where(a => a.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase)), Is.Empty, "no event handlers");
        Assert.That(page.Descendants().Where(e => e.Name.LocalName is "img" or "link" or "iframe" or "object" or "base"), Is.Empty);
        var style = page.Descendants("style").Single().Value;
        Assert.That(style, Does.Not.Contain("@import").And.Not.Contain("http"));
        Assert.That(Regex.Matches(style, @"url\((?<target>[^)]*)\)", RegexOptions.None, PatternLimit).Select(m => m.Groups["target"].Value), Has.All.StartsWith("#"));
    }

    [TestCaseSource(nameof(Suites))]
    public void The_verdict_comes_first_and_as_a_word(SuiteRecord suite)
    {
        var body = Parse(ReportPage.Render(suite)).Descendants("body").Single();
        var first = body.Descendants().First(e => !e.HasElements && e.Value.Trim().Length > 0);
        Assert.That(first.Value.Trim(), Is.EqualTo(suite.Verdict.Word()));
    }

    [Test]
    public void Hostile_text_stays_text()
    {
        var html = ReportPage.Render(HostileText.Suite());
        var page = Parse(html);
        Assert.That(html, Does.Not.Contain("<script>alert").And.Not.Contain("<img"));
        Assert.That(page.Descendants("h1").Single().Value, Is.EqualTo(HostileText.Script));
        Assert.That(page.Descendants("pre").Select(p => p.Value), Has.Some.EqualTo(HostileText.Script), "the scenario");
        using var record = JsonDocument.Parse(page.Descendants("script").Single().Value);
        Assert.That(record.RootElement.GetProperty("suite").GetProperty("scenarioName").GetString(), Is.EqualTo(HostileText.Script));
    }

    [Test]
    public void The_record_in_the_page_can_be_read_by_a_program()
    {
        using var record = JsonDocument.Parse(Parse(ReportPage.Render(SampleSuites.NotFenced())).Descendants("script").Single().Value);
        var suite = record.RootElement.GetProperty("suite");
        Assert.That(suite.GetProperty("verdict").GetString(), Is.EqualTo("Invalid"));
        Assert.That(suite.GetProperty("fencingSwitchedOff").GetBoolean(), Is.True);
        var findings = suite.GetProperty("runs")[0].GetProperty("findings").EnumerateArray().ToList();
        var primary = findings.Single(f => f.GetProperty("check").GetString() == "singlePrimary");
        Assert.That(primary.GetProperty("figures").GetProperty("longestOverlapUs").GetDouble(), Is.EqualTo(17_100_000).Within(60_000));
    }

    [Test]
    public void A_hundred_seeds_make_a_small_page_and_ten_thousand_make_it_no_larger_than_a_picture()
    {
        Assert.That(ReportPage.Render(SampleSuites.Valid()).Length, Is.LessThan(400_000));
        var html = ReportPage.Render(HostileText.Huge());
        TestContext.Out.WriteLine($"{html.Length:#,0} characters with 10,000 runs");
        Assert.That(html.Length, Is.LessThan(1_000_000));
        using var record = JsonDocument.Parse(Parse(html).Descendants("script").Single().Value);
        Assert.That(record.RootElement.GetProperty("runsLeftOut").GetInt32() + record.RootElement.GetProperty("suite").GetProperty("runs").GetArrayLength(), Is.EqualTo(10_001));
    }

    [Test]
    public void A_run_with_a_hundred_thousand_events_and_findings_of_a_megabyte_does_not_make_a_page_that_hangs()
    {
        var run = Stories.NotFenced("live");
        var events = Enumerable.Range(0, 100_000).Select(i => run.Events[i % run.Events.Count] with { AtUs = run.Events[i % run.Events.Count].AtUs + (i / run.Events.Count) }).ToList();
        var wordy = run with { Events = events, Findings = [.. run.Findings.Select(f => f with { Observed = new('o', 1_000_000), Evidence = new('e', 1_000_000) })] };
        Assert.That(ReportPage.Render(SampleSuites.Of([wordy])).Length, Is.LessThan(2_000_000));
    }

    [Test]
    public void The_page_shows_the_live_run_first_and_repeats_every_claim_with_bound_and_observed_value()
    {
        var page = Parse(ReportPage.Render(SampleSuites.NotFenced()));
        Assert.That(page.Descendants("h2").Select(h => h.Value.Trim()), Is.EqualTo(new[] { "Live run: INVALID (safety)", "Claims", "What did not hold: Live run", "Simulated run, seed 1: INVALID (safety)", "What this shows, and what it does not", "Evidence" }));
        var rows = page.Descendants("table").Single(t => (string?)t.Attribute("class") == "claims").Descendants("tr").Skip(1).Select(r => string.Join(" | ", r.Elements("td").Select(d => d.Value))).ToList();
        Assert.That(rows, Has.Count.EqualTo(18), "nine checks in two worlds");
        Assert.That(rows[0], Does.Contain("at most one writable primary at any time").And.Contain("INVALID | live").And.Contain("17050 ms at most | 0 ms | 0 of 1"));
    }

    [Test]
    public void The_sequence_of_a_run_is_told_in_sentences_without_the_samples()
    {
        var text = Parse(ReportPage.Render(SampleSuites.NotFenced())).Descendants("table").First(t => (string?)t.Attribute("class") == "sequence").Value;
        Assert.That(text, Does.Contain("is Leader in term 2, leader n2").And.Contain("fault begins: partition east | north,west").And.Contain("opened db2 for writes with token 88"));
        Assert.That(Regex.Matches(text, "takes writes", RegexOptions.None, PatternLimit), Has.Count.EqualTo(3), "db1, db2, and the outcome of the promotion");
    }

    [Test]
    public void A_recovery_that_was_not_begun_has_a_row_with_its_reason_a_line_in_the_sequence_and_a_moment_in_the_picture()
    {
        var run = Skipping();
        var page = Parse(ReportPage.Render(SampleSuites.Of([run])));
        var row = page.Descendants("table").Single(t => (string?)t.Attribute("class") == "sequence skipped").Descendants("tr").Skip(1).Single();
        Assert.That(row.Elements("td").Select(d => d.Value), Is.EqualTo(new[] { "12.300", "n2", "main", "db1", "DeadMaster", "filter RecoverMasterClusterFilters does not name <main>" }));
        var sequence = page.Descendants("table").First(t => (string?)t.Attribute("class") == "sequence").Value;
        Assert.That(sequence, Does.Contain("no recovery of db1 (DeadMaster) is begun: RecoverMasterClusterFilters does not name <main> [filter]"));
        Assert.That(Timeline.TimelineModel.Of(run).Moments.Select(m => m.What), Does.Contain("n2 begins no recovery of db1: filter"));
        Assert.That(ReportPage.Render(SampleSuites.Valid(1)), Does.Not.Contain("not begun"), "nothing was skipped there");
    }

    private static RunRecord Skipping()
    {
        var run = Stories.Fenced("sim");
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["cluster"] = "main", ["instance"] = "db1", ["analysis"] = "DeadMaster", ["code"] = "filter", ["reason"] = "RecoverMasterClusterFilters does not name <main>",
        };
        return run with { Events = [.. run.Events, new RunEvent(12_300_000, 0, EventKinds.RecoverySkipped, "n2", "west", fields)] };
    }

    private static IEnumerable<TestCaseData> Suites()
    {
        yield return new TestCaseData(SampleSuites.Valid(3)).SetArgDisplayNames("valid");
        yield return new TestCaseData(SampleSuites.NotFenced(3)).SetArgDisplayNames("not fenced");
        yield return new TestCaseData(SampleSuites.Unknown()).SetArgDisplayNames("unknown");
        yield return new TestCaseData(SampleSuites.Of([])).SetArgDisplayNames("no run at all");
        yield return new TestCaseData(HostileText.Suite()).SetArgDisplayNames("hostile");
    }

    private static XDocument Parse(string html)
    {
        Assert.That(html, Does.StartWith("<!DOCTYPE html>\n<html"));
        var closed = Regex.Replace(html, @"<(?<name>meta|br|hr)\b(?<rest>[^>]*?)/?>", "<${name}${rest}/>", RegexOptions.None, PatternLimit); // HTML knows elements without an end.
        using var reader = XmlReader.Create(new StringReader(closed), new() { DtdProcessing = DtdProcessing.Ignore, CheckCharacters = false });
        return XDocument.Load(reader);
    }
}
