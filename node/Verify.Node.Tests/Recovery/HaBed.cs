using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.Recovery;

/// <summary>Three data centres with a node and a scripted MySQL server each, on one queue of events in manual time: the log is a list
/// that a majority can append to. After every event it is checked that at most one server takes writes.</summary>
internal sealed class HaBed
{
    public static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(1);
    private readonly PriorityQueue<Action, (long At, long Number)> _events = new();
    private readonly HashSet<(string, string)> _cuts = [];
    private readonly List<(long Term, Command Command)> _log = [];
    private long _number;

    public HaBed(Func<NodeConfig, NodeConfig>? configure = null, Func<string, double>? clockRate = null, bool isPrimaryWritable = true, bool forbidsEvents = false, int nodesBeside = 0, string[]? alsoIn = null)
    {
        string[] dataCenters = ["east", "north", "west"];
        var instances = dataCenters.Select((dc, i) => new Instance(Key(i + 1), dc)).ToImmutableArray();
        Servers = [.. instances.Select(i => new BedServer(this, i) { ForbidsEvents = forbidsEvents })];
        foreach (var replica in Servers.Skip(1)) replica.Follow(Servers[0].Key);
        Servers[0].IsReadOnly = !isPrimaryWritable;
        string[] places = [.. dataCenters, .. Enumerable.Range(1, nodesBeside).Select(n => $"beside{n}"), .. alsoIn ?? []];
        Members = [.. places.Select((dc, i) => new Member(new($"n{i + 1}:10008"), new($"n{i + 1}", 10008), dc))];
        Config = m =>
        {
            var config = new NodeConfig
            {
                Self = m.Id, DataCenter = m.DataCenter, PeerBind = m.Endpoint, Members = Members,
                Clusters = [new("main", instances)], TopologyLogin = new("verify", "v"), ReplicationLogin = new("repl", "r"),
            };
            return configure?.Invoke(config) ?? config;
        };
        Nodes = [.. Members.Select(m => new BedNode(this, Config(m), clockRate?.Invoke(m.DataCenter) ?? 1))];
    }

    public Func<Member, NodeConfig> Config { get; }
    public ImmutableArray<Member> Members { get; }
    public ImmutableArray<BedServer> Servers { get; }
    public ImmutableArray<BedNode> Nodes { get; private set; }
    public TimeSpan Now { get; private set; }
    public BedNode? Leader { get; private set; }
    public long Term { get; private set; }
    public List<(TimeSpan At, string Node, NodeEvent Event)> Events { get; } = [];
    public List<(TimeSpan At, string Node, InstanceKey Server, Statement Statement)> Sent { get; } = [];

