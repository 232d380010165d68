using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.Node;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;
using Verify.NodeHost.Seam;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Tests;

/// <summary>Real nodes with real disks and sockets in this process, each behind the HTTP endpoints that verify-node has.</summary>
internal sealed class HttpGroup : IAsyncDisposable
{
    /// <summary>Tests run beside builds and other tests: no leader is to be lost for that.</summary>
    private static readonly Timing Patient = new() { HeartbeatTicks = 10, ElectionTicks = 150, RequestTimeout = TimeSpan.FromSeconds(10) };
    private readonly string _directory = Directory.CreateTempSubdirectory("verify-http-").FullName;
    private readonly List<One> _nodes = [];
    private readonly int[] _ports;
    private readonly Func<NodeConfig, NodeConfig>? _configure;
    private readonly string _settings;

    private HttpGroup(int count, Func<NodeConfig, NodeConfig>? configure, string settings) =>
        (_ports, _configure, _settings) = ([.. Enumerable.Range(0, count).Select(_ => FreePort.Next())], configure, settings);

    /// <summary>One client for each node.</summary>
    public IReadOnlyList<HttpClient> Clients => [.. _nodes.Select(node => node.Http)];
    public HttpClient this[int node] => _nodes[node].Http;

    public TestServer Server(int node) => _nodes[node].App.GetTestServer();

    /// <summary>Starts so many nodes and waits for a leader.</summary>
    /// <param name="settings">More of the HTTP listener's configuration: JSON without the outer braces.</param>
    /// <param name="authorization">For the write that shows that there is a leader.</param>
    public static async Task<HttpGroup> StartAsync(int count, Func<NodeConfig, NodeConfig>? configure = null, string settings = "", string? authorization = null)
    {
        var group = new HttpGroup(count, configure, settings);
        for (var i = 0; i < count; i++) group._nodes.Add(await group.StartOneAsync(i));
        await group.LeadsAsync(authorization);
        return group;
    }

    /// <summary>Stops all nodes, and starts each again from what its disk holds.</summary>
    public async Task RestartAsync()
    {
        foreach (var node in _nodes) await StopAsync(node);
        for (var i = 0; i < _nodes.Count; i++) _nodes[i] = await StartOneAsync(i);
        await LeadsAsync(authorization: null);
    }

    private Task<string> LeadsAsync(string? authorization) => Until.AsyncOf("a leader", async () =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/kv/first") { Content = new ByteArrayContent([]) };
        if (authorization is not null) request.Headers.Add("Authorization", authorization);
        using var written = await this[0].SendAsync(request);
        return written.IsSuccessStatusCode ? "yes" : null;
    });

    /// <summary>The number of the node that leads, and of one that follows.</summary>
    public async Task<(int Leader, int Follower)> RolesAsync()
    {
        for (var i = 0; i < _nodes.Count; i++)
        {
            var reply = await _nodes[i].Node.AskAsync(new ApiRequest.RaftStatus());
            if (reply is ApiReply.Raft { View.Status.Role: Raft.RaftRole.Leader }) return (i, (i + 1) % _nodes.Count);
        }

        throw new AssertionException("nobody leads");
    }

    public (ulong Hash, long Applied) StateOf(int node) => _nodes[node].Node.StateHash;

    public async Task<ApiReply> AskAsync(int node, ApiRequest request) => await _nodes[node].Node.AskAsync(request);

    /// <summary>Asks over HTTP; the body is JSON when it is an object, a text otherwise.</summary>
    public async Task<(int Status, JsonElement Body, HttpResponseMessage Response)> SendAsync(int node, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = body is string text ? new ByteArrayContent(Encoding.UTF8.GetBytes(text)) : JsonContent.Create(body);
        var response = await _nodes[node].Http.SendAsync(request);
        var said = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, said.Length == 0 ? default : JsonDocument.Parse(said).RootElement.Clone(), response);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await StopAsync(node);
        Directory.Delete(_directory, recursive: true);
    }

    private static async Task StopAsync(One node)
    {
        node.Http.Dispose();
        await node.App.DisposeAsync();
        await node.Node.StopAsync();
        node.Disk.Dispose();
    }

    private async Task<One> StartOneAsync(int number)
    {
        var members = _ports.Select((port, i) => new Member(new($"n{i}"), new("127.0.0.1", port), $"dc{i}"));
        var config = new NodeConfig { Self = new($"n{number}"), DataCenter = $"dc{number}", PeerBind = new("127.0.0.1", _ports[number]), Members = [.. members], Timing = Patient };
        var disk = new SystemDisk(Path.Combine(_directory, $"n{number}"));
        var seam = new NodeSeam(
            TimeProvider.System, new Dice((ulong)number + 1), new SystemNetwork(AllowedNetworks.Everywhere, refused: null), disk, new Ends(), PipeScheduler.ThreadPool,
            NullLoggerFactory.Instance, new NoMeters(), new NoEvents());
        var node = await VerifyNode.StartAsync(_configure?.Invoke(config) ?? config, seam);
        var host = HostConfig.Parse("node.json", Encoding.UTF8.GetBytes($$"""{ "RaftDataDir": "d", "RaftBind": "n{{number}}", "RaftNodes": ["n{{number}}"]{{(_settings.Length > 0 ? ", " + _settings : "")}} }"""), _ => null);
        var app = await TestHttp.StartAsync(new Asks(node), host);
        return new(node, disk, app, app.GetTestClient());
    }

    private sealed record One(VerifyNode Node, SystemDisk Disk, WebApplication App, HttpClient Http);

    private sealed class Asks(VerifyNode node) : INodeApi
    {
        public ValueTask<ApiReply> AskAsync(ApiRequest request) => node.AskAsync(request);
    }

    private sealed class Ends : IHalt
    {
        public void Halt(string reason, Exception? cause) => throw new AssertionException(reason);
    }

    private sealed class NoMeters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);
        public void Dispose() { }
    }

    private sealed class NoEvents : INodeEvents
    {
        public void Emit(NodeEvent happened) { }
    }
}
