using System.Collections.Immutable;
using Verify.Raft;
using Verify.Sim.Scheduling;
using Happening = Verify.Sim.RaftOnly.SwarmWord;

namespace Verify.Sim.RaftOnly;

/// <summary>One schedule: first safety under faults, then, when the options ask for it, liveness after they stop. Each node has a clock of
/// its own; a tick of the swarm is the true time by which leases are compared between nodes.</summary>
internal sealed partial class SwarmRun
{
    private static readonly ImmutableArray<SwarmDeed> Drawn = [.. Enum.GetValues<SwarmWord>().Where(w => w <= SwarmWord.Lag).Select(w => new SwarmDeed(w))];
    private readonly RaftSwarmOptions _options;
    private readonly IChoiceSource _choices;
    private readonly SwarmNetwork _network;
    private readonly SwarmNode[] _nodes;
    private readonly SwarmPromises _promises;
    private readonly int[] _weights;
    private readonly int _weightSum;
    private readonly SwarmTale? _tale;
    private readonly SwarmWatch _watch;
    private readonly Timeline? _timeline;
    private EventHash _hash = EventHash.Start();
    private SwarmViolation? _violation;
    private long _now;
    private int _step;
    private long _proposals;
    private SwarmCounts _counts;

    public SwarmRun(RaftSwarmOptions options, IChoiceSource choices, SwarmWatch watch)
    {
        _watch = watch;
        (_options, _choices, _tale, _timeline) = (options, choices, watch.Tell is null ? null : new SwarmTale(watch.Tell), watch.Timeline);
        _network = new SwarmNetwork(options, watch.NetworkChoices ?? choices, watch.Actors, watch.TellsStates ? number => StateOf(_nodes![number]) : null)
        {
            IsByLetter = watch.Schedule is { IsByLetter: true },
        };
        var names = SwarmNames.First(options.Nodes);
        var voters = names[..options.Voters];
        _nodes = new SwarmNode[options.Nodes];
        for (var i = 0; i < _nodes.Length; i++) _nodes[i] = new SwarmNode(i, CoreOptions(names[i], i < options.Voters ? voters : []));
        _promises = new SwarmPromises(_nodes, Membership.OfVoters(voters));
        _weights =
        [
            options.TickWeight, options.DeliverWeight, options.ProposeWeight, options.ReadWeight, options.PartitionWeight, options.CrashWeight,
            options.TransferWeight, options.LeaseReadWeight, options.MembersWeight, options.SnapshotWeight, options.StallWeight, options.LagWeight,
        ];
        foreach (var weight in _weights) _weightSum += weight;
        if (options.DriftPerMille > 0) DrawClocks();
    }

    /// <summary>Kinds of the timeline beside those of messages (<see cref="SwarmNetwork.KindOf"/>).</summary>
    private const int TickKind = 16;
    private const int CrashKind = 17;
    private const int RestartKind = 18;
    private const int InstallKind = 19;

    public RaftSwarmResult Run()
    {
        try
        {
            if (_watch.Schedule is { } schedule) Follow(schedule);
            else if (_options.Strategy == SwarmStrategy.Storm) Storm();
            else if (_options.Strategy == SwarmStrategy.Takeover) Takeovers();
            else while (Goes) Happen(Draw());
            if (_watch.Schedule is null && _violation is null && _options.LivenessTicksMax > 0) Do(new(SwarmWord.Revive) { IsStep = false });
            if (_watch.IsFalsified && _violation is null) _promises.Falsify();
        }
        catch (InvariantBrokenException broken)
        {
            // The core's own invariants are promises too; one that was seen broken from outside before comes first.
            _violation ??= FirstBroken() ?? new SwarmViolation("Invariant", _step, broken.Message);
        }
        catch (ArgumentException refused)
        {
            _violation ??= FirstBroken() ?? new SwarmViolation("Starts", _step, refused.Message);
        }
        _violation ??= FirstBroken();
        var repairs = _watch.Schedule is { IsByLetter: true } byLetter ? _network.Repairs(byLetter.Deeds) : [];
        return new RaftSwarmResult(
            _options, _violation, _hash.Value, _promises.Elections, _promises.Commits, _promises.ReadsGranted, _counts)
        {
            MessageFaults = _network.Faults, Repairs = repairs,
        };
    }

    private bool Goes => _step < _options.Steps && _violation is null;

    private RaftOptions CoreOptions(NodeId self, ImmutableArray<NodeId> voters) => new()
    {
        Self = self, Voters = voters,
        HeartbeatTicks = _options.HeartbeatTicks, ElectionTicks = _options.ElectionTicks,
        LeaseMarginTicks = _options.LeaseMarginTicks, AppendEntriesMax = _options.AppendEntriesMax, InflightMax = _options.InflightMax,
        TrailingEntries = _options.TrailingEntries,
        Draw = bound => _choices.Next(ChoiceKind.Timer, bound),
    };

    private void DrawClocks()
    {
        foreach (var node in _nodes)
        {
            node.TickRate = 1000 - _options.DriftPerMille + _choices.Next(ChoiceKind.Value, (2 * _options.DriftPerMille) + 1);
            node.TickPhase = _choices.Next(ChoiceKind.Value, 1000);
        }
    }

    private SwarmViolation? FirstBroken() =>
        _promises.FirstBroken() is { Broken: { } what } promise ? new SwarmViolation(promise.Name, _step, what) : null;

    /// <summary>One step: what is due on the disks, then this.</summary>
    private void Happen(Happening happening) => Do(Drawn[(int)happening]);

