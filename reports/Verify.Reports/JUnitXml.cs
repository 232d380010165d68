using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports;

/// <summary>JUnit XML as CI systems read it: a suite per world, a case per check and run. There is no official schema; seed and command
/// stand in the failure's text as well, because some readers drop the properties. Where there are very many simulated runs, the valid
/// ones of a check share one case, so that the file stays readable for a CI.</summary>
public static class JUnitXml
{
    private const int RunsApartMax = 500;
    private const int EvidenceMax = 4000;

    public static string Render(SuiteRecord suite)
    {
        var suites = suite.Runs.GroupBy(r => r.World, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => Suite(suite, g.Key, [.. g])).ToList();
        var root = new XElement("testsuites", new XAttribute("name", Clean(suite.ScenarioName)), suites);
        Count(root, suite.Runs);
        return new XDeclaration("1.0", "utf-8", null) + "\n" + root + "\n";
    }

    private static XElement Suite(SuiteRecord suite, string world, List<RunRecord> runs)
    {
        var element = new XElement(
            "testsuite",
            new XAttribute("name", Clean($"{suite.ScenarioName} ({world})")),
            new XAttribute("timestamp", suite.StartedAt.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture)),
            new XElement("properties", Property("commit", suite.Commit), Property("command", suite.RepeatCommand), Property("runId", suite.RunId)));
        var together = runs.Count > RunsApartMax;
        foreach (var run in runs)
        {
            if (run.Findings.Count == 0) element.Add(Case(suite, run, Unjudged));
            element.Add(run.Findings.Where(f => !together || f.Verdict != Verdict.Valid).Select(f => Case(suite, run, f)));
        }

        if (together) element.Add(Shared(suite, world, runs));
        Count(element, runs);
        return element;
    }

    private static Finding Unjudged => new("judgement", Verdict.Unknown, "every run is judged", "the run has no findings", "at least one finding");

    private static XElement Case(SuiteRecord suite, RunRecord run, Finding finding)
    {
        var name = run.World == "sim" ? $"{finding.Check} (seed {run.Seed})" : finding.Check;
        var element = Named(suite, run.World, name, run.WallSeconds / Math.Max(1, run.Findings.Count));
        var command = run.RepeatCommand.Length > 0 ? run.RepeatCommand : suite.RepeatCommand;
        var text = Clean($"{finding.Predicate}\nobserved: {finding.Observed}\nbound: {finding.Bound}\nseed: {run.Seed}\nrepeat: {command}\n"
            + VerdictText.Cut(finding.Evidence, EvidenceMax));
        var message = new XAttribute("message", Clean(finding.Observed));
        if (finding.Verdict == Verdict.Invalid) element.Add(new XElement("failure", message, new XAttribute("type", Clean(run.FailureClass)), text));
        if (finding.Verdict == Verdict.Unknown) element.Add(new XElement("error", message, new XAttribute("type", "unknown"), text));
        return element;
    }

    private static IEnumerable<XElement> Shared(SuiteRecord suite, string world, List<RunRecord> runs) =>
        runs.SelectMany(r => r.Findings.Where(f => f.Verdict == Verdict.Valid).Select(f => (f.Check, Seconds: r.WallSeconds / r.Findings.Count)))
            .GroupBy(f => f.Check, StringComparer.Ordinal)
            .Select(g => Named(suite, world, $"{g.Key} ({g.Count()} valid runs)", g.Sum(f => f.Seconds)));

    private static XElement Named(SuiteRecord suite, string world, string name, double seconds) => new(
        "testcase", new XAttribute("classname", Clean($"{suite.ScenarioName}.{world}")), new XAttribute("name", Clean(name)), new XAttribute("time", Seconds(seconds)));

    /// <summary>Counts what is written, so that the counts always add up.</summary>
    private static void Count(XElement element, IReadOnlyList<RunRecord> runs) => element.Add(
        new XAttribute("tests", element.Descendants("testcase").Count()),
        new XAttribute("failures", element.Descendants("failure").Count()),
        new XAttribute("errors", element.Descendants("error").Count()),
        new XAttribute("skipped", 0),
        new XAttribute("time", Seconds(runs.Sum(r => r.WallSeconds))));

    private static XElement Property(string name, string value) => new("property", new XAttribute("name", name), new XAttribute("value", Clean(value)));

    private static string Seconds(double seconds) => seconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>Drops what XML 1.0 cannot hold (section 2.2); pairs of surrogates are fine.</summary>
    private static string Clean(string text) =>
        string.Concat(text.EnumerateRunes().Select(r => r.ToString()).Where(r => r.Length == 2 || XmlConvert.IsXmlChar(r[0])));
}
