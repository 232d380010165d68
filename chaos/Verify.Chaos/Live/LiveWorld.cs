using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;
using Verify.Scenarios;
using EventLog = Verify.Chaos.Worlds.EventLog;

namespace Verify.Chaos.Live;

/// <summary>Real processes, real servers, real sockets, links through proxies that can be cut.</summary>
internal sealed partial class LiveWorld : IWorld
{
    private const long NodeDiskBytes = 48L << 20;
    private const long ServerDiskBytes = 1L << 30;
    private static readonly TimeSpan ServerStart = TimeSpan.FromSeconds(60);
    private readonly Scenario _scenario;
    private readonly LiveOptions _options;
    private readonly Action<string> _say;
    private readonly FleetRun _run;
    private readonly ServerHost _servers;
    private readonly LivePlan _plan;
    private readonly LinkProxies _links;
    private readonly SortedDictionary<string, LiveNode> _nodes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, RealServer> _byName = new(StringComparer.Ordinal);
    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromMilliseconds(800), UseProxy = false }) { Timeout = TimeSpan.FromMilliseconds(3500) };
    private readonly HttpClient _looking = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromMilliseconds(500), UseProxy = false }) { Timeout = TimeSpan.FromMilliseconds(800) };
    private readonly LiveNodes _observer;
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _watchers = [];
    private readonly SortedSet<string> _downOnPurpose = new(StringComparer.Ordinal);
    private readonly long _startTimestamp = Stopwatch.GetTimestamp();

    private LiveWorld(Scenario scenario, LiveOptions options, FleetRun run, ServerHost servers, LivePlan plan, LinkProxies links, Action<string> say)
    {
        (_scenario, _options, _run, _servers, _plan, _links, _say) = (scenario, options, run, servers, plan, links, say);
        _observer = new(_looking);
        Events = new(() => (long)Stopwatch.GetElapsedTime(_startTimestamp).TotalMicroseconds);
        Nodes = Map(scenario.Fleet.Nodes);
        Servers = Map(scenario.Fleet.Servers);
        foreach (var server in servers.Servers) _byName[server.Name] = server;
    }

    public string Kind => "live";
    public TimeProvider Time => TimeProvider.System;
    public IReadOnlyDictionary<string, string> Nodes { get; }
    public IReadOnlyDictionary<string, string> Servers { get; }
    public EventLog Events { get; }

    /// <summary>Node name → its HTTP listener.</summary>
    public IReadOnlyDictionary<string, Uri> Http => _nodes.ToDictionary(n => n.Key, n => n.Value.Http, StringComparer.Ordinal);
    public bool ObservationsAreExact => false;

    /// <summary>Of the node's process that was started last.</summary>
    public int PidOf(string node) => _nodes[node].Pid;

    public IReadOnlyDictionary<string, string> Details => new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["servers"] = _byName.Count > 0 ? $"{_byName.Count} × {_servers.Program.Version}, plain processes" : "none",
        ["durability"] = _scenario.Fleet.Durability,
        ["network"] = $"{_plan.Links.Count} links between data centres through {_links.Kind}",
        ["nodes"] = $"{_nodes.Count} verify-node processes",
    };

    /// <summary>Builds everything but starts no node yet.</summary>
    public static async Task<LiveWorld> BuildAsync(Scenario scenario, LiveOptions options, Action<string> say, CancellationToken cancel)
    {
        var cache = FleetCache.Default();
        var program = await new ServerInstall { Cache = cache, MayFetch = options.MayInstall && new ServerInstall().MayFetch, Say = say }.FindOrFetchAsync(options.Flavor, cancel);
        var run = FleetRun.Begin(cache, say);
        try
        {
            var servers = new ServerHost(run, program);
            var addresses = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (dc, names) in scenario.Fleet.Servers)
            {
                foreach (var name in names)
                {
                    var server = servers.Add(name, scenario.Fleet.DataCenters.IndexOf(dc), o => WithDisk(o, scenario) with { SemiSync = scenario.Fleet.IsSemiSync, SemiSyncReplica = scenario.Fleet.Acknowledges(name) });
                    addresses[name] = server.Endpoint.ToString();
                }
            }

            var plan = LivePlan.Draw(scenario.Fleet, run.Addresses, addresses);
            var links = await LinkProxies.StartAsync(run, plan, options.ToxiproxyUrl, cancel);
            return new(scenario, options, run, servers, plan, links, say);
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    public async ValueTask StartAsync(CancellationToken cancel)
    {
        _say($"starting {_byName.Count} servers ({_servers.Program.Version})");
        await _servers.StartAllAsync(ServerStart, cancel);
        await SetUpReplicationAsync(cancel);
        foreach (var server in _byName.Values)
        {
            _watchers.Add(new WritableSampler(server, Servers[server.Name], _servers.Users.Topology, Events).RunAsync(_ending.Token));
        }

        var hostProgram = HostProgram();
        _say($"starting {Nodes.Count} nodes");
        var fillsDisks = _scenario.Steps.Any(s => s.Fault is Fault.DiskFull);
        foreach (var (name, dc) in Nodes)
        {
            var httpAddress = _run.Addresses.Next(_scenario.Fleet.DataCenters.IndexOf(dc));
            var http = new Uri($"http://{httpAddress}:{Fleet.Network.FreePorts.Next(httpAddress)}");
            var node = new LiveNode(_run, name, dc, hostProgram, http);
            _nodes[name] = node;
            var settings = _options.RunsHooks ? WithHooks(Settings(node), node) : Settings(node);
            if (_options.Stores is { } stores) settings["Stores"] = stores;
            await node.PrepareAsync(settings, fillsDisks ? NodeDiskBytes : null);
            await StartNodeAsync(node);
        }
    }

    public IKvClient Kv(int client, string dataCenter)
    {
        var local = _nodes.Values.Where(n => n.DataCenter == dataCenter).ToList();
        return new LiveKvClient(_http, local.Count > 0 ? local : [.. _nodes.Values]);
    }

    public ISqlClient Sql(int client, string dataCenter) => new SqlClient(new SqlPlace(this, dataCenter), client);

    public async ValueTask<FleetState> ObserveAsync()
    {
        foreach (var node in _nodes.Values.Where(n => !n.IsRunning && !_downOnPurpose.Contains(n.Name) && !HasDiedAtAMoment(n.Name)))
        {
            throw new HarnessException($"{node.Name} ended by itself with exit code {await node.Exited}:{Environment.NewLine}{node.LogTail()}");
        }

        return await _observer.ObserveAsync([.. _nodes.Values.Where(n => n.IsRunning && !n.IsPaused)], [.. _byName.Values.Where(s => s.IsRunning).Select(s => s.Name)]);
    }

    public async ValueTask<IReadOnlyList<NodeWord>> AskNodesAsync() => await _observer.WordsAsync(_nodes.Values.Where(n => n.IsRunning && !n.IsPaused));

    public ValueTask CutAsync(string fromDataCenter, string toDataCenter) => _links.CutAsync(fromDataCenter, toDataCenter);
    public ValueTask<long> MendAsync(string fromDataCenter, string toDataCenter) => _links.MendAsync(fromDataCenter, toDataCenter);

    public ValueTask DelayAsync(string fromDataCenter, string toDataCenter, TimeSpan delay, TimeSpan jitter) =>
        _links.DelayAsync(fromDataCenter, toDataCenter, delay, jitter);

    public async ValueTask KillAsync(string name)
    {
        _downOnPurpose.Add(name);
        if (_nodes.TryGetValue(name, out var node))
        {
            var since = await node.KillAsync();
            Events.Add(EventKinds.NodeDown, name, node.DataCenter, fields: Killed("kill", since));
        }
        else
        {
            await _byName[name].KillAsync();
            Events.Add(EventKinds.ServerDown, name, Servers[name], fields: [("how", "kill")]);
        }
    }

    public async ValueTask StartAgainAsync(string name)
    {
        if (_nodes.TryGetValue(name, out var node))
        {
            await StartNodeAsync(node);
        }
        else
        {
            await _byName[name].StartAsync(ServerStart);
            Events.Add(EventKinds.ServerUp, name, Servers[name]);
        }

        _downOnPurpose.Remove(name);
    }

    public ValueTask PauseAsync(string name)
    {
        if (_nodes.TryGetValue(name, out var node)) node.Pause();
        else _byName[name].Pause();
        Events.Add(Nodes.ContainsKey(name) ? EventKinds.NodeDown : EventKinds.ServerDown, name, DataCenterOf(name), fields: [("how", "pause")]);
        return ValueTask.CompletedTask;
    }

    public ValueTask ResumeAsync(string name)
    {
        if (_nodes.TryGetValue(name, out var node)) node.Resume();
        else _byName[name].Resume();
        Events.Add(Nodes.ContainsKey(name) ? EventKinds.NodeUp : EventKinds.ServerUp, name, DataCenterOf(name), fields: [("how", "resume")]);
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

    public async ValueTask SkewClockAsync(string node, TimeSpan offset, double drift) => await _nodes[node].SkewAsync(offset, drift);

    public async ValueTask<IReadOnlyDictionary<string, IReadOnlySet<string>>> ReadRowsAsync()
    {
        var rows = new SortedDictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);
        foreach (var server in _byName.Values.Where(s => s.IsRunning))
        {
            await using var session = await OpenAsync(server, CancellationToken.None);
            var table = await session.QueryAsync(WorkloadStatements.ReadIds, TimeSpan.FromSeconds(10));
            rows[server.Name] = new SortedSet<string>(table.Rows.Select(r => r[0]!), StringComparer.Ordinal);
        }

        return rows;
    }

    /// <summary>Reads what the nodes wrote of themselves into the events, and copies their logs.</summary>
    public void Collect(string folder)
    {
        var startNs = (long)(_startTimestamp * (1e9 / Stopwatch.Frequency));
        foreach (var node in _nodes.Values)
        {
            NodeEventFile.ReadInto(Events, node.EventsFile, node.DataCenter, startNs);
            var nodes = Directory.CreateDirectory(Path.Combine(folder, "nodes"));
            if (File.Exists(node.HooksFile)) File.Copy(node.HooksFile, Path.Combine(nodes.FullName, node.Name + ".hooks.txt"), overwrite: true);
            if (File.Exists(node.LogFile)) File.Copy(node.LogFile, Path.Combine(nodes.FullName, node.Name + ".log"), overwrite: true);
        }

        var servers = Directory.CreateDirectory(Path.Combine(folder, "servers"));
        foreach (var server in _byName.Values.Where(s => File.Exists(s.ErrorLog))) File.Copy(server.ErrorLog, Path.Combine(servers.FullName, server.Name + ".log"), overwrite: true);
    }

    /// <summary>Ends the watching; must come before the events are judged.</summary>
    public async Task StopWatchingAsync()
    {
        await _ending.CancelAsync();
        await Task.WhenAll(_watchers);
    }

    public async ValueTask DisposeAsync()
    {
        await StopWatchingAsync();
        foreach (var node in _nodes.Values) await node.DisposeAsync();
        await _servers.DisposeAsync();
        await _links.DisposeAsync();
        await _run.DisposeAsync();
        _http.Dispose();
        _looking.Dispose();
        _ending.Dispose();
    }

    private async Task SetUpReplicationAsync(CancellationToken cancel)
    {
        if (_scenario.Fleet.Primary is not { } primary) return;
        await _servers.SetUpReplicationAsync(_byName[primary], _byName.Values.Where(s => s.Name != primary),
            SourceAddress, ServerStart, cancel);

        if (_scenario.Fleet.SourceOf(primary) is not null)
        {
            // Of co-primaries the one that takes writes is adopted.
            await _servers.FollowAsync(_byName[primary], SourceAddress(_byName[primary]), cancel);
            return;
        }

        // From here on only the guardian opens it.
        await using var writer = await OpenAsync(_byName[primary], cancel);
        await writer.QueryAsync(new Statement.SetReadOnly(On: true).Sql(writer.Version.Flavor), ServerStart, cancel);
    }

    private System.Net.IPEndPoint SourceAddress(RealServer replica) => System.Net.IPEndPoint.Parse(_plan.AddressFrom(Servers[replica.Name], _scenario.Fleet.SourceOf(replica.Name)!));

    private async Task StartNodeAsync(LiveNode node)
    {
        await node.StartAsync(_options.FencingOff, _scenario.Steps.Any(s => s.Fault is Fault.ClockSkew), _scenario.Steps.Any(s => s.Fault is Fault.DieAt) ? Deaths : null);
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
        ["MySQLTopologyUser"] = _servers.Users.Topology.User,
        ["MySQLTopologyPassword"] = _servers.Users.Topology.Password,
        ["MySQLReplicationUser"] = _servers.Users.Replication.User,
        ["MySQLReplicationPassword"] = _servers.Users.Replication.Password,
        ["RecoveryPeriodBlockSeconds"] = 0,
        ["MySQLClusters"] = new SortedDictionary<string, object>(StringComparer.Ordinal)
        {
            [Alias] = new SortedDictionary<string, string>(Servers.ToDictionary(s => NodeNames.ServerIdentity(s.Key), s => s.Value, StringComparer.Ordinal), StringComparer.Ordinal),
        },
        ["DeepClusters"] = _scenario.Fleet.Below.Count > 0 ? new[] { Alias } : [],
        ["Durability"] = _scenario.Fleet.Durability,
        ["ProbingMode"] = _scenario.Fleet.SharesProbing ? "shared" : "all",
        ["RecoverNonWriteableMaster"] = _scenario.Fleet.ReplacesUnwritable,
        ["RecoverDiskStalledMaster"] = _scenario.Fleet.ReplacesStalled,
        ["DiskStalledSeconds"] = (int)FleetSpec.StalledAfter.TotalSeconds,
        ["AddressViews"] = _plan.AddressViews(_scenario.Fleet.DataCenters),
    };

    /// <summary>One script for every moment, in a shell of its own, as operators have it.</summary>
    private static SortedDictionary<string, object> WithHooks(SortedDictionary<string, object> settings, LiveNode node)
    {
        var script = Path.Combine(node.Folder, "hook.sh");
        File.WriteAllText(script, "{ env | grep -E '^(ORC|VERIFY)_' | sort; echo; } >> \"$1\"\n");
        foreach (var moment in new[] { "OnFailureDetection", "PreFailover", "PostMasterFailover", "PostFailover", "PostUnsuccessfulFailover" })
            settings[$"{moment}Processes"] = new[] { $"sh '{script}' '{node.HooksFile}'" };
        return settings;
    }

    private async Task<MySqlSession> OpenAsync(RealServer server, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server.Endpoint, cancel);
        return await MySqlSession.OpenAsync(new NetworkStream(socket, ownsSocket: true), _servers.Users.Topology, TimeProvider.System, TimeSpan.FromSeconds(10), cancel);
    }

    private string DataCenterOf(string name) => Nodes.TryGetValue(name, out var dc) ? dc : Servers[name];

    /// <summary>The node host that was built with this very harness.</summary>
    internal static string HostProgram()
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = Machine.CheckoutRoot() ?? throw new HarnessException("no checkout of Verify is near; the live world needs the built verify-node");
        var relative = Path.GetRelativePath(Path.Combine(root, "chaos", configuration.FullName.Contains("Verify.Chaos.Tests", StringComparison.Ordinal) ? "Verify.Chaos.Tests" : "Verify.Chaos"), configuration.FullName);
        var program = Path.Combine(root, "node", "Verify.NodeHost", relative, "verify-node.dll");
        return File.Exists(program) ? program : throw new HarnessException($"{program} is not built; run: dotnet build Verify.sln -c Release");
    }

    private static ImmutableSortedDictionary<string, string> Map(ImmutableSortedDictionary<string, ImmutableArray<string>> byDataCenter) =>
        byDataCenter.SelectMany(d => d.Value.Select(n => KeyValuePair.Create(n, d.Key))).ToImmutableSortedDictionary(StringComparer.Ordinal);

    private sealed class SqlPlace(LiveWorld world, string dataCenter) : ISqlPlace
    {
        public TimeProvider Time => TimeProvider.System;
        public MySqlLogin Login => world._servers.Users.Application;

        public async ValueTask<string?> PrimaryAsync()
        {
            foreach (var node in world._nodes.Values.Where(n => n.DataCenter == dataCenter && n.IsRunning))
            {
                if (await world._observer.PrimaryAsync(node) is { } primary) return primary;
            }

            return null;
        }

        public async ValueTask<Stream> ConnectAsync(string server, CancellationToken cancel)
        {
            var address = System.Net.IPEndPoint.Parse(world._plan.AddressFrom(dataCenter, server));
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                throw new IOException(e.Message, e);
            }
        }
    }
}
