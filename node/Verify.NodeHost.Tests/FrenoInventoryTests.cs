using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Where the hosts of a store are found, HTTP checks that take a host out, and memcached: with small servers of the test's own.</summary>
[NonParallelizable]
public sealed class FrenoInventoryTests
{
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-freno-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    /// <summary>The story of HaProxyPageTests through a whole node: the replica that lags is down for HAProxy, and it is the one that counts.</summary>
    [Test]
    public async Task A_replica_that_HAProxy_took_out_because_it_lags_is_a_reason_to_throttle()
    {
        await using var quick = new MiniMySql { Value = "0.25" };
        await using var slow = new MiniMySql("127.0.0.2", quick.Port) { Value = "3600" };
        await using var page = new MiniText("# pxname,svname,status,weight\nro,127.0.0.1,UP,1\nro,127.0.0.2,DOWN,1\nro,10.255.255.2,MAINT,1\n");
        var http = $"127.0.0.1:{FreePort.Next()}";
        await using var node = await StartAsync(http, new { main = new { Port = quick.Port, HAProxySettings = new { Host = "127.0.0.1", Port = page.Port, PoolName = "ro" } } });
        await BecomesAsync(http, """{"mysql/main":"3600.000000"}""", node);
        using var client = new HttpClient();
        using var check = await client.GetAsync($"http://{http}/check/gh-ost/mysql/main");
        Assert.That((int)check.StatusCode, Is.EqualTo(429), await check.Content.ReadAsStringAsync());
        slow.Value = "0.5";
        await BecomesAsync(http, """{"mysql/main":"0.500000"}""", node);
    }

    /// <summary>The page as the real haproxy writes it, with a server in each state that it knows. Who is asked for his lag is seen at the servers.</summary>
    [Test]
    [Category("Live")]
    public async Task A_real_haproxy_says_whose_lag_counts()
    {
        const string program = "/usr/sbin/haproxy";
        await LiveProgram.RequireAsync(program, "haproxy");
        await using var up = new MiniMySql { Value = "0.25" };
        await using var down = new MiniMySql("127.0.0.2", up.Port) { Value = "5" };
        await using var noLb = new MiniMySql("127.0.0.3", up.Port) { Value = "100" };
        await using var maintenance = new MiniMySql("127.0.0.4", up.Port) { Value = "200" };
        await using var drained = new MiniMySql("127.0.0.5", up.Port) { Value = "300" };
        await using var unwatched = new MiniMySql("127.0.0.6", up.Port) { Value = "0.5" };
        await using var elsewhere = new MiniMySql("127.0.0.7", up.Port) { Value = "400" };
        await using var well = new MiniText("well");
        await using var lags = new MiniText("it lags") { Status = 503 };
        await using var gone = new MiniText("gone") { Status = 404 };
        var pagePort = FreePort.Next();
        using var haproxy = await StartHaProxyAsync(program, pagePort, $"""
            backend ro
                option httpchk GET /ready
                http-check disable-on-404
                default-server fall 1 inter 200 rise 1
                server 127.0.0.1 127.0.0.1:{up.Port} check port {well.Port} addr 127.0.0.1
                server 127.0.0.2 127.0.0.2:{up.Port} check port {lags.Port} addr 127.0.0.1
                server 127.0.0.3 127.0.0.3:{up.Port} check port {gone.Port} addr 127.0.0.1
                server 127.0.0.4 127.0.0.4:{up.Port} check port {well.Port} addr 127.0.0.1 disabled
                server 127.0.0.5 127.0.0.5:{up.Port} check port {well.Port} addr 127.0.0.1
                server 127.0.0.6 127.0.0.6:{up.Port}
            backend rw
                server 127.0.0.7 127.0.0.7:{up.Port}
            """);
        try
        {
            await DrainAsync(pagePort, "127.0.0.5");
            await BecomesAsync(pagePort, "127.0.0.1 UP, 127.0.0.2 DOWN, 127.0.0.3 NOLB, 127.0.0.4 MAINT, 127.0.0.5 DRAIN, 127.0.0.6 no check");
            var http = $"127.0.0.1:{FreePort.Next()}";
            await using var node = await StartAsync(http, new { main = new { Port = up.Port, HAProxySettings = new { Host = "127.0.0.1", Port = pagePort, PoolName = "ro" } } });
            await BecomesAsync(http, """{"mysql/main":"5.000000"}""", node);
            Assert.That(
                (up.Sessions, down.Sessions, noLb.Sessions, maintenance.Sessions, drained.Sessions, unwatched.Sessions, elsewhere.Sessions), Is.EqualTo((1, 1, 0, 0, 0, 1, 0)),
                "up, down and not checked; nobody else");

            // Back, and taken out by its own check: the next look at the page is ten seconds after the last one.
            lags.Status = 200;
            await BecomesAsync(pagePort, "127.0.0.1 UP, 127.0.0.2 UP, 127.0.0.3 NOLB, 127.0.0.4 MAINT, 127.0.0.5 DRAIN, 127.0.0.6 no check");
            lags.Status = 404;
            await BecomesAsync(http, """{"mysql/main":"0.500000"}""", node);
        }
        finally
        {
            haproxy.Kill();
            await haproxy.WaitForExitAsync();
        }
    }

