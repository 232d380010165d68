using System.Text.Json;
using Verify.Chaos.Running;
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
    public async Task The_operators_script_is_run_around_a_real_failover_and_is_told_what_happened()
    {
        await RealServers.NeedAsync(Flavor.MySql);
        var run = await ChaosProgram.RunAsync(Limit, "run", Path.Combine(Machine.CheckoutRoot()!, "scenarios", "failover", "primary-killed.yaml"), "--world", "live", "--hooks", "--out", _folder);
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        var nodes = Path.Combine(ChaosProgram.RunFolderIn(_folder), "live", "nodes");
        var told = Directory.EnumerateFiles(nodes, "*.hooks.txt").SelectMany(f => File.ReadAllText(f).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
            .Select(block => block.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=', 2)).ToDictionary(v => v[0], v => v[1], StringComparer.Ordinal)).ToList();
        Assert.That(told.Select(t => t["VERIFY_HOOK"]), Is.SupersetOf(new[] { "OnFailureDetectionProcesses", "PreFailoverProcesses", "PostMasterFailoverProcesses", "PostFailoverProcesses" }));
        var after = told.First(t => t["VERIFY_HOOK"] == "PostMasterFailoverProcesses");
        Assert.That((after["ORC_FAILED_HOST"], after["ORC_FAILED_PORT"], after["ORC_IS_SUCCESSFUL"], after["ORC_IS_MASTER"]), Is.EqualTo(("db1", "3306", "true", "true")));
        Assert.That(after["ORC_FAILURE_TYPE"], Does.StartWith("DeadMaster"));
        Assert.That(after["ORC_SUCCESSOR_HOST"], Is.AnyOf("db2", "db3"));
        Assert.That(after["ORC_SUCCESSOR_BINLOG_COORDINATES"], Does.Match("^[^:]+:[0-9]+$"));
        Assert.That((after["ORC_COUNT_REPLICAS"], after["ORC_REPLICA_HOSTS"]), Is.EqualTo(("2", "db2:3306,db3:3306")));
        Assert.That(after.Keys.Count(k => k.StartsWith("ORC_", StringComparison.Ordinal)), Is.EqualTo(24));
        Assert.That(told.Select(t => t["ORC_RECOVERY_UID"]).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(1), "one recovery, one id");
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
