using System.Text.Json;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>The scenarios against real verify-node processes and real servers.</summary>
[Category("Live")]
public sealed class LiveScenarioTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = ChaosProgram.NewFolder("live");

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("dc-fencing", "mysql")]
    [TestCase("dc-fencing", "mariadb")]
    [TestCase("leader-kill", "mysql")]
    [TestCase("disk-full", "mysql")]
    [TestCase("clock-skew", "mysql")]
    [TestCase("asymmetric-partition", "mysql")]
    public async Task A_scenario_holds_on_real_processes_and_servers(string scenario, string flavor)
    {
        await RealServers.NeedAsync(flavor == "mariadb" ? Flavor.MariaDb : Flavor.MySql);
        var run = await ChaosProgram.RunAsync(Limit, "run", scenario, "--world", "live", "--flavor", flavor, "--out", _folder);
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        var folder = ChaosProgram.RunFolderIn(_folder);
        Assert.That(Directory.EnumerateFiles(Path.Combine(folder, "live", "nodes"), "*.log").Count(), Is.EqualTo(3), "the logs of all nodes are kept");
        Assert.That(File.ReadLines(Path.Combine(folder, "history.ndjson")).Count(), Is.GreaterThan(500));
    }

    [Test]
    public async Task With_fencing_switched_off_the_live_run_ends_invalid_with_the_overlap_in_the_report()
    {
        await RealServers.NeedAsync(Flavor.MySql);
        var run = await ChaosProgram.RunAsync(Limit, "run", "dc-fencing", "--world", "live", "--no-fencing", "--out", _folder);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Output);
        var folder = ChaosProgram.RunFolderIn(_folder);
        using var record = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "run.json")));
        var overlap = record.RootElement.GetProperty("runs")[0].GetProperty("findings").EnumerateArray().Single(f => f.GetProperty("check").GetString() == "singlePrimary");
        Assert.That(overlap.GetProperty("verdict").GetString(), Is.EqualTo("Invalid"));
        Assert.That(overlap.GetProperty("figures").GetProperty("longestOverlapUs").GetDouble(), Is.GreaterThan(1_000_000));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(folder, "report.html")), Does.Contain("fencing was switched off"));
    }
}
