using System.Globalization;
using System.Xml.Linq;
using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports;

/// <summary>JUnit XML as CI systems read it: a suite per world, a case per check and run. There is no official schema; seed and command
/// stand in the failure's text as well, because some readers drop the properties.</summary>
public static class JUnitXml
{
    public static string Render(SuiteRecord suite)
    {
        var suites = suite.Runs.GroupBy(r => r.World, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => Suite(suite, g.Key, [.. g])).ToList();
        var root = new XElement("testsuites", new XAttribute("name", suite.ScenarioName), Counts(suite.Runs), suites);
        return new XDocument(new XDeclaration("1.0", "utf-8", null), root).Declaration + "\n" + root + "\n";
    }

    private static XElement Suite(SuiteRecord suite, string world, List<RunRecord> runs) => new(
        "testsuite",
        new XAttribute("name", $"{suite.ScenarioName} ({world})"),
        Counts(runs),
        new XAttribute("timestamp", suite.StartedAt.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture)),
        new XElement("properties", Property("commit", suite.Commit), Property("command", suite.RepeatCommand), Property("runId", suite.RunId)),
        runs.SelectMany(r => r.Findings.Select(f => Case(suite, r, f))));

    private static XElement Case(SuiteRecord suite, RunRecord run, Finding finding)
    {
        var element = new XElement(
            "testcase",
            new XAttribute("classname", $"{suite.ScenarioName}.{run.World}"),
            new XAttribute("name", run.World == "sim" ? $"{finding.Check} (seed {run.Seed})" : finding.Check),
            new XAttribute("time", Seconds(run.WallSeconds / Math.Max(1, run.Findings.Count))));
        var text = $"{finding.Predicate}\nobserved: {finding.Observed}\nbound: {finding.Bound}\nseed: {run.Seed}\nrepeat: {(run.RepeatCommand.Length > 0 ? run.RepeatCommand : suite.RepeatCommand)}\n{finding.Evidence}";
        if (finding.Verdict == Verdict.Invalid) element.Add(new XElement("failure", new XAttribute("message", Clean(finding.Observed)), new XAttribute("type", run.FailureClass), Clean(text)));
        if (finding.Verdict == Verdict.Unknown) element.Add(new XElement("error", new XAttribute("message", Clean(finding.Observed)), new XAttribute("type", "unknown"), Clean(text)));
        return element;
    }

    private static XAttribute[] Counts(IReadOnlyList<RunRecord> runs)
    {
        var findings = runs.SelectMany(r => r.Findings).ToList();
        return
        [
            new("tests", findings.Count), new("failures", findings.Count(f => f.Verdict == Verdict.Invalid)),
            new("errors", findings.Count(f => f.Verdict == Verdict.Unknown)), new("skipped", 0), new("time", Seconds(runs.Sum(r => r.WallSeconds))),
        ];
    }

    private static XElement Property(string name, string value) => new("property", new XAttribute("name", name), new XAttribute("value", value));
    private static string Seconds(double seconds) => seconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>Drops what XML 1.0 cannot hold (section 2.2).</summary>
    private static string Clean(string text) => string.Concat(text.Where(System.Xml.XmlConvert.IsXmlChar));
}
