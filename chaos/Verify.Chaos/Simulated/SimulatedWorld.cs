using System.Collections.Immutable;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.Fleet;
using Verify.Sim.Hosts;
using Verify.Sim.Watching;
using ClusterView = Verify.Chaos.Worlds.ClusterView;

namespace Verify.Chaos.Simulated;

/// <summary>The stage in virtual time: production nodes, simulated servers, and a place for clients in each data centre, all on one thread.</summary>
internal sealed partial class SimulatedWorld : IWorld
{
    internal static readonly MySqlLogin Topology = new("verify", "topology") { Tls = TlsMode.Disabled };
    internal static readonly MySqlLogin Replication = new("repl", "replication") { Tls = TlsMode.Disabled };
    internal static readonly MySqlLogin Application = new("app", "application") { Tls = TlsMode.Disabled };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly Scenario _scenario;
    private readonly SimWorld _world;
    private readonly Timing _timing;
    private readonly SortedDictionary<string, SimHost> _nodes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SimHost> _serverHosts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SimMySqlServer> _servers = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SimHost> _clientHosts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _fullHits = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _stoppedBefore = new(StringComparer.Ordinal);

    public SimulatedWorld(Scenario scenario, SimWorld world, SimulatedOptions options)
    {
        (_scenario, _world) = (scenario, world);
        FencingOff = options.FencingOff;
        _timing = options.Timing;
        Events = new(() => world.NowMicros);
        Nodes = Map(scenario.Fleet.Nodes);
        Servers = Map(scenario.Fleet.Servers);
        world.WitnessOf = new RaftWatch((promise, what) => BrokenRaft = new(RaftCheck, Verdict.Invalid, "Raft's promises hold at every node and its disk", $"{promise}: {what}", "none broken")).WitnessOf;
        world.Trace.NodeEventSeen = e =>
        {
            NodeEventMapping.Add(Events, e.Micros, e.Step, Nodes.GetValueOrDefault(e.Host, ""), e.Event);
            if (e.Event is NodeEvent.Recovery told) DieIfArmed(e.Host, told);
        };
    }

    /// <summary>The name of the finding that a promise of Raft did not hold (see <see cref="RaftWatch"/>).</summary>
    public const string RaftCheck = "raft";

    /// <summary>The first promise of Raft that did not hold; null while all hold.</summary>
    public Finding? BrokenRaft { get; private set; }

    public string Kind => "sim";
    public TimeProvider Time => _world.WorldTime;
    public IReadOnlyDictionary<string, string> Nodes { get; }
    public IReadOnlyDictionary<string, string> Servers { get; }
    public EventLog Events { get; }
    public bool ObservationsAreExact => true;
    public bool FencingOff { get; }

