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
        using var over = new CancellationTokenSource();
        var seeing = PasswordsAsync(over.Token);
        var run = await ChaosProgram.RunAsync(Limit, "run", scenario, "--world", "live", "--flavor", flavor, "--out", _folder);
        await over.CancelAsync();
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        var folder = ChaosProgram.RunFolderIn(_folder);
        Assert.That(Directory.EnumerateFiles(Path.Combine(folder, "live", "nodes"), "*.log").Count(), Is.EqualTo(3), "the logs of all nodes are kept");
        Assert.That(File.ReadLines(Path.Combine(folder, "history.ndjson")).Count(), Is.GreaterThan(500));
        var passwords = await seeing;
        Assert.That(passwords, Has.Count.GreaterThanOrEqualTo(2), "the nodes were given passwords");
        foreach (var file in Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories))
        {
            var text = await File.ReadAllTextAsync(file);
            foreach (var password in passwords) Assert.That(text.Contains(password, StringComparison.Ordinal), Is.False, $"{Path.GetFileName(file)} holds a password of the servers");
        }
    }

    /// <summary>The passwords that were drawn for the servers of the runs going on meanwhile, from the configuration files of their nodes.</summary>
    private static async Task<SortedSet<string>> PasswordsAsync(CancellationToken over)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        while (!over.IsCancellationRequested)
        {
            await Task.Delay(250, CancellationToken.None);
            foreach (var run in Directory.EnumerateDirectories(Path.GetTempPath(), "verify-*"))
            {
                var file = Path.Combine(run, "nodes", "n1", "node.json");
                if (!File.Exists(file)) continue;
                try
                {
                    using var settings = JsonDocument.Parse(await File.ReadAllTextAsync(file, CancellationToken.None));
                    foreach (var key in new[] { "MySQLTopologyPassword", "MySQLReplicationPassword" })
                        if (settings.RootElement.TryGetProperty(key, out var value) && value.GetString() is { Length: > 8 } password) found.Add(password);
                }
                catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
                {
                    // It is being written, or was just removed.
                }
            }
        }

        return found;
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
