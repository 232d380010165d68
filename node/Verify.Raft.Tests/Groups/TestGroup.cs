using System.Collections.Immutable;

namespace Verify.Raft.Tests.Groups;

/// <summary>A few nodes and the messages between them, which move only when a test says so.</summary>
internal sealed class TestGroup
{
    private readonly Dictionary<NodeId, TestNode> _nodes = [];

    /// <param name="terms">The log that a node starts with: the term of each entry.</param>
    /// <param name="waiting">So many more nodes, which belong to no group yet.</param>
    public TestGroup(
        int nodes, Func<NodeId, RaftOptions, RaftOptions>? tune = null, Func<NodeId, IEnumerable<long>>? terms = null, int waiting = 0)
    {
        Ids = [.. Enumerable.Range(1, nodes + waiting).Select(i => new NodeId($"n{i}"))];
        var voters = Ids[..nodes];
        foreach (var id in Ids)
        {
            Patience[id] = 0;
            Entry[] disk = terms is null ? [] : [.. terms(id).Select(EntryOf)];
            var hardState = disk.Length == 0 ? HardState.Initial : new HardState(disk[^1].Term, VotedFor: null);
            _nodes[id] = new TestNode(Options, hardState, disk);

            RaftOptions Options()
            {
                var options = new RaftOptions
                {
                    Self = id, Voters = voters.Contains(id) ? voters : [], HeartbeatTicks = 2, ElectionTicks = 10, Draw = bound => Patience[id] % bound,
                };
                return tune is null ? options : tune(id, options);
            }
        }
    }

    public ImmutableArray<NodeId> Ids { get; }

    /// <summary>What each node draws: how many ticks beyond ElectionTicks it waits.</summary>
    public Dictionary<NodeId, int> Patience { get; } = [];
    public List<Envelope> Network { get; } = [];

    /// <summary>Messages from the first to the second are lost.</summary>
    public HashSet<(NodeId From, NodeId To)> Cuts { get; } = [];
    public TestNode this[string name] => _nodes[new NodeId(name)];
    public TestNode this[NodeId id] => _nodes[id];
    public IEnumerable<TestNode> Nodes => Ids.Select(id => _nodes[id]);

    /// <summary>How many messages were delivered so far.</summary>
    public int Delivered { get; private set; }

    private static Entry EntryOf(long term, int at) =>
        new(new EntryId(new Term(term), new LogIndex(at + 1)), EntryKind.Command, new byte[] { (byte)term });

    public void Send(Envelope envelope)
    {
        if (!Cuts.Contains((envelope.From, envelope.To))) Network.Add(envelope);
    }

    public void Cut(params string[] names)
    {
        foreach (var name in names)
        {
            foreach (var other in Ids.Where(id => id != new NodeId(name)))
            {
                Cuts.Add((new NodeId(name), other));
                Cuts.Add((other, new NodeId(name)));
            }
        }
    }

    public void Heal() => Cuts.Clear();

    public void Tick(string name, int ticks = 1)
    {
        for (var i = 0; i < ticks; i++) this[name].Core.Tick();
    }

    /// <summary>Carries out all work of all nodes, without delivering any message.</summary>
    public bool Work()
    {
        var any = false;
        foreach (var node in Nodes)
        {
            while (node.TakeWork(Send) is not null) any = true;
            any |= node.HasUnsynced;
            node.SyncAll(Send);
        }
        return any;
    }

    public void Deliver(Envelope envelope)
    {
        Network.Remove(envelope);
        if (!this[envelope.To].IsUp || Cuts.Contains((envelope.From, envelope.To))) return;
        Delivered++;
        this[envelope.To].Core.Receive(envelope);
    }

    /// <summary>One round trip at the most of every message that is under way: all are delivered once, with what follows
    /// from them left on the network.</summary>
    public bool DeliverAll()
    {
        var batch = Network.ToArray();
        foreach (var envelope in batch) Deliver(envelope);
        return Work() | batch.Length > 0;
    }

    public void Settle()
    {
        Work();
        for (var steps = 0; Network.Count > 0; steps++)
        {
            Assert.That(steps, Is.LessThan(100_000), "a group that is left alone comes to rest");
            DeliverAll();
        }
    }

    /// <summary>All nodes tick once and everything settles, so many times.</summary>
    public void Run(int ticks)
    {
        for (var i = 0; i < ticks; i++)
        {
            foreach (var node in Nodes.Where(n => n.IsUp)) node.Core.Tick();
            Settle();
        }
    }

    public TestNode Elect(string name)
    {
        Tick(name, 10 + Patience[new NodeId(name)]);
        Settle();
        Assert.That(this[name].Core.Role, Is.EqualTo(RaftRole.Leader), $"{name} should win this election");
        return this[name];
    }

    /// <summary>The leader of this name makes the change; it is not committed yet.</summary>
    public EntryId Change(string name, Func<Membership, Membership> change)
    {
        var core = this[name].Core;
        var result = core.ChangeMembership(change(core.Membership));
        Assert.That(result, Is.TypeOf<ProposeResult.Accepted>(), $"{result}");
        return ((ProposeResult.Accepted)result).Id;
    }

    public void Snapshot(string name)
    {
        this[name].FreezeSnapshot();
        this[name].FinishSnapshot();
    }

    public EntryId Propose(string name, string text)
    {
        var result = this[name].Core.Propose(System.Text.Encoding.UTF8.GetBytes(text));
        Assert.That(result, Is.TypeOf<ProposeResult.Accepted>());
        return ((ProposeResult.Accepted)result).Id;
    }
}
