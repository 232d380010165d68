using System.Xml.Linq;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests;

/// <summary>What a CI system reads.</summary>
internal sealed class JUnitXmlTests
{
    [TestCaseSource(nameof(Suites))]
    public void The_counts_of_every_suite_add_up_to_its_cases(SuiteRecord suite)
    {
        var root = XDocument.Parse(JUnitXml.Render(suite)).Root!;
        foreach (var element in root.Elements("testsuite").Append(root))
        {
            Assert.That((int)element.Attribute("tests")!, Is.EqualTo(element.Descendants("testcase").Count()));
            Assert.That((int)element.Attribute("failures")!, Is.EqualTo(element.Descendants("failure").Count()));
            Assert.That((int)element.Attribute("errors")!, Is.EqualTo(element.Descendants("error").Count()));
        }

        foreach (var count in new[] { "tests", "failures", "errors" })
        {
            Assert.That(root.Elements("testsuite").Sum(s => (int)s.Attribute(count)!), Is.EqualTo((int)root.Attribute(count)!), count);
        }

        Assert.That((int)root.Attribute("failures")! > 0, Is.EqualTo(suite.Verdict == Verdict.Invalid));
    }

    [Test]
    public void A_failure_says_in_its_text_which_seed_it_was_and_how_to_repeat_it()
    {
        var root = XDocument.Parse(JUnitXml.Render(SampleSuites.NotFenced(3))).Root!;
        var failure = root.Descendants("testcase").Single(c => (string?)c.Attribute("name") == "singlePrimary (seed 2)").Element("failure")!;
        Assert.That(failure.Value, Does.Contain("seed: 2\n").And.Contain("repeat: dotnet run --project chaos/Verify.Chaos").And.Contain("bound: 0 ms").And.Contain("db1 writable"));
        var live = root.Descendants("testcase").Single(c => (string?)c.Attribute("name") == "singlePrimary").Element("failure")!;
        Assert.That(live.Value, Does.Contain("repeat: dotnet run --project chaos/Verify.Chaos -c Release -- run dc-fencing --world both"), "a live run is repeated with the whole");
    }

    [Test]
    public void An_unknown_verdict_is_an_error_and_a_run_that_nobody_judged_is_one_too()
    {
        var root = XDocument.Parse(JUnitXml.Render(SampleSuites.Unknown())).Root!;
        Assert.That((int)root.Attribute("errors")!, Is.GreaterThan(0));
        var unjudged = XDocument.Parse(JUnitXml.Render(SampleSuites.Of([new SampleRun("sim").Phase(1, "final").Record()]))).Root!;
        Assert.That((int)unjudged.Attribute("errors")!, Is.EqualTo(1));
    }

    [Test]
    public void Every_run_has_a_case_per_check_in_the_suite_of_its_world()
    {
        var root = XDocument.Parse(JUnitXml.Render(SampleSuites.Valid(5))).Root!;
        Assert.That(root.Elements("testsuite").Select(s => ((string?)s.Attribute("name"), (int)s.Attribute("tests")!)), Is.EqualTo(new[] { ("dc-fencing (live)", 9), ("dc-fencing (sim)", 45) }));
        Assert.That(root.Descendants("testcase").Select(c => (string?)c.Attribute("name") + (string?)c.Attribute("classname")), Is.Unique);
    }

    [Test]
    public void Ten_thousand_runs_make_a_file_that_a_CI_still_reads_with_every_failure_apart()
    {
        var text = JUnitXml.Render(HostileText.Huge());
        Assert.That(text.Length, Is.LessThan(2_000_000));
        var root = XDocument.Parse(text).Root!;
        var failed = root.Descendants("testcase").Where(c => c.Element("failure") is not null).Select(c => (string)c.Attribute("name")!).Where(n => n.StartsWith("singlePrimary", StringComparison.Ordinal));
        Assert.That(failed, Is.EqualTo(new[] { "singlePrimary (seed 2)", "singlePrimary (seed 4000)", "singlePrimary (seed 8000)" }));
        Assert.That(root.Descendants("testcase").Select(c => (string)c.Attribute("name")!), Has.Some.EqualTo("singlePrimary (9997 valid runs)"));
    }

    private static IEnumerable<TestCaseData> Suites()
    {
        yield return new TestCaseData(SampleSuites.Valid(3)).SetArgDisplayNames("valid");
        yield return new TestCaseData(SampleSuites.NotFenced(3)).SetArgDisplayNames("not fenced");
        yield return new TestCaseData(SampleSuites.Unknown()).SetArgDisplayNames("unknown");
        yield return new TestCaseData(HostileText.Suite()).SetArgDisplayNames("hostile");
    }
}
