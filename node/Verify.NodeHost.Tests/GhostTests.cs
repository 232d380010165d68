using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.NodeHost.Tests;

/// <summary>The real gh-ost migrates a table of a real server and asks a follower of three verify-node processes whether it may. It is no package of the
/// system's, so the test is skipped where nobody has put one: on the PATH, or where VERIFY_GHOST points.</summary>
[Category("Live")]
[NonParallelizable]
public sealed partial class GhostTests
{
    private const int Rows = 3_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly Version KnowsReplicas = new(1, 1, 8);
    private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly ConcurrentQueue<string> _said = new();

    [GeneratedRegex(@"\d+\.\d+\.\d+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    [OneTimeTearDown]
    public void Close() => _http.Dispose();

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    [CancelAfter(300_000)]
    public async Task A_migration_stops_at_429_and_at_417_goes_on_at_200_and_finishes(Flavor flavor)
    {
        var (program, version) = await GhostAsync(flavor);
        await using var run = FleetRun.Begin(FleetCache.Default(), TestContext.Progress.WriteLine);
        var servers = new ServerHost(run, await FoundAsync(flavor));
        var server = servers.Add("primary", with: o => o with { SemiSync = false });
        await servers.StartAllAsync(Patience);
        await using var session = await server.OpenSessionAsync(servers.Users.Topology, Patience);
        await FillAsync(session, flavor);
        var nodes = await StartNodesAsync(run.Folder("nodes"), server, servers.Users.Topology);
        try
        {
            await MigrateAsync(program, server, servers.Users.Topology, session, nodes, run.Folder("ghost"));
        }
        finally
        {
            foreach (var node in nodes.Values) await node.DisposeAsync();
        }

        Assert.That(await NumberAsync(session, SqlText.Of($"SELECT COUNT(*) FROM shop.orders WHERE note = 'new'")), Is.EqualTo(Rows), "all rows, with the new column");
        TestContext.Progress.WriteLine($"gh-ost {version} on {server.Version}:\n{string.Join('\n', _said.Where(l => l.Contains("throttled", StringComparison.Ordinal)))}\n{_said.LastOrDefault(l => l.Contains("Done", StringComparison.Ordinal))}");
    }

    private async Task MigrateAsync(string program, RealServer server, MySqlLogin login, MySqlSession session, SortedDictionary<string, NodeProcess> nodes, string folder)
    {
        var (leader, follower) = await RolesAsync(nodes);

        // It begins while the replicas are said to be 9 s behind: nothing is copied.
        await LagAsync(session, 9);
        await BecomesAsync(leader, "/check/gh-ost/mysql/main", 429, nodes);
        using var ghost = Start(program, server, login, folder, $"http://{follower}/check/gh-ost/mysql/main?redirect=true");
        try
        {
            await SaysAsync(ghost, "http=429");
            Assert.That(await CopiedAsync(session), Is.Zero, "not a row before it may");
            await LagAsync(session, 0);
            await UntilAsync("rows to be copied", async () => await CopiedAsync(session) > 0, nodes);

            Assert.That(await StatusAsync(leader, "/throttle-app/gh-ost/ttl/10"), Is.EqualTo(200));
            await SaysAsync(ghost, "http=417");
            var half = await CopiedAsync(session);
            await Task.Delay(TimeSpan.FromSeconds(2));
            Assert.That((await CopiedAsync(session), half is > 0 and < Rows), Is.EqualTo((half, true)), "it stands in the middle of the table");

            Assert.That(await StatusAsync(leader, "/unthrottle-app/gh-ost"), Is.EqualTo(200));
            await ghost.WaitForExitAsync().WaitAsync(Patience);
            Assert.That(ghost.ExitCode, Is.Zero, Story);
        }
        finally
        {
            if (!ghost.HasExited) ghost.Kill();
        }

        var counted = (await _http.GetStringAsync($"http://{leader}/metrics")).Split('\n').Where(l => l.StartsWith("verify_throttle_checks_total{", StringComparison.Ordinal) && l.Contains("app=\"gh-ost\"", StringComparison.Ordinal));
        Assert.That(string.Join('\n', counted), Does.Contain("reason=\"lag\"").And.Contain("reason=\"app_throttled\"").And.Contain("reason=\"ok\""), "it followed the 307 to the leader");
    }

    /// <summary>Insisting on live tests (VERIFY_REQUIRE_LIVE) does not bring a gh-ost onto the machine.</summary>
    private static async Task<(string Program, Version Version)> GhostAsync(Flavor flavor)
    {
        var named = Environment.GetEnvironmentVariable("VERIFY_GHOST");
        var places = string.IsNullOrEmpty(named) ? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "gh-ost")) : [named];
        if (places.FirstOrDefault(File.Exists) is not { } program)
        {
            Assert.Ignore(string.IsNullOrEmpty(named) ? "no gh-ost on the PATH; VERIFY_GHOST may name one" : $"VERIFY_GHOST names {named}, and there is none");
            throw new InvalidOperationException();
        }

        using var asked = Process.Start(new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true, UseShellExecute = false })!;
        var said = await asked.StandardOutput.ReadToEndAsync();
        await asked.WaitForExitAsync();
        var version = Number().Match(said) is { Success: true } found ? Version.Parse(found.Value) : new(0, 0);
        if (flavor == Flavor.MySql && version < KnowsReplicas) Assert.Ignore($"gh-ost {version} asks SHOW MASTER STATUS, which MySQL has no longer since 8.4; {KnowsReplicas} or later is needed");
        return (program, version);
    }

    private static async Task<InstalledServer> FoundAsync(Flavor flavor)
    {
        try
        {
            return await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
        }
        catch (FleetException missing)
        {
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail(missing.Message);
            Assert.Ignore(missing.Message);
            throw;
        }
    }

    private static async Task FillAsync(MySqlSession session, Flavor flavor)
    {
        await session.QueryAsync(new Statement.SetReadOnly(On: false).Sql(flavor), Patience);
        await session.QueryAsync(SqlText.Of($"CREATE DATABASE shop"), Patience);
        await session.QueryAsync(SqlText.Of($"CREATE DATABASE meta"), Patience);
        await session.QueryAsync(SqlText.Of($"CREATE TABLE meta.heartbeat (lag DOUBLE NOT NULL) ENGINE=InnoDB"), Patience);
        await session.QueryAsync(SqlText.Of($"INSERT INTO meta.heartbeat VALUES (0)"), Patience);
        await session.QueryAsync(SqlText.Of($"CREATE TABLE shop.orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, amount INT NOT NULL) ENGINE=InnoDB"), Patience);
        await session.QueryAsync(SqlText.Of($"INSERT INTO shop.orders (amount) VALUES (1), (2), (3)"), Patience);
        for (var rows = 3; rows < Rows; rows *= 10) await session.QueryAsync(SqlText.Of($"INSERT INTO shop.orders (amount) SELECT o.amount FROM shop.orders o JOIN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) nine"), Patience);
    }

    /// <summary>Small pieces, and a rest six times as long as each: the whole takes long enough to be stopped in the middle.</summary>
    private Process Start(string program, RealServer server, MySqlLogin login, string folder, string check)
    {
        _said.Clear();
        string[] words =
        [
            $"--host={server.Endpoint.Address}", $"--port={server.Endpoint.Port}", $"--user={login.User}", $"--password={login.Password}", "--database=shop", "--table=orders",
            "--alter=ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'new'", "--allow-on-master", "--chunk-size=10", "--nice-ratio=6", "--max-lag-millis=60000", "--dml-batch-size=10",
            $"--throttle-http={check}", "--throttle-http-interval-millis=50", $"--serve-socket-file={folder}/s.sock", "--initially-drop-ghost-table", "--initially-drop-old-table", "--ok-to-drop-table", "--execute",
        ];
        var ghost = new Process { StartInfo = new(program, words) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false } };
        ghost.OutputDataReceived += (_, line) => _said.Enqueue(line.Data ?? "");
        ghost.ErrorDataReceived += (_, line) => _said.Enqueue(line.Data ?? "");
        ghost.Start();
        ghost.BeginOutputReadLine();
        ghost.BeginErrorReadLine();
        return ghost;
    }

    private string Story() => string.Join('\n', _said);

    private async Task SaysAsync(Process ghost, string words)
    {
        var before = _said.Count;
        for (var begin = Stopwatch.GetTimestamp(); !_said.Skip(before).Any(line => line.Contains(words, StringComparison.Ordinal)); await Task.Delay(50))
        {
            if (ghost.HasExited || Stopwatch.GetElapsedTime(begin) > Patience) Assert.Fail($"gh-ost did not say '{words}':\n{Story()}");
        }
    }

    private static async Task LagAsync(MySqlSession session, int seconds) => await session.QueryAsync(SqlText.Of($"UPDATE meta.heartbeat SET lag = {seconds}"), Patience);

    private static async Task<long> CopiedAsync(MySqlSession session) =>
        await NumberAsync(session, SqlText.Of($"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop' AND table_name = '_orders_gho'")) == 0
            ? 0 : await NumberAsync(session, SqlText.Of($"SELECT COUNT(*) FROM shop._orders_gho"));

    private static async Task<long> NumberAsync(MySqlSession session, SqlText query) => long.Parse((await session.QueryAsync(query, Patience)).Rows[0][0]!, CultureInfo.InvariantCulture);

    /// <summary>Three nodes that measure the server by a heartbeat table, as freno's users do.</summary>
    private static async Task<SortedDictionary<string, NodeProcess>> StartNodesAsync(string folder, RealServer server, MySqlLogin login)
    {
        var peers = Enumerable.Range(0, 3).Select(_ => $"127.0.0.1:{FreePort.Next()}").ToArray();
        var nodes = new SortedDictionary<string, NodeProcess>(StringComparer.Ordinal);
        for (var i = 0; i < peers.Length; i++)
        {
            var (http, file) = ($"127.0.0.1:{FreePort.Next()}", Path.Combine(folder, $"n{i}.json"));
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
            {
                RaftDataDir = Path.Combine(folder, $"n{i}"),
                RaftNodeId = $"n{i}",
                RaftBind = peers[i],
                RaftNodes = peers.Select((peer, n) => $"n{n}@{peer}"),
                DataCenter = "here",
                DataCenters = peers.ToDictionary(peer => peer, _ => "here", StringComparer.Ordinal),
                ListenAddress = http,

                // Beside builds and other tests no leader is to be lost for want of a core.
                RaftHeartbeatMilliseconds = 100,
                RaftElectionMilliseconds = 900,
                Stores = new
                {
                    MySQL = new
                    {
                        login.User, login.Password, MetricQuery = "select lag from meta.heartbeat", ThrottleThreshold = 1.0,
                        Clusters = new { main = new { StaticHostsSettings = new { Hosts = new[] { $"{server.Endpoint}" } } } },
                    },
                },
            }));
            nodes[http] = NodeProcess.StartService(["--config", file]);
        }

        return nodes;
    }

    /// <summary>The leader, and a follower that knows where to send a client.</summary>
    private async Task<(string Leader, string Follower)> RolesAsync(SortedDictionary<string, NodeProcess> nodes)
    {
        // Nodes elect before their HTTP ports are open.
        foreach (var node in nodes.Keys) await BecomesAsync(node, "/_ping", 200, nodes);
        var leader = "";
        await UntilAsync("a leader", async () =>
        {
            foreach (var node in nodes.Keys)
                if (await StatusAsync(node, "/leader-check") == 200) leader = node;
            return leader.Length > 0;
        }, nodes);
        var follower = nodes.Keys.First(node => node != leader);
        await BecomesAsync(follower, "/check/gh-ost/mysql/main?redirect=true", 307, nodes);
        return (leader, follower);
    }

    private Task BecomesAsync(string node, string path, int status, SortedDictionary<string, NodeProcess> nodes) =>
        UntilAsync($"{path} at {node}: {status}", async () => await StatusAsync(node, path) == status, nodes);

    private static async Task UntilAsync(string what, Func<Task<bool>> holds, SortedDictionary<string, NodeProcess> nodes)
    {
        var last = "not yet";
        for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < Patience && nodes.Values.All(n => !n.HasExited); await Task.Delay(50))
        {
            try
            {
                if (await holds()) return;
                last = "not yet";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                last = e.Message;
            }
        }

        Assert.Fail($"{what}: not within {Patience.TotalSeconds:0} s; last: {last}\n{string.Join('\n', nodes.Values.Select(n => n.Output))}");
    }

    private async Task<int> StatusAsync(string node, string path)
    {
        using var answer = await _http.GetAsync($"http://{node}{path}");
        return (int)answer.StatusCode;
    }
}
