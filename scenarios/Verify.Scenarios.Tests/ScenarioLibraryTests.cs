using System.Text.RegularExpressions;

namespace Verify.Scenarios.Tests;

[TestFixture]
internal sealed partial class ScenarioLibraryTests
{
    [Test]
    public void The_library_has_the_five_scenarios() =>
        Assert.That(ScenarioLibrary.Names, Is.EqualTo(new[] { "asymmetric-partition", "clock-skew", "dc-fencing", "disk-full", "leader-kill" }));

    [TestCaseSource(typeof(ScenarioLibrary), nameof(ScenarioLibrary.Names))]
    public void Each_is_readable_and_short_enough_for_the_live_world(string name)
    {
        var scenario = ScenarioLibrary.Find(name);
        Assert.That(scenario.Name, Is.EqualTo(name));
        Assert.That(scenario.Story, Has.Length.GreaterThan(100));
        Assert.That(scenario.WarmUp + scenario.Workload.For + scenario.Settle, Is.LessThanOrEqualTo(TimeSpan.FromSeconds(60)));
        Assert.That(scenario.Fleet.DataCenters, Is.EqualTo(new[] { "east", "north", "west" }));
        Assert.That(scenario.Fleet.Nodes.Values.Concat(scenario.Fleet.Servers.Values).Select(n => n.Length), Is.All.EqualTo(1));
        Assert.That(scenario.Fleet.Nodes["east"], Is.EqualTo(new[] { "n1" }));
        Assert.That(scenario.Fleet.Nodes["north"], Is.EqualTo(new[] { "n3" }), "counted in the order of writing");
        Assert.That(scenario.Fleet.Primary, Is.EqualTo("db1"));
        var settle = scenario.Expect.OfType<Expectation.ConvergesWithin>().Single();
        Assert.That(settle.Bound, Is.LessThan(scenario.Settle), "else a run could end before the bound");
    }

    [Test]
    public void Dc_fencing_cuts_the_primarys_data_centre_off()
    {
        var scenario = ScenarioLibrary.Find("dc-fencing");
        var step = scenario.Steps.Single();
        Assert.That((step.At, step.Until), Is.EqualTo((TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(25))));
        Assert.That(((Fault.Partition)step.Fault).Groups.Single().Single(), Is.EqualTo(new Target.DataCenterOf(new Target.Primary())));
        Assert.That(scenario.Expect, Does.Contain(new Expectation.FencedWithin(TimeSpan.FromSeconds(3))));
    }

    [Test]
    public void A_name_that_is_no_scenario_and_no_file_says_what_there_is() =>
        Assert.That(() => ScenarioLibrary.Find("dc-fence"), Throws.TypeOf<ScenarioException>().With.Message.Contains("the library has asymmetric-partition, clock-skew"));

    [Test]
    public void The_page_of_the_language_is_true()
    {
        var page = File.ReadAllText(Path.Combine(Folder(), "README.md"));
        var examples = YamlBlock().Matches(page).Select(m => m.Groups["yaml"].Value).ToArray();
        Assert.That(examples, Has.Length.EqualTo(1));
        Assert.That(ScenarioReader.Read(examples[0]).Steps, Has.Length.EqualTo(2));
        foreach (var word in Reading.StepReader.Faults)
        {
            var example = Regex.Match(page, $@"\| `{word}`( ¹)? \| `(?<step>[^`]+)`", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Groups["step"].Value;
            Assert.That(Sample.Read(FourPlaces, steps: $"  - at: 1s\n    {example}\n").Steps.Single().Fault.Word, Is.EqualTo(word));
        }

        var words = typeof(Expectation).GetNestedTypes().Select(t => char.ToLowerInvariant(t.Name[0]) + t.Name[1..]).Order(StringComparer.Ordinal).ToArray();
        var shown = Expectations().Matches(page[page.IndexOf("## Expectations", StringComparison.Ordinal)..]).Select(m => m.Groups["entry"].Value).ToArray();
        Assert.That(shown.Select(e => Sample.Read(expect: $"  - {e}\n").Expect.Single().Word).Order(StringComparer.Ordinal), Is.EqualTo(words));
    }

    private const string FourPlaces = "  nodes: { east: 1, west: 1, north: 1, south: 1 }\n  mysql: { east: [db1], west: [db2] }\n  primary: db1\n";

    private static string Folder()
    {
        for (var at = new DirectoryInfo(TestContext.CurrentContext.TestDirectory); at is not null; at = at.Parent)
        {
            if (Directory.Exists(Path.Combine(at.FullName, "scenarios", "library")))
            {
                return Path.Combine(at.FullName, "scenarios");
            }
        }

        throw new DirectoryNotFoundException("no folder scenarios/library above the tests");
    }

    [GeneratedRegex("```yaml\n(?<yaml>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex YamlBlock();

    [GeneratedRegex(@"^\| `(?<entry>[^`]+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Expectations();
}
