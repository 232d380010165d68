using Verify.Raft;
using Verify.Sim.Scheduling;
using Happening = Verify.Sim.RaftOnly.SwarmWord;

namespace Verify.Sim.RaftOnly;

/// <summary>The end of a schedule: everything is healed and up, and the group must live; then, with one fault that stays, live on.</summary>
internal sealed partial class SwarmRun
{
    private const int LeaderChangesMax = 2;
    private const int TermsMax = 4;
    private const string Live = "Live";

    private void ComeToLife()
    {
        _network.HealAll();
        _network.FaultsAreOff = true;
        foreach (var node in _nodes)
            if (!node.IsUp) Restart(node);
        if (!CommitsEverywhere(_options.LivenessTicksMax, Group))
        {
            _violation ??= FirstBroken() ?? new SwarmViolation(
                Live, _step, $"{_options.LivenessTicksMax} ticks after everything was healed nothing new is committed everywhere");
            return;
        }
        _counts.Revivals++;
        if (_violation is null) LiveOn();
    }

    /// <summary>The members of the group, as the leader of the latest term sees them; null while there is no leader, or a change is not over.</summary>
    private SwarmNode[]? Group()
    {
        if (Leader() is not { } leader || leader.InForce.IsJoint) return null;
        return [.. leader.InForce.All.Select(id => _nodes[SwarmNames.NumberOf(id)])];
    }

    private SwarmNode? Leader() => _nodes.Where(n => n.IsUp && n.Core.IsLeader).MaxBy(n => n.Core.Term);

    /// <summary>Lets time pass until something that was proposed after the beginning is applied on all of these.</summary>
    private bool CommitsEverywhere(int ticksMax, Func<SwarmNode[]?> group)
    {
        EntryId? goal = null;
        for (var tick = 0; tick < ticksMax; tick++)
        {
            TickAll();
            LetAllArrive();
            if (_promises.FirstBroken() is not null) return true;
            goal = ProposeToLeader(goal);
            if (goal is { } id && group() is { } nodes && Array.TrueForAll(nodes, n => n.Holds(id) && n.Applied >= id.Index)) return true;
        }
        return false;
    }

    /// <summary>A fault that stays must not keep the others from working, nor may nodes that were removed: leaders and terms change a
    /// few times at the most after the group has had time to get used to it.</summary>
    private void LiveOn()
    {
        if (Group() is not { } group || Leader() is not { } leader) return;
        var voters = group.Where(n => leader.InForce.IsVoter(n.Core.Self)).ToArray();
        var fault = voters.Length < 3 ? LastingFault.None : _options.Lasting;
        var victim = voters.Length == 0 ? null : voters[_choices.Next(ChoiceKind.Fault, voters.Length)];
        // Who leads now is the harder victim half of the time.
        if (_choices.Next(ChoiceKind.Fault, 2) == 0 && voters.Contains(leader)) victim = leader;
        Impose(fault, victim, voters);
        var ticks = 30 * _options.ElectionTicks;
        Pass(ticks);
        var (elections, term) = (_promises.Elections, HighestTerm());
        Pass(ticks);
        var (changes, terms) = (_promises.Elections - elections, HighestTerm() - term);
        if (changes > LeaderChangesMax || terms > TermsMax)
            Dies($"with {fault} n{victim?.Number + 1} there were {changes} elections and {terms} new terms within {ticks} ticks");
        if (_promises.FirstBroken() is not null) return;
        var working = fault is LastingFault.Deaf or LastingFault.Mute ? voters.Where(n => n != victim).ToArray() : voters;
        if (!CommitsEverywhere(ticks, () => Quorum(working, leader)))
            Dies($"with {fault} n{victim?.Number + 1} nothing new is committed within {ticks} ticks");
    }

    private void Dies(string how) => _violation ??= FirstBroken() ?? new SwarmViolation(Live, _step, how);

    /// <summary>Those of the nodes that are furthest; enough of them for a quorum.</summary>
    private static SwarmNode[] Quorum(SwarmNode[] working, SwarmNode before)
    {
        var needed = (before.InForce.Voters.Length / 2) + 1;
        return [.. working.OrderByDescending(n => n.Applied).Take(needed)];
    }

    private long HighestTerm() => _nodes.Max(n => n.Core.Term.Value);

    private void Pass(int ticks)
    {
        for (var tick = 0; tick < ticks && _promises.FirstBroken() is null; tick++)
        {
            TickAll();
            LetAllArrive();
        }
    }

    private void Impose(LastingFault fault, SwarmNode? victim, SwarmNode[] voters)
    {
        if (victim is null) return;
        _hash.Add((int)Happening.Partition, (int)fault, victim.Number);
        foreach (var other in _nodes)
        {
            if (other == victim) continue;
            if (fault == LastingFault.Deaf) _network.Cut(other.Number, victim.Number);
            if (fault == LastingFault.Mute) _network.Cut(victim.Number, other.Number);
        }
        if (fault == LastingFault.Bridge) BridgeAt(victim, voters);
        _tale?.Tell(_step, $"from now on {fault} n{victim.Number + 1}: the network is {_network.Describe()}");
    }

    private void BridgeAt(SwarmNode bridge, SwarmNode[] voters)
    {
        var others = voters.Where(n => n != bridge).ToArray();
        for (var i = 0; i < others.Length / 2; i++)
            for (var j = others.Length / 2; j < others.Length; j++) CutBoth(others[i].Number, others[j].Number);
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
                isIdle &= node.IsIdle;
                DiskDue(node);
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