    public IReadOnlyDictionary<string, string> Details => new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["servers"] = $"{Servers.Count} simulated {(Flavor == Flavor.MySql ? "MySQL 9.7" : "MariaDB 10.11")} servers",
        ["durability"] = _scenario.Fleet.Durability,
        ["network"] = "simulated",
    };

    public async ValueTask StartAsync(CancellationToken cancel)
    {
        foreach (var dc in _scenario.Fleet.DataCenters) _clientHosts[dc] = _world.AddHost($"clients-{dc}", dc);
        var id = 1u;
        foreach (var (name, dc) in Servers) AddServer(name, dc, id++);
        foreach (var (name, dc) in Nodes) _nodes[name] = _world.AddHost(name, dc, host => NodeProgram.Of(ConfigOf(name, dc))(host));
        _world.Start([.. _clientHosts.Values, .. _serverHosts.Values]);
        await _world.Turn();
        await SetUpReplicationAsync();
        _world.Start([.. _nodes.Values]);
        foreach (var (name, dc) in Nodes) Events.Add(EventKinds.NodeUp, name, dc);
    }

    public IKvClient Kv(int client, string dataCenter)
    {
        var local = _nodes.Values.Where(n => n.DataCenter == dataCenter).ToList();
        return new SimKvClient(this, local.Count > 0 ? local : [.. _nodes.Values]);
    }

    public ISqlClient Sql(int client, string dataCenter) => new SqlClient(new SqlPlace(this, dataCenter), client);

    public async ValueTask<FleetState> ObserveAsync()
    {
        var nodes = new List<(string Name, NodeView? View)>();
        SimHost? leader = null;
        foreach (var host in _nodes.Values.Where(h => h is { IsAlive: true, IsPaused: false }))
        {
            var view = await AskAsync(host, new ApiRequest.RaftStatus()) is ApiReply.Raft(var raft) ? new NodeView(host.Name, raft.Status.HasLease, raft.Status.IsInQuorum) : null;
            nodes.Add((host.Name, view));
            if (view?.HasLease == true) leader ??= host;
        }

        var cluster = leader is not null && await AskAsync(leader, new ApiRequest.Clusters()) is ApiReply.ClusterList({ Count: > 0 } clusters) ? ViewOf(clusters[0]) : null;
        return FleetJudge.Judge(nodes, cluster, [.. _servers.Where(s => s.Value.IsRunning).Select(s => s.Key)]);
    }

    public async ValueTask<IReadOnlyList<NodeWord>> AskNodesAsync()
    {
        var words = new List<NodeWord>();
        foreach (var host in _nodes.Values.Where(h => h is { IsAlive: true, IsPaused: false }))
        {
            if (await AskAsync(host, new ApiRequest.RaftStatus()) is not ApiReply.Raft(var raft)) continue;
            var cluster = await AskAsync(host, new ApiRequest.Clusters()) is ApiReply.ClusterList({ Count: > 0 } clusters) ? clusters[0] : null;
            var named = cluster is null ? null : await AskAsync(host, new ApiRequest.KvGet($"mysql/master/{cluster.Alias}/hostname", ReadConsistency.Stale)) as ApiReply.Value;
            var isNamed = named is not null && string.Equals(System.Text.Encoding.UTF8.GetString(named.Pair.Value.Span), cluster!.Primary?.Host, StringComparison.Ordinal);
            words.Add(new(host.Name, raft.Status.IsInQuorum, cluster?.Primary?.Host, isNamed || cluster is { LeaseHolder.Length: > 0 }));
        }

        return words;
    }

    public ValueTask<IReadOnlyList<(string Node, int Status)>> CheckThrottleAsync() => ValueTask.FromResult<IReadOnlyList<(string, int)>>(
        [.. _nodes.Values.Where(h => !h.IsPaused && h.RunningNode() is not null).Select(h => (h.Name, h.RunningNode()!.Check("verify", "mysql", "main", default).Status))]);

    public ValueTask CutAsync(string fromDataCenter, string toDataCenter)
    {
        _stoppedBefore[$"{fromDataCenter}>{toDataCenter}"] = _world.StoppedBetween(fromDataCenter, toDataCenter);
        _world.Cut(fromDataCenter, toDataCenter);
        return ValueTask.CompletedTask;
    }

    public ValueTask<long> MendAsync(string fromDataCenter, string toDataCenter)
    {
        _world.Heal(fromDataCenter, toDataCenter);
        return ValueTask.FromResult(_world.StoppedBetween(fromDataCenter, toDataCenter) - _stoppedBefore.GetValueOrDefault($"{fromDataCenter}>{toDataCenter}"));
    }

    public ValueTask DelayAsync(string fromDataCenter, string toDataCenter, TimeSpan delay, TimeSpan jitter)
    {
        if (delay == TimeSpan.Zero) _world.ResetLatency(fromDataCenter, toDataCenter);
        else _world.SetLatency(fromDataCenter, toDataCenter, new(delay, jitter));
        return ValueTask.CompletedTask;
    }

    public ValueTask KillAsync(string name)
    {
        if (_nodes.TryGetValue(name, out var node))
        {
            if (node.IsAlive) Kill(node, "kill");
        }
        else if (_serverHosts[name].IsAlive)
        {
            _servers[name].Kill();
            _world.Kill(_serverHosts[name]);
            Events.Add(EventKinds.ServerDown, name, Servers[name], fields: [("how", "kill")]);
        }

        return ValueTask.CompletedTask;
    }

    private void Kill(SimHost node, string how)
    {
        _world.Kill(node);
        Events.Add(EventKinds.NodeDown, node.Name, node.DataCenter, fields: [("how", how)]);
    }

    public ValueTask StartAgainAsync(string name)
    {
        var isNode = _nodes.TryGetValue(name, out var host);
        host ??= _serverHosts[name];
        if (host.IsAlive || _withoutDisk.Contains(name) || _heldDown.Contains(name)) return ValueTask.CompletedTask;
        Events.Add(isNode ? EventKinds.NodeUp : EventKinds.ServerUp, name, host.DataCenter);
        if (_errants.TryGetValue(name, out var hasStarted) && !hasStarted) StartErrant(name);
        _world.Start(host);
        return ValueTask.CompletedTask;
    }

    public ValueTask PauseAsync(string name)
    {
        var isNode = _nodes.TryGetValue(name, out var host);
        if (isNode ? !host!.IsAlive || host.IsPaused : !_servers[name].IsRunning || _servers[name].IsPaused) return ValueTask.CompletedTask;
        if (isNode) _world.Pause(host!);
        else _servers[name].Pause();
        Events.Add(isNode ? EventKinds.NodeDown : EventKinds.ServerDown, name, isNode ? Nodes[name] : Servers[name], fields: [("how", "pause")]);
        return ValueTask.CompletedTask;
    }

    public ValueTask ResumeAsync(string name)
    {
        var isNode = _nodes.TryGetValue(name, out var host);
        if (isNode ? !host!.IsPaused : !_servers[name].IsPaused) return ValueTask.CompletedTask;
        if (isNode) _world.Resume(host!);
        else _servers[name].Resume();
        Events.Add(isNode ? EventKinds.NodeUp : EventKinds.ServerUp, name, isNode ? Nodes[name] : Servers[name], fields: [("how", "resume")]);
        return ValueTask.CompletedTask;
    }

    public ValueTask FillDiskAsync(string node)
    {
        _fullHits[node] = _nodes[node].Disk.FullHits;
        _nodes[node].Disk.Fill();
        return ValueTask.CompletedTask;
    }

    public ValueTask<long> FreeDiskAsync(string node)
    {
        _nodes[node].Disk.Empty();
        return ValueTask.FromResult(_nodes[node].Disk.FullHits - _fullHits[node]);
    }

    public ValueTask SkewClockAsync(string node, TimeSpan offset, double drift)
    {
        _world.SetClock(_nodes[node], offset, (decimal)drift);
        return ValueTask.CompletedTask;
    }

    public ValueTask<IReadOnlyDictionary<string, IReadOnlySet<string>>> ReadRowsAsync() =>
        ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlySet<string>>>(_servers.Where(s => s.Value.IsRunning)
            .ToImmutableSortedDictionary(s => s.Key, s => (IReadOnlySet<string>)new SortedSet<string>(s.Value.Rows.Keys, StringComparer.Ordinal), StringComparer.Ordinal));

    public ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values) server.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Asks a node within a second; null when it does not answer.</summary>
    internal async ValueTask<ApiReply?> AskAsync(SimHost host, ApiRequest request)
    {
        try
        {
            return await host.AskAsync(request).WaitAsync(TimeSpan.FromSeconds(1), Time, CancellationToken.None);
        }
        catch (Exception e) when (e is HostDownException or TimeoutException)
        {
            return null;
        }
    }

    private NodeConfig ConfigOf(string name, string dataCenter) => new()
    {
        Self = new(NodeNames.PeerIdentity(name)),
        DataCenter = dataCenter,
        PeerBind = new(name, NodeNames.PeerPort),
        Members = _tokens.ContainsKey(name) ? [] : [.. Nodes.Select(n => new Member(new(NodeNames.PeerIdentity(n.Key)), new(n.Key, NodeNames.PeerPort), n.Value))],
        Clusters = Servers.Count == 0 ? []
            : [new(Alias, [.. Servers.Select(s => new Instance(new(s.Key, NodeNames.ServerPort), s.Value))]) { Durability = Durability.Named(_scenario.Fleet.Durability)!, IsDeep = _scenario.Fleet.Below.Count > 0 }],
        Join = JoinOf(name),
        TopologyLogin = Topology,
        ReplicationLogin = Replication,
        FencingEnabled = !FencingOff,
        Timing = _timing,
        Discovery = new() { Probing = _scenario.Fleet.SharesProbing ? ProbingMode.Shared : ProbingMode.All },
        Recovery = new() { ReplaceUnwritable = _scenario.Fleet.ReplacesUnwritable, ReplaceStalled = _scenario.Fleet.ReplacesStalled, StalledAfter = FleetSpec.StalledAfter },
        Throttle = _scenario.Expect.Any(e => e is Expectation.ThrottleWithin) ? new() { CollectInterval = TimeSpan.FromMilliseconds(50), TellsSamples = true } : new(),
    };

    private bool IsIn(string host, string dataCenter) => _world.Host(host).DataCenter == dataCenter;

    private static ClusterView ViewOf(ClusterPicture cluster) => new(
        cluster.Primary?.Host, cluster.RecoveryOpen, cluster.SetAside,
        [.. cluster.Instances.Select(i => new ServerView(i.Key.Host, i.LastProbeOk, i.IsReadOnly, i.Source?.Host ?? "",
            i.IoThread == nameof(MySql.ThreadState.Running) && i.SqlThread == nameof(MySql.ThreadState.Running)))]);

    private static ImmutableSortedDictionary<string, string> Map(ImmutableSortedDictionary<string, ImmutableArray<string>> byDataCenter) =>
        byDataCenter.SelectMany(d => d.Value.Select(n => KeyValuePair.Create(n, d.Key))).ToImmutableSortedDictionary(StringComparer.Ordinal);

    private sealed class SqlPlace(SimulatedWorld world, string dataCenter) : ISqlPlace
    {
        public TimeProvider Time => world.Time;
        public MySqlLogin Login => Application;

        public async ValueTask<string?> PrimaryAsync()
        {
            foreach (var host in world._nodes.Values.Where(n => n.DataCenter == dataCenter))
            {
                if (await world.AskAsync(host, new ApiRequest.Clusters()) is ApiReply.ClusterList({ Count: > 0 } clusters) && clusters[0].Primary is { } primary) return primary.Host;
            }

            return null;
        }

        public ValueTask<Stream> ConnectAsync(string server, CancellationToken cancel) =>
            world._clientHosts[dataCenter].Seam.Network.ConnectAsync(new(server, NodeNames.ServerPort), cancel);
    }
}