    [Test]
    public async Task Hosts_come_from_HAProxy_and_ProxySQL_and_a_host_whose_HTTP_check_says_404_counts_for_nothing()
    {
        await using var one = new MiniMySql { Value = "0.5" };
        await using var two = new MiniMySql { Value = "0.75" };
        await using var admin = new MiniMySql
        {
            User = "stats", StatsUser = "stats",
            Table = ("FROM stats_mysql_connection_pool WHERE hostgroup = 20", ["srv_host", "srv_port", "status"],
                [["127.0.0.1", PortOf(one), "ONLINE"], ["127.0.0.1", PortOf(two), "SHUNNED"]]),
        };
        await using var page = new MiniText("# pxname,svname,status,weight\nro,FRONTEND,OPEN,\nro,127.0.0.1,UP,1\nro,10.255.255.1,MAINT,1\nro,10.255.255.2,NOLB,1\nro,BACKEND,UP,\nrw,10.255.255.3,UP,1\n");
        await using var check = new MiniText("gone") { Status = 404 };
        var http = $"127.0.0.1:{FreePort.Next()}";
        await using var node = await StartAsync(http, new
        {
            sql = new { ProxySQLSettings = new { Addresses = admin.Address, User = "stats", Password = "s", HostgroupID = 20 } },
            proxy = (object)new { Port = int.Parse(PortOf(two)), HAProxySettings = new { Host = "127.0.0.1", Port = page.Port, PoolName = "ro" } },
            off = (object)new { StaticHostsSettings = new { Hosts = new[] { one.Address } }, HttpCheckPort = check.Port, HttpCheckPath = "ready" },
        });
        await BecomesAsync(http, """{"mysql/off":"error: No hosts found: all of them are ignored or skipped","mysql/proxy":"0.750000","mysql/sql":"0.500000"}""", node);
        Assert.That(check.Requests, Does.Contain("GET /ready HTTP/1.0"));
        check.Status = 200;
        await BecomesAsync(http, """{"mysql/off":"0.500000","mysql/proxy":"0.750000","mysql/sql":"0.500000"}""", node);
    }

    [Test]
    public async Task Memcached_is_told_the_lag_of_each_store_and_loses_it_where_there_is_none()
    {
        await using var one = new MiniMySql { Value = "0.5" };
        await using var cache = new MiniText("");
        var http = $"127.0.0.1:{FreePort.Next()}";
        await using var node = await StartAsync(http, new
        {
            main = new { StaticHostsSettings = new { Hosts = new[] { one.Address } } },
            dead = (object)new { StaticHostsSettings = new { Hosts = Array.Empty<string>() } },
        }, [$"127.0.0.1:{cache.Port}"]);
        await Until.AsyncOf("a value", () => Task.FromResult(cache.Requests.Any(r => r.EndsWith(":0.500000", StringComparison.Ordinal)) ? "yes" : null));
        Assert.That(cache.Requests, Does.Contain("set throttle/mysql/main 0 1 22 noreply").And.Contain("delete throttle/mysql/dead noreply"));
    }

    [Test]
    [Category("Live")]
    public async Task A_real_memcached_has_the_lag_of_each_store_and_loses_it_when_there_is_none()
    {
        const string program = "/usr/bin/memcached";
        await LiveProgram.RequireAsync(program, "memcached");
        var port = FreePort.Next();
        using var cache = Process.Start(new ProcessStartInfo(program, ["-l", "127.0.0.1", "-p", $"{port}", "-U", "0", "-u", "nobody"]) { UseShellExecute = false })!;
        try
        {
            await using var one = new MiniMySql { Value = "0.5" };
            await using var node = await StartAsync($"127.0.0.1:{FreePort.Next()}", new { main = new { StaticHostsSettings = new { Hosts = new[] { one.Address } } } }, [$"127.0.0.1:{port}"]);
            await Until.AsyncOf("the lag in memcached", async () => (await CachedAsync(port)).EndsWith(":0.500000", StringComparison.Ordinal) ? "yes" : null);
            one.Value = null;
            await Until.AsyncOf("no lag in memcached", async () => await CachedAsync(port) is "" ? "yes" : null);
        }
        finally
        {
            cache.Kill();
            await cache.WaitForExitAsync();
        }
    }

