using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>What goes wrong in a schedule, and the end of it.</summary>
internal sealed partial class SwarmRun
{
    private void ChangePartition()
    {
        _network.HealAll();
        var shape = _choices.Next(ChoiceKind.Fault, 6);
        _hash.Add((int)Happening.Partition, shape, _step);
        switch (shape)
        {
            case 0: break; // Healed.
            case 1 or 2: Isolate(Somebody().Number); break;
            case 3: Isolate(_choices.Next(ChoiceKind.Fault, _nodes.Length)); break;
            case 4: Pair(); break;
            default: Halves(); break;
        }
        if (shape != 0) _partitions++;
        _tell?.Invoke($"{_step}: the network is now {_network.Describe()}");
    }

    /// <summary>One node hears and is heard by nobody, or only one of the two.</summary>
    private void Isolate(int node)
    {
        var isOneWay = IsOneWay();
        var hears = isOneWay && _choices.Next(ChoiceKind.Fault, 2) == 0;
        for (var other = 0; other < _nodes.Length; other++)
        {
            if (other == node) continue;
            if (!isOneWay || !hears) _network.Cut(other, node);
            if (!isOneWay || hears) _network.Cut(node, other);
        }
    }

    /// <summary>Two nodes do not hear each other, though both hear the rest.</summary>
    private void Pair()
    {
        var one = _choices.Next(ChoiceKind.Fault, _nodes.Length);
        var other = (one + 1 + _choices.Next(ChoiceKind.Fault, _nodes.Length - 1)) % _nodes.Length;
        _network.Cut(one, other);
        if (!IsOneWay()) _network.Cut(other, one);
    }

    private void Halves()
    {
        var sides = _choices.Next(ChoiceKind.Fault, 1 << _nodes.Length);
        var isOneWay = IsOneWay();
        for (var from = 0; from < _nodes.Length; from++)
        {
            for (var to = 0; to < _nodes.Length; to++)
            {
                var (fromSide, toSide) = ((sides >> from) & 1, (sides >> to) & 1);
                if (fromSide != toSide && (!isOneWay || fromSide == 0)) _network.Cut(from, to);
            }
        }
    }

    private bool IsOneWay() => _options.OneWayPercent > 0 && _choices.Next(ChoiceKind.Fault, 100) < _options.OneWayPercent;

    private void CrashOrRestart()
    {
        var node = _nodes[_choices.Next(ChoiceKind.Fault, _nodes.Length)];
        if (!node.IsUp)
        {
            Restart(node);
            return;
        }
        _crashes++;
        _tell?.Invoke($"{_step}: n{node.Number + 1} crashes with {node.UnsyncedCount} writes not synced");
        _hash.Add((int)Happening.Crash, node.Number, _step);
        _promises.DiskReplaced(node.Crash(writesKept: _choices.Next(ChoiceKind.Fault, node.UnsyncedCount + 1)));
        // Half of all crashes are followed by a restart at once: the node has forgotten what it was told a moment ago.
        if (_choices.Next(ChoiceKind.Fault, 2) == 0) Restart(node);
    }

    private void Restart(SwarmNode node)
    {
        _hash.Add((int)Happening.Crash, node.Number | 0x80, _step);
        _tell?.Invoke($"{_step}: n{node.Number + 1} restarts");
        node.Restart();
        _promises.Restarted(node);
        After(node);
    }

    /// <summary>Everything is healed and up. Within the options' ticks a leader must be there and commit something new on all nodes.</summary>
    private void ComeToLife()
    {
        _network.HealAll();
        _network.FaultsAreOff = true;
        foreach (var node in _nodes)
            if (!node.IsUp) Restart(node);
        EntryId? goal = null;
        for (var tick = 0; tick < _options.LivenessTicksMax; tick++)
        {
            TickAll();
            LetAllArrive();
            if (_promises.FirstBroken() is not null) return;
            goal = ProposeToLeader(goal);
            if (goal is { } id && Array.TrueForAll(_nodes, n => n.Holds(id) && n.Applied >= id.Index)) return;
        }
        _violation ??= new SwarmViolation(
            "Liveness", _step, $"{_options.LivenessTicksMax} ticks after everything was healed nothing new is committed everywhere");
    }

    private void LetAllArrive()
    {
        // What is under way now and what follows from it, within reason: time goes on meanwhile.
        for (var i = 0; i < 200; i++)
        {
            _step++;
            var isIdle = true;
            foreach (var node in _nodes)
            {
                isIdle &= node.UnsyncedCount == 0;
                SyncDue(node);
            }
            if (!TryDeliverOne() && isIdle) return;
        }
    }

    /// <summary>One proposal per leader: what a deposed one accepted may be lost.</summary>
    private EntryId? ProposeToLeader(EntryId? before)
    {
        foreach (var node in _nodes)
        {
            if (!node.Core.IsLeader || node.Core.Term <= (before?.Term ?? Term.Zero)) continue;
            var result = node.Core.Propose(BitConverter.GetBytes(++_proposals));
            After(node);
            if (result is ProposeResult.Accepted accepted) return accepted.Id;
        }
        return before;
    }
}