    /// <summary>Commands of hooks that were begun.</summary>
    public List<(string Node, string Command, ImmutableSortedDictionary<string, string> Environment)> Commands { get; } = [];
    public Dictionary<string, int> ExitCodes { get; } = [];
    public TimeSpan CommandTime { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The first moment at which two servers took writes; null as it should be.</summary>
    public string? TwoWriters { get; private set; }
    public IReadOnlyList<(long Term, Command Command)> Log => _log;

    /// <summary>What all members understand; 2: one runs the program of the release before.</summary>
    public int WireVersion { get; set; } = 3;

    public IEnumerable<HaCommand> HaCommands => _log.Select(e => e.Command).OfType<Command.Ha>().Select(h => h.Inner);

    public static InstanceKey Key(int number) => new($"db{number}", 3306);
    public BedServer Server(InstanceKey key) => Servers.Single(s => s.Key == key);

    /// <summary>The first node of a data centre.</summary>
    public BedNode Node(string dataCenter) => Nodes.First(n => string.Equals(n.Config.DataCenter, dataCenter, StringComparison.Ordinal));

    public void At(TimeSpan delay, Action happens) => _events.Enqueue(happens, ((Now + delay).Ticks, _number++));

    /// <summary>Starts the nodes, lets one of them lead and waits until it adopted a primary whose guardian holds the lease.</summary>
    public HaBed Started(string leader = "north")
    {
        foreach (var node in Nodes) node.Start();
        Elect(leader);
        RunUntil(() => Nodes.All(n => n.Ha.Cluster("main") is { LastRenewal: > 0 }), TimeSpan.FromSeconds(5), "a lease on the first primary");
        RunFor(TimeSpan.FromSeconds(1));
        return this;
    }

    public void RunFor(TimeSpan time) => RunTo(Now + time, () => false);

    public void RunUntil(Func<bool> isSo, TimeSpan limit, string what)
    {
        if (!RunTo(Now + limit, isSo)) Assert.Fail($"not within {limit.TotalSeconds} s: {what}{Environment.NewLine}{Story()}");
    }

    private bool RunTo(TimeSpan end, Func<bool> isOver)
    {
        while (!isOver())
        {
            if (!_events.TryPeek(out _, out var next) || next.At > end.Ticks)
            {
                Now = end;
                return isOver();
            }

            Now = new(next.At);
            _events.Dequeue()();
            foreach (var server in Servers) server.Replicate();
            var writers = Servers.Where(s => s.TakesWrites).ToList();
            if (writers.Count > 1) TwoWriters ??= $"{Now.TotalMilliseconds:0} ms: {string.Join(" and ", writers.Select(w => w.Key))}";
        }

        return true;
    }

    public void CutOff(string dataCenter)
    {
        foreach (var other in Members.Where(m => !string.Equals(m.DataCenter, dataCenter, StringComparison.Ordinal)))
        {
            _cuts.Add((dataCenter, other.DataCenter));
            _cuts.Add((other.DataCenter, dataCenter));
        }

        foreach (var server in Servers) server.NoticeNetwork();
        foreach (var node in Nodes) At(TimeSpan.FromMilliseconds(250), node.RaftChanged);
    }

    public void Cut(string from, string to)
    {
        _cuts.Add((from, to));
        foreach (var server in Servers) server.NoticeNetwork();
    }

    public void Heal()
    {
        _cuts.Clear();
        foreach (var server in Servers) server.NoticeNetwork();
        foreach (var node in Nodes) At(Latency, node.RaftChanged);
        foreach (var node in Nodes) At(Latency, node.CatchUp);
    }

    public bool Reaches(string from, string to) => !_cuts.Contains((from, to)) && !_cuts.Contains((to, from));

    /// <summary>A majority of the members is up and reaches the node.</summary>
    public bool IsInQuorum(BedNode node) =>
        node is { IsUp: true, IsAlone: false } && Nodes.Count(n => n is { IsUp: true, IsAlone: false } && (n == node || Reaches(n.Config.DataCenter, node.Config.DataCenter))) * 2 > Nodes.Length;

    public void Elect(string dataCenter)
    {
        Leader = Node(dataCenter);
        Term++;
        Leader.CatchUp();
        foreach (var node in Nodes) At(Latency, node.RaftChanged);
    }

    /// <summary>The node's process ends and another one starts, with nothing in memory.</summary>
    public BedNode Restart(string dataCenter) => Reconfigure(dataCenter, c => c);

    /// <summary>The same, with other settings.</summary>
    public BedNode Reconfigure(string dataCenter, Func<NodeConfig, NodeConfig> change)
    {
        var old = Node(dataCenter);
        old.Kill();
        var node = new BedNode(this, change(old.Config), old.ClockRate) { HasHistory = true };
        Nodes = Nodes.Replace(old, node);
        node.Start();
        At(Latency, node.CatchUp);
        return node;
    }

    public void Submit(BedNode from, Command command, Action<CommandResult> done)
    {
        At(Latency, () =>
        {
            var leader = Leader;
            if (leader is null || !IsInQuorum(leader) || !IsInQuorum(from) || !Reaches(from.Config.DataCenter, leader.Config.DataCenter))
            {
                At(from.Config.Timing.RequestTimeout, () => from.Post(() => done(new CommandResult.Unknown("no answer"))));
                return;
            }

            Assert.That(CommandCodec.VersionOf(CommandCodec.Encode(command)), Is.LessThanOrEqualTo(WireVersion), $"an older member would stop at {command}");
            _log.Add((Term, command switch
            {
                Command.Ha(var inner) when inner.StampOf is not null => new Command.Ha(inner.With(leader.GroupTime)),
                Command.Policy(var inner) => new Command.Policy(inner with { Stamp = leader.GroupTime }),
                _ => command,
            }));
            var index = _log.Count;
            leader.CatchUp();
            var result = leader.Results[index - 1];
            foreach (var node in Nodes.Where(n => n != leader)) At(Latency, node.CatchUp);
            At(Latency, () => from.Post(() => done(result)));
        });
    }

    public void Tell(BedNode from, ReadOnlyMemory<byte> report)
    {
        if (PeerCodec.VersionOf(new PeerFrame.Report(report)) > WireVersion) return;
        foreach (var node in Nodes.Where(n => n != from))
        {
            if (!from.IsAlone && !node.IsAlone && Reaches(from.Config.DataCenter, node.Config.DataCenter)) At(Latency, () => node.Hear(from.Config.Self, report));
        }
    }

    public IEnumerable<T> Happened<T>() where T : NodeEvent => Events.Select(e => e.Event).OfType<T>();

    /// <summary>All that happened, for the message of a failed test.</summary>
    public string Story() => string.Join(Environment.NewLine, Events
        .Select(e => (e.At, Text: $"{e.Node} {e.Event}"))
        .Concat(Sent.Where(s => s.Statement is not (Statement.ReadFacts or Statement.ReadReplicaStatus)).Select(s => (s.At, Text: $"{s.Node} → {s.Server} {s.Statement}")))
        .OrderBy(e => e.At)
        .Select(e => $"{e.At.TotalMilliseconds,8:0} {e.Text}"));
}
