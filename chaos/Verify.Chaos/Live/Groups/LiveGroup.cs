using System.Text.Json;
using Verify.Chaos.Running;
using Verify.Client;
using Verify.Fleet;
using Verify.Fleet.Network;

namespace Verify.Chaos.Live.Groups;

/// <summary>Where a member stands: its name, its addresses, the data centre it says it is in.</summary>
internal sealed record GroupPlace(string Name, string Peer, string Http, string DataCenter);

/// <summary>Verify-node processes on loopback that form a group which changes: members join, are replaced, stopped, upgraded. Everything is
/// gone when it is disposed.</summary>
internal sealed class LiveGroup : IAsyncDisposable
{
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);
    private readonly FleetRun _run;
    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(1) }) { Timeout = TimeSpan.FromSeconds(2) };
    private readonly List<LiveNode> _nodes = [];
    private readonly string _program;
    private int _placed;

    private LiveGroup(FleetRun run, string program) => (_run, _program) = (run, program);

    public IReadOnlyList<LiveNode> Nodes => _nodes;
    public FleetRun Run => _run;

    /// <param name="program">verify-node.dll; null: the one that was built with this harness.</param>
    public static LiveGroup Begin(Action<string> say, string? program = null) => new(FleetRun.Begin(FleetCache.Default(), say), program ?? LiveWorld.HostProgram());

    /// <summary>Nodes that begin a group together, all in their configuration.</summary>
    public static async Task<LiveGroup> StartAsync(int nodes, Action<string> say, string? program = null)
    {
        var group = Begin(say, program);
        try
        {
            var places = Enumerable.Range(0, nodes).Select(_ => group.Place()).ToList();
            await Task.WhenAll(places.Select(p => group.StartAsync(p, Founder(p, places))));
            return group;
        }
        catch
        {
            await group.DisposeAsync();
            throw;
        }
    }

    /// <summary>Addresses that nobody else has.</summary>
    public GroupPlace Place()
    {
        var i = _placed++;
        return new($"n{i + 1}", Free(i), Free(i), $"dc{i + 1}");
    }

    /// <summary>The keys with which these nodes begin a group; known to every version of verify-node.</summary>
    public static SortedDictionary<string, object> Founder(GroupPlace self, IReadOnlyList<GroupPlace> all)
    {
        var settings = Alone(self);
        settings["RaftNodes"] = all.Select(p => p.Peer).ToArray();
        settings["DataCenters"] = new SortedDictionary<string, string>(all.ToDictionary(p => p.Peer, p => p.DataCenter, StringComparer.Ordinal), StringComparer.Ordinal);
        return settings;
    }

    /// <summary>The keys of a node that is a group of one.</summary>
    public static SortedDictionary<string, object> Alone(GroupPlace self) => new(StringComparer.Ordinal)
    {
        ["RaftBind"] = self.Peer,
        ["RaftAdvertise"] = self.Peer,
        ["DataCenter"] = self.DataCenter,
        ["ListenAddress"] = self.Http,
    };

    public async Task<LiveNode> StartAsync(GroupPlace place, SortedDictionary<string, object> settings, string scheme = "http")
    {
        var node = new LiveNode(_run, place.Name, place.DataCenter, _program, new Uri($"{scheme}://{place.Http}/"));
        lock (_nodes)
        {
            _nodes.Add(node);
            _nodes.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        }

        await node.PrepareAsync(settings, diskBytesMax: null);
        await StartAsync(node);
        return node;
    }

    public static Task StartAsync(LiveNode node) => node.StartAsync(fencingOff: false, skewable: false);

    /// <summary>SIGTERM: it hands leadership over and ends.</summary>
    public static Task StopAsync(LiveNode node) => node.StopAsync(StopDeadline);

    /// <summary>A client of these nodes (null: of all that run now), with time for elections.</summary>
    public VerifyClient Client(IEnumerable<LiveNode>? nodes = null, Func<ClientOptions, ClientOptions>? change = null)
    {
        var options = new ClientOptions { Endpoints = [.. (nodes ?? _nodes.Where(n => n.IsRunning)).Select(n => n.Http)], Deadline = Patience };
        return new(change is null ? options : change(options));
    }

    /// <summary>Waits until one of these nodes leads and each says that it is part of a majority; asked in words that every version knows.</summary>
    /// <exception cref="HarnessException">That did not happen in time, or a node ended by itself.</exception>
    public Task<LiveNode> WholeAsync(CancellationToken cancel) => WholeAsync(_nodes, cancel);

    /// <inheritdoc cref="WholeAsync(CancellationToken)"/>
    public async Task<LiveNode> WholeAsync(IReadOnlyList<LiveNode> nodes, CancellationToken cancel)
    {
        LiveNode? leader = null;
        await UntilAsync($"{nodes.Count} nodes lead and follow", async () =>
        {
            foreach (var node in nodes.Where(n => !n.IsRunning))
                throw new HarnessException($"{node.Name} ended by itself with exit code {await node.Exited}:{Environment.NewLine}{node.LogTail()}");
            var isLeader = await Task.WhenAll(nodes.Select(n => IsOkAsync(n, "api/leader-check", cancel)));
            leader = nodes.Where((_, i) => isLeader[i]).FirstOrDefault();
            return leader is not null && (await Task.WhenAll(nodes.Select(n => IsOkAsync(n, "api/raft-health", cancel)))).All(ok => ok);
        }, nodes, cancel);
        return leader!;
    }

    /// <summary>What the node answers to GET of this path; null when it does not, or not with 200.</summary>
    public async Task<JsonElement?> AskAsync(LiveNode node, string path, CancellationToken cancel)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(node.Http, path), cancel);
            if (!response.IsSuccessStatusCode) return null;
            using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancel));
            return body.RootElement.Clone();
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <exception cref="HarnessException">It was not so in time; with the last words of the nodes.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> isSo, IEnumerable<LiveNode> nodes, CancellationToken cancel)
    {
        for (var start = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(start) < Patience;)
        {
            if (await isSo()) return;
            await Task.Delay(Look, cancel);
        }

        throw new HarnessException($"not so after {Patience.TotalSeconds:0} s: {what}{Environment.NewLine}{string.Join(Environment.NewLine, nodes.Select(n => $"-- {n.Name}{Environment.NewLine}{n.LogTail()}"))}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        _http.Dispose();
        await _run.DisposeAsync();
    }

    private async Task<bool> IsOkAsync(LiveNode node, string path, CancellationToken cancel) => await AskAsync(node, path, cancel) is not null;

    private string Free(int dataCenter)
    {
        var address = _run.Addresses.Next(dataCenter);
        return $"{address}:{FreePorts.Next(address)}";
    }
}
