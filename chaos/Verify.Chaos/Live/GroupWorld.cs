using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Fleet;
using Verify.Fleet.Network;
using Verify.Scenarios;
using EventLog = Verify.Chaos.Worlds.EventLog;

namespace Verify.Chaos.Live;

/// <summary>The stage for proofs of the replicated KV alone: verify-node processes, no MySQL servers, every link between data centres through
/// a proxy that can be cut, each node on a disk of its own size when one is asked for.</summary>
internal sealed class GroupWorld : IWorld
{
    private readonly Scenario _scenario;
    private readonly FleetRun _run;
    private readonly LivePlan _plan;
    private readonly LinkProxies _links;
    private readonly long? _diskBytesMax;
    private readonly SortedDictionary<string, LiveNode> _nodes = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _downOnPurpose = new(StringComparer.Ordinal);
    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromMilliseconds(800), UseProxy = false }) { Timeout = TimeSpan.FromMilliseconds(3500) };
    private readonly HttpClient _looking = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromMilliseconds(500), UseProxy = false }) { Timeout = TimeSpan.FromMilliseconds(800) };
    private readonly long _startTimestamp = Stopwatch.GetTimestamp();

    private GroupWorld(Scenario scenario, FleetRun run, LivePlan plan, LinkProxies links, long? diskBytesMax)
    {
        (_scenario, _run, _plan, _links, _diskBytesMax) = (scenario, run, plan, links, diskBytesMax);
        Events = new(() => (long)Stopwatch.GetElapsedTime(_startTimestamp).TotalMicroseconds);
        Nodes = scenario.Fleet.Nodes.SelectMany(d => d.Value.Select(n => KeyValuePair.Create(n, d.Key))).ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    public string Kind => "live";
    public TimeProvider Time => TimeProvider.System;
    public IReadOnlyDictionary<string, string> Nodes { get; }
    public IReadOnlyDictionary<string, string> Servers { get; } = ImmutableSortedDictionary<string, string>.Empty;
    public EventLog Events { get; }
    public bool ObservationsAreExact => false;
    public IReadOnlyDictionary<string, string> Details => new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["nodes"] = $"{_nodes.Count} verify-node processes",
        ["network"] = $"{_plan.Links.Count} links between data centres through {_links.Kind}",
    };

    /// <summary>A node that ended although nobody killed it, with its exit code and the end of its log; empty while there is none.</summary>
    public string EndedByItself { get; private set; } = "";

    private LiveNodes Observer => new(_looking);

    /// <param name="diskBytesMax">The size of each node's disk; null: a plain directory.</param>
    public static async Task<GroupWorld> BuildAsync(Scenario scenario, long? diskBytesMax, Action<string> say, CancellationToken cancel)
    {
        var run = FleetRun.Begin(FleetCache.Default(), say);
        try
        {
            var plan = LivePlan.Draw(scenario.Fleet, run.Addresses, ImmutableSortedDictionary<string, string>.Empty);
            return new(scenario, run, plan, await LinkProxies.StartAsync(run, plan, toxiproxy: null, cancel), diskBytesMax);
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    public async ValueTask StartAsync(CancellationToken cancel)
    {
        foreach (var (name, dataCenter) in Nodes)
        {
            var address = _run.Addresses.Next(_scenario.Fleet.DataCenters.IndexOf(dataCenter));
            var node = new LiveNode(_run, name, dataCenter, LiveWorld.HostProgram(), new Uri($"http://{address}:{FreePorts.Next(address)}"));
            _nodes[name] = node;
            await node.PrepareAsync(Settings(node), _diskBytesMax);
            await StartAsync(node);
        }
    }

    /// <summary>Every client begins with another node, its own data centre's first.</summary>
    public IKvClient Kv(int client, string dataCenter) =>
        new LiveKvClient(_http, [.. _nodes.Values.OrderBy(n => n.DataCenter != dataCenter).ThenBy(n => n.Name, StringComparer.Ordinal)]);

    public ISqlClient Sql(int client, string dataCenter) => new NoSqlClient();

    public async ValueTask<FleetState> ObserveAsync()
    {
        foreach (var node in _nodes.Values.Where(n => !n.IsRunning && !_downOnPurpose.Contains(n.Name)))
        {
            EndedByItself = $"{node.Name} ended by itself with exit code {await node.Exited}:{Environment.NewLine}{node.LogTail()}";
            throw new HarnessException(EndedByItself);
        }

        return await Observer.ObserveAsync([.. _nodes.Values.Where(n => n.IsRunning && !n.IsPaused)], []);
    }

    public async ValueTask<IReadOnlyList<NodeWord>> AskNodesAsync() => await Observer.WordsAsync(_nodes.Values.Where(n => n.IsRunning && !n.IsPaused));

    public ValueTask CutAsync(string fromDataCenter, string toDataCenter) => _links.CutAsync(fromDataCenter, toDataCenter);
    public ValueTask<long> MendAsync(string fromDataCenter, string toDataCenter) => _links.MendAsync(fromDataCenter, toDataCenter);
    public ValueTask DelayAsync(string fromDataCenter, string toDataCenter, TimeSpan delay, TimeSpan jitter) =>
        _links.DelayAsync(fromDataCenter, toDataCenter, delay, jitter);

    public async ValueTask KillAsync(string name)
    {
        _downOnPurpose.Add(name);
        var since = await _nodes[name].KillAsync();
        Events.Add(EventKinds.NodeDown, name, Nodes[name], fields: LiveWorld.Killed("kill", since));
    }

    public async ValueTask StartAgainAsync(string name)
    {
        await StartAsync(_nodes[name]);
        _downOnPurpose.Remove(name);
    }

    public ValueTask PauseAsync(string name)
    {
        _nodes[name].Pause();
        Events.Add(EventKinds.NodeDown, name, Nodes[name], fields: [("how", "pause")]);
        return ValueTask.CompletedTask;
    }

    public ValueTask ResumeAsync(string name)
    {
        _nodes[name].Resume();
        Events.Add(EventKinds.NodeUp, name, Nodes[name], fields: [("how", "resume")]);
        return ValueTask.CompletedTask;
    }

    public ValueTask FillDiskAsync(string node)
    {
        var disk = _nodes[node].Disk ?? throw new NotSupportedException($"{node} has no disk of its own to fill");
        disk.Fill();
        return ValueTask.CompletedTask;
    }

    public ValueTask<long> FreeDiskAsync(string node)
    {
        _nodes[node].Disk?.Free();
        return ValueTask.FromResult(-1L);
    }

    public ValueTask SkewClockAsync(string node, TimeSpan offset, double drift) => throw new NotSupportedException("clocks are not skewed here");
    public ValueTask<IReadOnlyDictionary<string, IReadOnlySet<string>>> ReadRowsAsync() =>
        ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlySet<string>>>(ImmutableSortedDictionary<string, IReadOnlySet<string>>.Empty);

    /// <summary>Reads what the nodes wrote of themselves into the events.</summary>
    public void Collect()
    {
        var startNs = (long)(_startTimestamp * (1e9 / Stopwatch.Frequency));
        foreach (var node in _nodes.Values) NodeEventFile.ReadInto(Events, node.EventsFile, node.DataCenter, startNs);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values) await node.DisposeAsync();
        await _links.DisposeAsync();
        await _run.DisposeAsync();
        _http.Dispose();
        _looking.Dispose();
    }

    private async Task StartAsync(LiveNode node)
    {
        await node.StartAsync(fencingOff: false, skewable: false);
        Events.Add(EventKinds.NodeUp, node.Name, node.DataCenter);
    }

    private SortedDictionary<string, object> Settings(LiveNode node) => new(StringComparer.Ordinal)
    {
        ["RaftBind"] = _plan.Of(node.Name).Address,
        ["RaftAdvertise"] = NodeNames.PeerIdentity(node.Name),
        ["RaftNodes"] = Nodes.Keys.Select(NodeNames.PeerIdentity).ToArray(),
        ["DataCenter"] = node.DataCenter,
        ["DataCenters"] = new SortedDictionary<string, string>(Nodes.ToDictionary(n => NodeNames.PeerIdentity(n.Key), n => n.Value, StringComparer.Ordinal), StringComparer.Ordinal),
        ["ListenAddress"] = node.Http.Authority,
        ["AddressViews"] = _plan.AddressViews(_scenario.Fleet.DataCenters),
    };

    private sealed class NoSqlClient : ISqlClient
    {
        public ValueTask<SqlAnswer> InsertAsync(string id) => ValueTask.FromResult(new SqlAnswer(OpOutcome.Failed, "", "there are no servers"));
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
