using Verify.Raft;
using Verify.Sim.Scheduling;
using Happening = Verify.Sim.RaftOnly.SwarmWord;

namespace Verify.Sim.RaftOnly;

/// <summary>What goes wrong in a schedule.</summary>
internal sealed partial class SwarmRun
{
    private void ChangePartition()
    {
        _network.HealAll();
        var shape = _choices.Next(ChoiceKind.Fault, 8);
        _hash.Add((int)Happening.Partition, shape, _step);
        switch (shape)
        {
            case 0: break; // Healed.
            case 1 or 2: Isolate(Somebody().Number); break;
            case 3: Isolate(_choices.Next(ChoiceKind.Fault, _nodes.Length)); break;
            case 4: Pair(); break;
            case 5: Ring(); break;
            case 6: Bridge(_choices.Next(ChoiceKind.Fault, _nodes.Length)); break;
            default: Halves(); break;
        }
        if (shape != 0) _counts.Partitions++;
        _tale?.Tell(_step, $"the network is now {_network.Describe()}");
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
        if (_nodes.Length < 2) return;
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

    /// <summary>A chain: each node hears its two neighbours only.</summary>
    private void Ring()
    {
        for (var one = 0; one < _nodes.Length; one++)
            for (var other = one + 2; other < _nodes.Length; other++)
                if (one != 0 || other != _nodes.Length - 1) CutBoth(one, other);
    }

    private void CutBoth(int one, int other)
    {
        _network.Cut(one, other);
        _network.Cut(other, one);
    }

    /// <summary>Two halves that hear each other only through one node, which hears all.</summary>
    private void Bridge(int bridge)
    {
        var half = (_nodes.Length - 1) / 2;
        for (var i = 1; i <= half; i++)
            for (var j = half + 1; j < _nodes.Length; j++)
                CutBoth((bridge + i) % _nodes.Length, (bridge + j) % _nodes.Length);
    }

    private void CrashOrRestart()
    {
        var node = _nodes[_choices.Next(ChoiceKind.Fault, _nodes.Length)];
        if (!node.IsUp)
        {
            Restart(node);
            return;
        }
        Crash(node);
        // Half of all crashes are followed by a restart at once: the node has forgotten what it was told a moment ago.
        if (_choices.Next(ChoiceKind.Fault, 2) == 0) Restart(node);
    }

    private void Crash(SwarmNode node)
    {
        _counts.Crashes++;
        _tale?.Tell(_step, $"n{node.Number + 1} crashes with {node.Disk.UnsyncedCount} writes not synced");
        _hash.Add((int)Happening.Crash, node.Number, _step);
        _timeline?.Saw(node.Number, CrashKind, StateOf(node));
        _network.SetDown(node.Number, isDown: true);
        var kept = _choices.Next(ChoiceKind.Fault, node.Disk.UnsyncedCount + 1);
        _promises.DiskReplaced(node.Crash(kept, keepsPieces: _choices.Next(ChoiceKind.Fault, 2) == 0));
        // Its connections break, which whoever is not cut off from it is told.
        foreach (var other in _nodes)
            if (other.IsUp && !_network.IsCut(node.Number, other.Number)) other.Core.LinkLost(node.Core.Self);
    }

    private void Restart(SwarmNode node)
    {
        _hash.Add((int)Happening.Crash, node.Number | 0x80, _step);
        _timeline?.Saw(node.Number, RestartKind, StateOf(node));
        _tale?.Tell(_step, $"n{node.Number + 1} restarts");
        _network.SetDown(node.Number, isDown: false);
        node.Restart();
        _promises.Restarted(node);
        After(node);
    }

    private void Stall()
    {
        var node = _nodes[_choices.Next(ChoiceKind.Fault, _nodes.Length)];
        if (!node.IsUp) return;
        var steps = 10 + _choices.Next(ChoiceKind.Delay, 90);
        node.Disk.Stall(steps);
        _hash.Add((int)Happening.Stall, node.Number, steps);
        _tale?.Tell(_step, $"n{node.Number + 1}'s disk stands still for {steps} steps");
    }

    /// <summary>Everything reaches one node late, or no longer; sometimes it is also not heard.</summary>
    private void Lag()
    {
        var node = Somebody();
        var ticks = _choices.Next(ChoiceKind.Delay, _options.ElectionTicks + 1);
        _network.SetLag(node.Number, ticks);
        _hash.Add((int)Happening.Lag, node.Number, ticks);
        if (_choices.Next(ChoiceKind.Fault, 2) == 0)
            foreach (var other in _nodes)
                if (other != node) _network.Cut(node.Number, other.Number);
        _tale?.Tell(_step, $"n{node.Number + 1} hears everything {ticks} ticks late; the network is now {_network.Describe()}");
    }
}