    [Test]
    public async Task Prometheus_counts_each_check_by_application_store_and_reason()
    {
        await using var one = new MiniMySql { Value = "0.5" };
        var http = $"127.0.0.1:{FreePort.Next()}";
        await using var node = await StartAsync(http, new { main = new { ThrottleThreshold = 1.0, StaticHostsSettings = new { Hosts = new[] { one.Address } } } });
        await BecomesAsync(http, """{"mysql/main":"0.500000"}""", node);
        using var client = new HttpClient();
        async Task<int> CheckAsync(string path)
        {
            using var answer = await client.GetAsync($"http://{http}{path}");
            return (int)answer.StatusCode;
        }

        Assert.That(await CheckAsync("/check/gh-ost/mysql/main"), Is.EqualTo(200));
        Assert.That(await CheckAsync("/check/gh-ost/mysql/main"), Is.EqualTo(200));
        Assert.That(await CheckAsync("/check/gh-ost/mysql/nowhere"), Is.EqualTo(404));
        Assert.That(await CheckAsync("/throttle-app/gh-ost"), Is.EqualTo(200));
        Assert.That(await CheckAsync("/check/gh-ost/mysql/main"), Is.EqualTo(417));
        one.Value = "7";
        await Until.AsyncOf("429", async () => await CheckAsync("/check/archiver/mysql/main") == 429 ? "yes" : null);
        var counted = (await client.GetStringAsync($"http://{http}/metrics")).Split('\n').Where(l => l.StartsWith("verify_throttle_checks_total{", StringComparison.Ordinal)).ToArray();
        string CountOf(string app, string store, string reason) =>
            counted.SingleOrDefault(l => l.Contains($"app=\"{app}\"", StringComparison.Ordinal) && l.Contains($"store=\"mysql/{store}\"", StringComparison.Ordinal) && l.Contains($"reason=\"{reason}\"", StringComparison.Ordinal))?.Split(' ')[^1] ?? "none";
        Assert.That((CountOf("gh-ost", "main", "ok"), CountOf("gh-ost", "main", "app_throttled"), CountOf("archiver", "main", "lag")), Is.EqualTo(("2", "1", "1")), string.Join('\n', counted));
    }

    /// <summary>With a page of statistics on this port.</summary>
    private async Task<Process> StartHaProxyAsync(string program, int pagePort, string backends)
    {
        var file = Path.Combine(_directory, "haproxy.cfg");
        await File.WriteAllTextAsync(file, $"""
            global
                maxconn 100
            defaults
                mode http
                timeout connect 1s
                timeout check   1s
                timeout client  5s
                timeout server  5s
            listen page
                bind 127.0.0.1:{pagePort}
                stats enable
                stats uri /
                stats admin if TRUE
            {backends}

            """);
        return Process.Start(new ProcessStartInfo(program, ["-db", "-f", file]) { UseShellExecute = false })!;
    }

    /// <summary>As an operator does it on the page, once haproxy listens.</summary>
    private static async Task DrainAsync(int pagePort, string server)
    {
        using var client = new HttpClient();
        await Until.AsyncOf("a page that takes orders", async () =>
        {
            using var order = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal) { ["s"] = server, ["action"] = "drain", ["b"] = "ro" });
            using var done = await client.PostAsync($"http://127.0.0.1:{pagePort}/", order);
            return done.IsSuccessStatusCode ? "yes" : null;
        });
    }

    /// <summary>The states of the pool "ro" as haproxy's page has them.</summary>
    private static async Task BecomesAsync(int pagePort, string states)
    {
        using var client = new HttpClient();
        await Until.AsyncOf(states, async () =>
        {
            var page = await client.GetStringAsync($"http://127.0.0.1:{pagePort}/;csv;norefresh");
            var rows = page.Split('\n').Select(line => line.Split(',')).Where(cells => cells.Length > 17 && cells[0] == "ro" && cells[1] != "BACKEND").Select(cells => $"{cells[1]} {cells[17]}");
            var last = string.Join(", ", rows);
            return last == states ? last : throw new IOException(last);
        });
    }

    /// <summary>What memcached answers to a get of the store's key (memcached's protocol.txt, "Retrieval command"); empty: there is no such key.</summary>
    private static async Task<string> CachedAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        await using var stream = client.GetStream();
        await stream.WriteAsync("get throttle/mysql/main\r\nquit\r\n"u8.ToArray());
        using var reader = new StreamReader(stream);
        var lines = (await reader.ReadToEndAsync()).Split("\r\n");
        return lines[0].StartsWith("VALUE ", StringComparison.Ordinal) ? lines[1] : "";
    }

    private async Task<NodeProcess> StartAsync(string http, object clusters, string[]? memcache = null)
    {
        var file = Path.Combine(_directory, "node.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
        {
            RaftDataDir = Path.Combine(_directory, "data"),
            RaftBind = $"127.0.0.1:{FreePort.Next()}",
            ListenAddress = http,
            MemcacheServers = memcache ?? [],
            MemcachePath = "throttle",
            Stores = new { MySQL = new { User = "freno", Password = "p", MetricQuery = "select lag from meta.heartbeat", Clusters = clusters } },
        }));
        return NodeProcess.Start(["--config", file]);
    }

    private static async Task BecomesAsync(string http, string metrics, NodeProcess node)
    {
        using var client = new HttpClient();
        var last = "";
        try
        {
            await Until.AsyncOf(metrics, async () => (last = (await client.GetStringAsync($"http://{http}/aggregated-metrics")).TrimEnd('\n')) == metrics ? "yes" : null);
        }
        catch (AssertionException)
        {
            Assert.Fail($"expected {metrics}, last {last}\n{node.Output}");
        }
    }

    private static string PortOf(MiniMySql server) => server.Address.Split(':')[1];
}
