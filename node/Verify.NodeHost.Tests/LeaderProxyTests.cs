using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>The founding documents' way to the leader: the real haproxy before three verify-node processes, asking /api/leader-check as orchestrator's documents
/// have it and /leader-check with disable-on-404 as freno's do. Only the leader is up.</summary>
[Category("Live")]
[NonParallelizable]
public sealed class LeaderProxyTests
{
    private const string Program = "/usr/sbin/haproxy";
    private static readonly string[] Names = ["n1", "n2", "n3"];
    private readonly SortedDictionary<string, NodeProcess> _nodes = new(StringComparer.Ordinal);
    private SortedDictionary<string, (int Raft, int Http)> _ports = null!;
    private string _directory = "";
    private Process? _haproxy;
    private HttpClient _http = null!;
    private (int Orchestrator, int Freno, int Page) _fronts;

    [SetUp]
    public async Task Start()
    {
        await LiveProgram.RequireAsync(Program, "haproxy");
        _directory = Directory.CreateTempSubdirectory("verify-leader-").FullName;
        _http = new() { Timeout = TimeSpan.FromSeconds(2) };
        _ports = new(Names.ToDictionary(n => n, _ => (FreePort.Next(), FreePort.Next()), StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var name in Names) _nodes[name] = StartNode(name);
        _fronts = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var file = Path.Combine(_directory, "haproxy.cfg");
        await File.WriteAllTextAsync(file, Settings());
        _haproxy = Process.Start(new ProcessStartInfo(Program, ["-db", "-f", file]) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    [TearDown]
    public async Task Stop()
    {
        if (_haproxy is not null)
        {
            _haproxy.Kill();
            await _haproxy.WaitForExitAsync();
            _haproxy.Dispose();
            _haproxy = null;
        }

        foreach (var node in _nodes.Values) await node.DisposeAsync();
        _nodes.Clear();
        _http?.Dispose();
        if (_directory.Length > 0) Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task Only_the_leader_is_up_and_when_it_is_killed_its_successor_becomes_the_only_one()
    {
        var first = await OnlyTheLeaderIsUpAsync(killed: null);
        foreach (var front in new[] { _fronts.Orchestrator, _fronts.Freno }) Assert.That(await BehindAsync(front), Is.EqualTo(first));

        await _nodes[first].DisposeAsync();
        _nodes.Remove(first);
        var second = await OnlyTheLeaderIsUpAsync(killed: first);
        foreach (var front in new[] { _fronts.Orchestrator, _fronts.Freno })
        {
            Assert.That(await BehindAsync(front), Is.EqualTo(second));
            using var written = await _http.PutAsync($"http://127.0.0.1:{front}/kv/by-way-of-the-proxy", new StringContent("""{ "value": "1" }""", Encoding.UTF8, "application/json"));
            Assert.That((int)written.StatusCode, Is.EqualTo(200), await written.Content.ReadAsStringAsync());
        }

        // The old leader comes back as a follower, and nothing is sent to it.
        _nodes[first] = StartNode(first);
        await Until.AsyncOf("the old leader to answer", async () => (await LeaderOfAsync(first)) is { } leader ? leader : null);
        Assert.That(await OnlyTheLeaderIsUpAsync(killed: null), Is.EqualTo(await LeaderOfAsync(first)));
    }

    /// <summary>Waits until haproxy holds one node for up, the same behind both checks, and that node is whom the others follow.</summary>
    /// <param name="killed">It cannot be this one: haproxy and the followers believe in it for a moment after its end.</param>
    private Task<string> OnlyTheLeaderIsUpAsync(string? killed) => Until.AsyncOf("only the leader is up", async () =>
    {
        var page = await _http.GetStringAsync($"http://127.0.0.1:{_fronts.Page}/;csv;norefresh");
        var rows = page.Split('\n').Select(line => line.Split(',')).Where(cells => cells.Length > 17 && Names.Contains(cells[1])).ToArray();
        Assert.That(rows, Has.Length.EqualTo(6), page);

        // "UP 1/2" is on its way elsewhere; "no check" would be haproxy not asking at all.
        var up = rows.Where(cells => !cells[17].StartsWith("DOWN", StringComparison.Ordinal) && cells[17] != "NOLB").ToArray();
        if (up.Length != 2 || up.Any(cells => cells[17] != "UP") || up[0][1] != up[1][1] || up[0][0] == up[1][0] || up[0][1] == killed) return null;
        foreach (var name in Names.Where(n => n != killed))
            if (await LeaderOfAsync(name) != up[0][1]) return null;
        return up[0][1];
    });

    private async Task<string?> LeaderOfAsync(string name)
    {
        using var document = JsonDocument.Parse(await _http.GetStringAsync($"http://127.0.0.1:{_ports[name].Http}/cluster/leader"));
        return document.RootElement.TryGetProperty("leader_id", out var leader) ? leader.GetString() : null;
    }

    /// <summary>Who answers behind the proxy.</summary>
    private async Task<string?> BehindAsync(int front)
    {
        using var document = JsonDocument.Parse(await _http.GetStringAsync($"http://127.0.0.1:{front}/cluster/status"));
        return document.RootElement.GetProperty("node_id").GetString();
    }

    private NodeProcess StartNode(string name)
    {
        var file = Path.Combine(_directory, $"{name}.json");
        File.WriteAllText(file, JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["RaftDataDir"] = Path.Combine(_directory, "data-" + name),
            ["RaftNodeId"] = name,
            ["RaftBind"] = $"127.0.0.1:{_ports[name].Raft}",
            ["RaftNodes"] = Names.Select(n => $"{n}@127.0.0.1:{_ports[n].Raft}"),
            ["DataCenter"] = "dc",
            ["DataCenters"] = Names.ToDictionary(n => n, _ => "dc", StringComparer.Ordinal),
            ["ListenAddress"] = $"127.0.0.1:{_ports[name].Http}",
        }));
        return NodeProcess.Start(["--config", file]);
    }

    private string Settings()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            global
                maxconn 200
            defaults
                mode http
                timeout connect 1s
                timeout check   1s
                timeout client  30s
                timeout server  30s
            listen page
                bind 127.0.0.1:{_fronts.Page}
                stats enable
                stats uri /

            """);
        Listen("orchestrator", _fronts.Orchestrator, "    option httpchk GET /api/leader-check\n");
        Listen("freno", _fronts.Freno, "    option httpchk GET /leader-check\n    http-check disable-on-404\n");
        return text.ToString();

        void Listen(string name, int port, string check)
        {
            text.Append(CultureInfo.InvariantCulture, $"listen {name}\n    bind 127.0.0.1:{port}\n    balance first\n    retries 1\n{check}    default-server check fall 1 inter 200 rise 1 downinter 200 fastinter 200\n");
            foreach (var node in Names) text.Append(CultureInfo.InvariantCulture, $"    server {node} 127.0.0.1:{_ports[node].Http}\n");
        }
    }
}
