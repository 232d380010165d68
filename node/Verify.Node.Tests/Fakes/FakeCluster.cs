using System.Collections.Immutable;
using System.Text;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Tests.Fakes;

/// <summary>Some nodes in one world. Nodes are called a, b, c, …</summary>
internal sealed class FakeCluster
{
    private readonly SortedDictionary<string, Machine> _machines = new(StringComparer.Ordinal);

    public FakeCluster(int nodes, Func<NodeConfig, NodeConfig>? configure = null)
    {
        Network = new(World);
        Names = [.. Enumerable.Range(0, nodes).Select(i => $"{(char)('a' + i)}")];
        var members = Names.Select(name => new Member(new(name), new(name, 10008), $"dc-{name}")).ToImmutableArray();
        foreach (var name in Names)
        {
            var config = new NodeConfig { Self = new(name), DataCenter = $"dc-{name}", PeerBind = new(name, 10008), Members = members };
            var host = new FakeHost(World);
            _machines[name] = new(configure?.Invoke(config) ?? config, host, new(World, host));
            Start(name);
        }
    }

    public FakeWorld World { get; } = new();
    public FakeNetwork Network { get; }
    public ImmutableArray<string> Names { get; private set; }

    public IEnumerable<string> Running => Names.Where(name => !_machines[name].Host.IsDead);

    public VerifyNode Node(string name) => _machines[name].Node!;
    public FakeDisk Disk(string name) => _machines[name].Disk;
    public FakeHost Host(string name) => _machines[name].Host;
    public IReadOnlyList<NodeEvent> Events(string name) => _machines[name].Events.All;
    /// <summary>Called with each event of this node until it is started anew.</summary>
    public void WhenTold(string name, Action<NodeEvent> act) => _machines[name].Events.Told = act;

    public List<string> Log(string name) => _machines[name].Logs.Lines;

    /// <summary>Starts a node without data that asks to be let in.</summary>
    public void StartJoiner(string name, string via, string? token, Func<NodeConfig, NodeConfig>? configure = null)
    {
        var config = new NodeConfig
        {
            Self = new(name), DataCenter = $"dc-{name}", PeerBind = new(name, 10008), Members = [],
            Join = new() { Via = [new(via, 10008)], Token = token },
        };
        var host = new FakeHost(World);
        _machines[name] = new(configure?.Invoke(config) ?? config, host, new(World, host));
        Names = [.. Names.Append(name).Order(StringComparer.Ordinal)];
        Start(name);
    }

    /// <summary>A cluster that has elected a leader, who holds its lease.</summary>
    public static FakeCluster Settled(int nodes, Func<NodeConfig, NodeConfig>? configure = null)
    {
        var cluster = new FakeCluster(nodes, configure);
        cluster.WaitForLeader();
        return cluster;
    }

    public string WaitForLeader(Func<string, bool>? among = null)
    {
        string? found = null;
        World.RunUntil(
            () => (found = Running.FirstOrDefault(name => (among?.Invoke(name) ?? true) && Raft(name) is { Role: RaftRole.Leader, HasLease: true })) is not null
                && Running.Where(name => among?.Invoke(name) ?? true).All(name => Raft(name).Leader == new NodeId(found)),
            TimeSpan.FromSeconds(5), "a leader that all follow");
        return found!;
    }

    /// <summary>Raft as the node sees it, read without an event passing.</summary>
    public RaftStatus Raft(string name) => _machines[name].Node!.Core.Status;

    public ApiReply Ask(string name, ApiRequest request) => World.Await(Node(name).AskAsync(request));

    public ApiReply Put(string name, string key, string value, RequestId? id = null, long? expected = null) =>
        Ask(name, new ApiRequest.KvPut(key, Encoding.UTF8.GetBytes(value), 0, expected, id));

    /// <summary>The value as a linearizable read gives it; null when there is no such key.</summary>
    public string? Get(string name, string key, ReadConsistency consistency = ReadConsistency.Consistent) =>
        Ask(name, new ApiRequest.KvGet(key, consistency)) switch
        {
            ApiReply.Value value => Encoding.UTF8.GetString(value.Pair.Value.Span),
            ApiReply.NotFound => null,
            var other => throw new AssertionException($"a read was answered with {other}"),
        };

    /// <summary>The next start of this node is with another configuration.</summary>
    public void Configure(string name, Func<NodeConfig, NodeConfig> change) =>
        _machines[name] = _machines[name] with { Config = change(_machines[name].Config) };

    /// <summary>The node stops in good order and its machine is switched off.</summary>
    public void Stop(string name)
    {
        World.Await(Node(name).StopAsync());
        Kill(name);
    }

    /// <summary>Power loss: unsynced bytes are gone.</summary>
    public void Kill(string name)
    {
        var machine = _machines[name];
        machine.Host.Kill();
        Network.Forget(name);
        _machines[name] = machine with { Disk = machine.Disk.AfterPowerLoss() };
    }

    public void Start(string name)
    {
        var machine = _machines[name];
        var host = new FakeHost(World);
        var disk = machine.Disk.AfterKill(World, host);
        machine = machine with { Host = host, Disk = disk, Events = new(), Logs = new() };
        _machines[name] = machine;
        var seam = new NodeSeam(
            new FakeTime(World, host), new Dice((ulong)name[0]), Network.Of(host, name), disk, host, host, machine.Logs, new FakeMeters(), machine.Events);
        machine.Node = World.Await(VerifyNode.StartAsync(machine.Config, seam));
    }

    private sealed record Machine(NodeConfig Config, FakeHost Host, FakeDisk Disk)
    {
        public FakeEvents Events { get; init; } = new();
        public FakeLogs Logs { get; init; } = new();
        public VerifyNode? Node { get; set; }
    }
}
