using System.Net;
using System.Text.Json;
using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.NodeHost.Tests;

/// <summary>Two verify-node processes without peers that agree on their leader in a real MySQL or MariaDB server, which they also measure.</summary>
[Category("Live")]
[NonParallelizable]
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public sealed class BackendTests(Flavor flavor)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(2) };
    private string _directory = "";
    private FleetRun? _run;
    private ServerHost _servers = null!;
    private RealServer _backend = null!;

    [OneTimeSetUp]
    public async Task StartBackend()
    {
        try
        {
            _run = FleetRun.Begin(FleetCache.Default(), TestContext.Progress.WriteLine);
            var program = await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
            _servers = new(_run, program);
            _backend = _servers.Add("backend", with: o => o with { SemiSync = false });
            await _servers.StartAllAsync(Patience);
        }
        catch (FleetException missing)
        {
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail(missing.Message);
            Assert.Ignore(missing.Message);
        }

        await using var session = await _backend.OpenSessionAsync(_servers.Users.Topology, Patience);
        await session.QueryAsync(new Statement.SetReadOnly(On: false).Sql(flavor), Patience);
        await session.QueryAsync(SqlText.Of($"CREATE DATABASE freno"), Patience);
        _directory = _run.Folder("nodes");
    }

    [OneTimeTearDown]
    public async Task StopBackend()
    {
        _http.Dispose();
        if (_run is { } run) await run.DisposeAsync();
    }

    [Test]
    public async Task One_node_leads_the_other_sends_there_and_takes_over_with_all_that_was_throttled()
    {
        await using var pair = new Pair(this, "over");
        var (leader, other) = await pair.LeaderAsync();
        await BecomesAsync(leader, "/check/app/mysql/main", HttpStatusCode.OK, pair);
        await BecomesAsync(other, "/leader-check", HttpStatusCode.NotFound, pair);
        await BecomesAsync(other, "/raft/leader", HttpStatusCode.OK, pair);
        using (var sent = await _http.GetAsync($"http://{other}/check/app/mysql/main?p=low"))
            Assert.That((sent.StatusCode, sent.Headers.Location?.ToString()), Is.EqualTo((HttpStatusCode.TemporaryRedirect, $"http://{leader}/check/app/mysql/main?p=low")));
        Assert.That(await _http.GetStringAsync($"http://{other}/raft/leader"), Is.EqualTo($"\"{leader}\"\n"));
        Assert.That(await StatusAsync(other, "/throttle-app/archiver/ttl/30"), Is.EqualTo(HttpStatusCode.InternalServerError), "only the leader changes anything");
        Assert.That(await StatusAsync(leader, "/throttle-app/archiver/ttl/30/ratio/1"), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusAsync(leader, "/check/archiver/mysql/main"), Is.EqualTo(HttpStatusCode.ExpectationFailed), "obeyed as soon as it is answered");
        Assert.That(await StatusAsync(leader, "/kv/a"), Is.EqualTo(HttpStatusCode.NotFound), "there is nothing but the throttler");

        await pair.KillAsync(leader);
        await BecomesAsync(other, "/leader-check", HttpStatusCode.OK, pair);
        Assert.That(await StatusAsync(other, "/check/archiver/mysql/main"), Is.EqualTo(HttpStatusCode.ExpectationFailed));
        await BecomesAsync(other, "/check/app/mysql/main", HttpStatusCode.OK, pair);
    }

    [Test]
    public async Task While_the_backend_is_away_nobody_leads_and_nobody_is_told_to_go_on()
    {
        await using var pair = new Pair(this, "away");
        var (leader, other) = await pair.LeaderAsync();
        await BecomesAsync(leader, "/check/app/mysql/main", HttpStatusCode.OK, pair);
        await BecomesAsync(other, "/leader-check", HttpStatusCode.NotFound, pair);
        _backend.Pause();
        try
        {
            await BecomesAsync(leader, "/leader-check", HttpStatusCode.NotFound, pair);
            foreach (var node in (string[])[leader, other])
            {
                Assert.That(await StatusAsync(node, "/leader-check"), Is.EqualTo(HttpStatusCode.NotFound));
                Assert.That(await StatusAsync(node, "/check/app/mysql/main"), Is.EqualTo(HttpStatusCode.InternalServerError));
                Assert.That(await StatusAsync(node, "/check-if-exists/app/mysql/main"), Is.EqualTo(HttpStatusCode.InternalServerError));
                Assert.That(await StatusAsync(node, "/throttle-app/archiver"), Is.EqualTo(HttpStatusCode.InternalServerError));
            }
        }
        finally
        {
            _backend.Resume();
        }

        (leader, _) = await pair.LeaderAsync();
        await BecomesAsync(leader, "/check/app/mysql/main", HttpStatusCode.OK, pair);
    }

    private async Task<HttpStatusCode> StatusAsync(string node, string path)
    {
        using var answer = await _http.GetAsync($"http://{node}{path}");
        return answer.StatusCode;
    }

    private async Task BecomesAsync(string node, string path, HttpStatusCode status, Pair pair)
    {
        try
        {
            await Until.AsyncOf($"{path} at {node}: {status}", async () => await StatusAsync(node, path) == status ? "yes" : null);
        }
        catch (AssertionException e)
        {
            Assert.Fail($"{e.Message}\n{pair.Output}");
        }
    }

    /// <summary>Two nodes of one domain.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        private readonly BackendTests _tests;
        private readonly SortedDictionary<string, NodeProcess> _nodes = new(StringComparer.Ordinal);

        public Pair(BackendTests tests, string domain)
        {
            _tests = tests;
            for (var i = 0; i < 2; i++)
            {
                var http = $"127.0.0.1:{FreePort.Next()}";
                var users = tests._servers.Users.Topology;
                var file = Path.Combine(tests._directory, $"{domain}{i}.json");
                File.WriteAllText(file, JsonSerializer.Serialize(new
                {
                    RaftDataDir = Path.Combine(tests._directory, $"{domain}{i}"),
                    RaftBind = $"127.0.0.1:{FreePort.Next()}",
                    RaftNodes = Array.Empty<string>(),
                    ListenAddress = http,
                    Domain = domain,
                    BackendMySQLHost = $"{tests._backend.Endpoint.Address}",
                    BackendMySQLPort = tests._backend.Endpoint.Port,
                    BackendMySQLSchema = "freno",
                    BackendMySQLUser = users.User,
                    BackendMySQLPassword = users.Password,

                    // The samples do not come from the backend: what stops without it is the right to answer.
                    Stores = new { MySQL = new { User = "u", Password = "p", MetricQuery = "select 0.5", Clusters = new { main = new { StaticHostsSettings = new { Hosts = new[] { Measured.Address } } } } } },
                }));
                _nodes[http] = NodeProcess.Start(["--config", file]);
            }
        }

        private MiniMySql Measured { get; } = new() { Value = "0.5" };

        public string Output => string.Join("\n", _nodes.Values.Select(n => n.Output));

        public async Task<(string Leader, string Other)> LeaderAsync()
        {
            var leader = "";
            try
            {
                leader = await Until.AsyncOf("a leader", async () =>
                {
                    foreach (var node in _nodes.Keys)
                        if (await _tests.StatusAsync(node, "/leader-check") == HttpStatusCode.OK) return node;
                    return null;
                });
            }
            catch (AssertionException e)
            {
                Assert.Fail($"{e.Message}\n{Output}");
            }

            return (leader, _nodes.Keys.Single(n => n != leader));
        }

        public async Task KillAsync(string node)
        {
            await _nodes[node].DisposeAsync();
            _nodes.Remove(node);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in _nodes.Values) await node.DisposeAsync();
            await Measured.DisposeAsync();
        }
    }
}
