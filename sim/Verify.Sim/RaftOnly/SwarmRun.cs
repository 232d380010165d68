using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>One schedule: first safety under faults, then, when the options ask for it, liveness after they stop. Virtual time is
/// the common tick of all nodes, so that leases may be compared between them.</summary>
internal sealed partial class SwarmRun
{
    private readonly RaftSwarmOptions _options;
    private readonly IChoiceSource _choices;
    private readonly SwarmNetwork _network;
    private readonly SwarmNode[] _nodes;
    private readonly SwarmPromises _promises;
    private readonly int[] _weights;
    private readonly int _weightSum;
    private readonly Action<string>? _tell;
    private EventHash _hash = EventHash.Start();
    private SwarmViolation? _violation;
    private long _now;
    private int _step;
    private long _proposals;
    private int _crashes;
    private int _partitions;

    public SwarmRun(RaftSwarmOptions options, IChoiceSource choices, Action<string>? tell)
    {
        (_options, _choices, _tell) = (options, choices, tell);
        _network = new SwarmNetwork(options, choices);
        var names = SwarmNames.First(options.Nodes);
        _nodes = new SwarmNode[options.Nodes];
        for (var i = 0; i < _nodes.Length; i++) _nodes[i] = new SwarmNode(i, CoreOptions(names, i));
        _promises = new SwarmPromises(_nodes);
        _weights =
        [
            options.TickWeight, options.DeliverWeight, options.ProposeWeight, options.ReadWeight,
            options.PartitionWeight, options.CrashWeight, options.TransferWeight,
        ];
        foreach (var weight in _weights) _weightSum += weight;
    }

    private enum Happening { Tick, Deliver, Propose, Read, Partition, Crash, Transfer }

    public RaftSwarmResult Run()
    {
        try
        {
            for (; _step < _options.Steps && _violation is null; _step++)
            {
                StepOnce();
                _violation = FirstBroken();
            }
            if (_violation is null && _options.LivenessTicksMax > 0) ComeToLife();
        }
        catch (InvariantBrokenException broken)
        {
            // The core's own invariants are promises too; one that was seen broken from outside before comes first.
            _violation ??= FirstBroken() ?? new SwarmViolation("Invariant", _step, broken.Message);
        }
        _violation ??= FirstBroken();
        return new RaftSwarmResult(
            _options, _violation, _hash.Value, _promises.Elections, _promises.Commits, _promises.ReadsGranted, _crashes, _partitions);
    }

    private RaftOptions CoreOptions(ImmutableArray<NodeId> names, int self) => new()
    {
        Self = names[self], Voters = names,
        HeartbeatTicks = _options.HeartbeatTicks, ElectionTicks = _options.ElectionTicks,
        LeaseMarginTicks = 1, AppendEntriesMax = _options.AppendEntriesMax, InflightMax = _options.InflightMax,
        Draw = bound => _choices.Next(ChoiceKind.Timer, bound),
    };

    private SwarmViolation? FirstBroken() =>
        _promises.FirstBroken() is { Broken: { } what } promise ? new SwarmViolation(promise.Name, _step, what) : null;

    private void StepOnce()
    {
        foreach (var node in _nodes)
            if (node.IsUp && node.HasDue(_step)) SyncDue(node);
        switch (Draw())
        {
            case Happening.Deliver when TryDeliverOne(): break;
            case Happening.Propose: Propose(Somebody()); break;
            case Happening.Read: Read(Somebody()); break;
            case Happening.Partition: ChangePartition(); break;
            case Happening.Crash: CrashOrRestart(); break;
            case Happening.Transfer: Transfer(); break;
            default: TickAll(); break;
        }
    }

    private Happening Draw()
    {
        var draw = _choices.Next(ChoiceKind.Actor, _weightSum);
        var kind = 0;
        while (draw >= _weights[kind]) draw -= _weights[kind++];
        return (Happening)kind;
    }

    private void TickAll()
    {
        _now++;
        _tell?.Invoke($"{_step}: tick {_now}");
        _hash.Add((int)Happening.Tick, 0, _now);
        foreach (var node in _nodes)
        {
            if (!node.IsUp) continue;
            node.Core.Tick();
            After(node);
        }
    }

    /// <summary>One message arrives; what is due before it and cannot arrive is lost.</summary>
    private bool TryDeliverOne()
    {
        while (_network.TryTake(_now, out var flight))
        {
            if (!_nodes[flight.To].IsUp || _network.IsCut(flight.From, flight.To)) continue;
            Deliver(flight);
            return true;
        }
        return false;
    }