    /// <summary>Everything that is done to the nodes goes through here, so that it can be written down, and left out.</summary>
    private void Do(SwarmDeed deed)
    {
        _watch.Recorder?.Begin(deed);
        if (_step + 1 == _watch.StopAtStep) _watch.Stopped?.Invoke();
        if (deed.Word <= Happening.Lag) Step(deed.Word);
        else Order(deed);
        _watch.Recorder?.End();
        if (!deed.IsStep) return;
        _step++;
        _violation ??= FirstBroken();
    }

    /// <summary>What was drawn or written down, one after the other.</summary>
    private void Follow(SwarmSchedule schedule)
    {
        for (var i = 0; i < schedule.Deeds.Length && _violation is null; i++)
        {
            _watch.Scheduled!.Begin(schedule.Deeds[i], i);
            _deed = i;
            Do(schedule.Deeds[i]);
        }
    }

    private void Order(SwarmDeed deed)
    {
        var node = deed.Node >= 0 && deed.Node < _nodes.Length ? _nodes[deed.Node] : null;
        switch (deed.Word)
        {
            case SwarmWord.Part: Part(deed.Company); break;
            case SwarmWord.Revive: ComeToLife(); break;
            case SwarmWord.Hand when node is not null && deed.From < _nodes.Length: Hand(deed, node); break;
            case SwarmWord.RestartNode when node is { IsUp: false }: Restart(node); break;
            case SwarmWord.ProposeTo when node is not null: Propose(node); break;
            case SwarmWord.ReadFrom when node is not null: Read(node); break;
            case SwarmWord.SnapshotOf when node is not null: TakeSnapshot(node); break;
            case SwarmWord.MembersBy when node is not null: ChangeMembers(node); break;
            case SwarmWord.ChangeInto when node is { IsUp: true } && AreHere(deed.Target): ChangeMembers(node, deed.Target); break;
            default: break; // Nobody there to do it: an earlier deed was left out.
        }
    }

    private void AllDisksDue()
    {
        foreach (var node in _nodes)
            if (node.IsUp) DiskDue(node);
    }

    private void Step(Happening happening)
    {
        AllDisksDue();
        switch (happening)
        {
            case Happening.Deliver when TryDeliverOne(): break;
            case Happening.Propose: Propose(Somebody()); break;
            case Happening.Read: Read(Somebody()); break;
            case Happening.LeaseRead: LeaseRead(Somebody()); break;
            case Happening.Partition: ChangePartition(); break;
            case Happening.Crash: CrashOrRestart(); break;
            case Happening.Transfer: Transfer(); break;
            case Happening.Members: ChangeMembers(Somebody()); break;
            case Happening.Snapshot: TakeSnapshot(_nodes[_choices.Next(ChoiceKind.Actor, _nodes.Length)]); break;
            case Happening.Stall: Stall(); break;
            case Happening.Lag: Lag(); break;
            default:
                NoteTick();
                TickAll();
                break;
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
        _tale?.Tell(_step, $"tick {_now}");
        _hash.Add((int)Happening.Tick, 0, _now);
        foreach (var node in _nodes)
        {
            node.TickPhase += node.TickRate;
            for (; node.TickPhase >= 1000; node.TickPhase -= 1000)
            {
                if (!node.IsUp) continue;
                var before = node.Core.Role;
                node.Core.Tick();
                After(node);
                if (node.Core.Role != before) _timeline?.Saw(node.Number, TickKind, StateOf(node));
            }
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
        NoteLetter(flight);
        _hash.Add((int)Happening.Deliver, (flight.From << 4) | flight.To, flight.Envelope.Term.Value);
        _tale?.Arrives(_step, flight.Envelope);
        node.Core.Receive(flight.Envelope);
        After(node);
        _timeline?.Saw(flight.To, SwarmNetwork.KindOf(flight.Envelope.Body), StateOf(node));
        if (flight.Envelope.Body is Message.AppendReply or Message.SnapshotReply) _promises.ObservePeers(node);
    }

    /// <summary>What is worth telling apart of a node: its role, how its term and its log stand to the others', what is uncommitted, and whether the members change.</summary>
    private ulong StateOf(SwarmNode node)
    {
        if (!node.IsUp) return 1;
        var (term, last, commit) = (0L, 0L, 0L);
        foreach (var other in _nodes)
        {
            if (!other.IsUp) continue;
            term = Math.Max(term, other.Core.Term.Value);
            last = Math.Max(last, other.Core.Last.Index.Value);
            commit = Math.Max(commit, other.Core.Commit.Value);
        }

        var core = node.Core;
        return 2 | ((ulong)core.Role << 2) | (UpToThree(term - core.Term.Value) << 4) | (UpToThree(last - core.Last.Index.Value) << 6)
            | (UpToThree(commit - core.Commit.Value) << 8) | (UpToThree(core.Last.Index.Value - core.Commit.Value) << 10)
            | (core.Membership.IsJoint ? 1UL << 12 : 0) | (core.Last.Term < core.Term ? 1UL << 13 : 0);
    }

    private static ulong UpToThree(long difference) => (ulong)Math.Min(3, difference);

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

    private void LeaseRead(SwarmNode node)
    {
        if (!node.IsUp || !node.Core.TryLeaseRead(out var index)) return;
        _counts.LeaseReads++;
        _hash.Add((int)Happening.LeaseRead, node.Number, index.Value);
        _tale?.Tell(_step, $"n{node.Number + 1} answers a read under its lease of term {node.Core.Term} at index {index}");
        _promises.LeaseRead(node, index);
    }

    private void Transfer()
    {
        var (from, to) = (Somebody(), _choices.Next(ChoiceKind.Fault, _nodes.Length));
        if (!from.IsUp || !from.Core.TransferLeadership(_nodes[to].Core.Self)) return;
        _counts.Transfers++;
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
}