    private void Deliver(in SwarmNetwork.Flight flight)
    {
        var node = _nodes[flight.To];
        _hash.Add((int)Happening.Deliver, (flight.From << 4) | flight.To, flight.Envelope.Term.Value);
        _tell?.Invoke($"{_step}: {flight.Envelope.From} -> {flight.Envelope.To} arrives: {flight.Envelope.Term} {Describe(flight.Envelope.Body)}");
        node.Core.Receive(flight.Envelope);
        After(node);
    }

    private void Propose(SwarmNode node)
    {
        if (!node.IsUp) return;
        var payload = BitConverter.GetBytes(++_proposals);
        if (node.Core.Propose(payload) is ProposeResult.Accepted accepted)
            _hash.Add((int)Happening.Propose, node.Number, accepted.Id.Index.Value);
        After(node);
    }

    private void Read(SwarmNode node)
    {
        if (!node.IsUp) return;
        node.Core.RequestRead(_promises.AskRead());
        After(node);
    }

    private void Transfer()
    {
        var (from, to) = (Somebody(), _choices.Next(ChoiceKind.Fault, _nodes.Length));
        if (!from.IsUp || !from.Core.TransferLeadership(_nodes[to].Core.Self)) return;
        _hash.Add((int)Happening.Transfer, from.Number, to);
        After(from);
    }

    /// <summary>A leader two times out of three, so that work gets done; else anyone, who must refuse.</summary>
    private SwarmNode Somebody()
    {
        var at = _choices.Next(ChoiceKind.Actor, _nodes.Length);
        if (_choices.Next(ChoiceKind.Value, 3) == 0) return _nodes[at];
        for (var i = 0; i < _nodes.Length; i++)
        {
            var node = _nodes[(at + i) % _nodes.Length];
            if (node.IsUp && node.Core.IsLeader) return node;
        }
        return _nodes[at];
    }

    /// <summary>After every input: look, then carry out the work that follows.</summary>
    private void After(SwarmNode node)
    {
        _promises.Observe(node);
        _hash.Add((int)node.Core.Role, node.Number, (node.Core.Term.Value << 32) ^ node.Core.Commit.Value);
        while (node.Core.TryTakeWork(out var work))
        {
            if (_tell is not null) TellWork(node, work);
            _promises.Took(node, work);
            foreach (var envelope in work.SendNow) Send(node, envelope);
            if (!work.Apply.IsEmpty) node.Core.Applied(work.Apply[^1].Index);
            var syncSteps = work.NeedsSync ? _choices.Next(ChoiceKind.Delay, _options.SyncStepsMax + 1) : 0;
            node.Write(work, _step + syncSteps);
            SyncDue(node);
        }
    }

    private void SyncDue(SwarmNode node)
    {
        while (node.HasDue(_step))
        {
            var work = node.Sync(out var replacedFrom);
            _promises.DiskReplaced(replacedFrom);
            if (_tell is not null && work.NeedsSync) _tell($"{_step}: n{node.Number + 1} has synced");
            foreach (var envelope in work.SendWhenDurable) Send(node, envelope);
            if (work.Append.IsEmpty) continue;
            node.Core.Appended(work.Append[^1].Id);
            After(node);
        }
    }

    private void Send(SwarmNode node, in Envelope envelope)
    {
        _promises.Spoke(node.Number, envelope);
        _network.Send(node.Number, SwarmNames.NumberOf(envelope.To), envelope, _now);
    }

    private void TellWork(SwarmNode node, RaftWork work)
    {
        var core = node.Core;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{_step}: {core.Self} {core.Role} t{core.Term} last={core.Last} commit={core.Commit}:");
        if (work.HardState is { } hardState) text.Append(CultureInfo.InvariantCulture, $" save {hardState.Term}/{hardState.VotedFor}");
        if (!work.Append.IsEmpty) text.Append(CultureInfo.InvariantCulture, $" append {work.Append[0].Id}..{work.Append[^1].Id}");
        if (!work.Apply.IsEmpty) text.Append(CultureInfo.InvariantCulture, $" apply {work.Apply[0].Id}..{work.Apply[^1].Id}");
        foreach (var m in work.SendNow) text.Append(CultureInfo.InvariantCulture, $" [now {m.To}: t{m.Term} {Describe(m.Body)}]");
        foreach (var m in work.SendWhenDurable) text.Append(CultureInfo.InvariantCulture, $" [durable {m.To}: t{m.Term} {Describe(m.Body)}]");
        _tell!(text.ToString());
    }

    private static string Describe(Message body) => body is Message.Append append
        ? $"Append {append.Previous} +{append.Entries.Length} commit={append.Commit} round={append.ReadRound}"
        : body.ToString();
}
