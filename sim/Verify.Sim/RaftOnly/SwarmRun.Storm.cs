using Verify.Raft;
using Verify.Sim.Scheduling;
using Happening = Verify.Sim.RaftOnly.SwarmWord;

namespace Verify.Sim.RaftOnly;

/// <summary>The directed strategy: rounds in which some of the nodes are together. What needs several leaders with logs that fork (Raft,
/// figure 8; changes of the members before the own-term barrier, Ongaro 2015) is rare under drawn steps and usual here.</summary>
internal sealed partial class SwarmRun
{
    private void Storm()
    {
        Calm(_options.ElectionTicks * 4);
        while (Goes) Round();
    }

    /// <summary>Everybody together for a while: a first leader.</summary>
    private void Calm(int ticks)
    {
        for (var i = 0; i < ticks && Goes && Leader() is null; i++)
        {
            Happen(Happening.Tick);
            for (var j = 0; j < 12 && Goes && _network.Count > 0; j++) Happen(Happening.Deliver);
        }
    }

    private void Round()
    {
        var together = DrawTogether();
        var before = Leader();
        // A leader that stays among its friends may go on; else somebody new has to come.
        var leader = before is not null && (together & SwarmQuorums.Bit(before.Number)) != 0 && _choices.Next(ChoiceKind.Fault, 3) == 0
            ? before : LeaderOf(together, before);
        if (leader is not null && Goes)
        {
            Command(leader, together);
            // Some of those who made it leader hear nothing of what it does.
            if (_choices.Next(ChoiceKind.Fault, 2) == 0) Cut(together & DrawCompany() | SwarmQuorums.Bit(leader.Number));
        }
        var messages = _choices.Next(ChoiceKind.Fault, 14);
        for (var i = 0; i < messages && Goes && _network.Count > 0; i++) Happen(Happening.Deliver);
        if (_options.CrashWeight > 0 && Goes && _choices.Next(ChoiceKind.Fault, 6) == 0) Happen(Happening.Crash);
    }

    private uint DrawTogether()
    {
        var together = 0u;
        do together = DrawCompany();
        while (System.Numerics.BitOperations.PopCount(together) < Math.Min(2, _nodes.Length));
        _counts.Partitions++;
        Cut(together);
        return together;
    }

    private uint DrawCompany() => (uint)_choices.Next(ChoiceKind.Fault, 1 << _nodes.Length);

    private void Cut(uint together) => Do(new(SwarmWord.Part) { Company = together, IsStep = false });

    /// <summary>Cuts the network so that these nodes hear each other and nobody else.</summary>
    private void Part(uint together)
    {
        _network.HealAll();
        _hash.Add((int)Happening.Partition, 0x80, together);
        for (var from = 0; from < _nodes.Length; from++)
        {
            for (var to = 0; to < _nodes.Length; to++)
                if (from != to && ((together >> from) & (together >> to) & 1) == 0) _network.Cut(from, to);
        }
        _tale?.Tell(_step, $"a round: the network is now {_network.Describe()}");
    }

    private SwarmNode? LeaderOf(uint together, SwarmNode? before)
    {
        var ticks = _options.ElectionTicks * 5;
        for (var i = 0; i < ticks && Goes; i++)
        {
            Happen(Happening.Tick);
            for (var j = 0; j < 16 && Goes && _network.Count > 0; j++)
            {
                Happen(Happening.Deliver);
                if (FreshLeader(together, before) is { } leader) return leader;
            }
            if (_choices.Next(ChoiceKind.Fault, 40) == 0 && Array.Find(_nodes, n => !n.IsUp) is { } down) Do(new(SwarmWord.RestartNode) { Node = down.Number, IsStep = false });
        }
        return null;
    }

    private SwarmNode? FreshLeader(uint together, SwarmNode? before)
    {
        foreach (var node in _nodes)
            if (node.IsUp && node.Core.IsLeader && node != before && (together & SwarmQuorums.Bit(node.Number)) != 0) return node;
        return null;
    }

    /// <summary>One or two things for a leader to do before anybody hears of it.</summary>
    private void Command(SwarmNode leader, uint together)
    {
        var commands = 1 + _choices.Next(ChoiceKind.Fault, 2);
        for (var i = 0; i < commands; i++)
        {
            switch (_choices.Next(ChoiceKind.Fault, 7))
            {
                case 0 when _options.MembersWeight > 0: Do(new(SwarmWord.MembersBy) { Node = leader.Number }); break;
                case 1 or 2 when _options.MembersWeight > 0: Do(SwarmDeed.Into(SwarmWord.ChangeInto, leader.Number, WithoutTheAbsent(leader, together), isStep: true)); break;
                case 3 when _options.SnapshotWeight > 0: Do(new(SwarmWord.SnapshotOf) { Node = leader.Number }); break;
                case 4 when _options.ReadWeight > 0: Do(new(SwarmWord.ReadFrom) { Node = leader.Number }); break;
                default: Do(new(SwarmWord.ProposeTo) { Node = leader.Number }); break;
            }
        }
    }

    /// <summary>What an operator would do: an absent voter goes, or a node that is no member comes.</summary>
    private Membership WithoutTheAbsent(SwarmNode leader, uint together)
    {
        var now = leader.Core.Membership;
        var at = _choices.Next(ChoiceKind.Fault, _nodes.Length);
        var comes = _choices.Next(ChoiceKind.Fault, 2) == 0;
        for (var i = 0; i < _nodes.Length; i++)
        {
            var node = _nodes[(at + i) % _nodes.Length];
            var id = node.Core.Self;
            if (comes && !now.Contains(id)) return now.WithVoter(id);
            if (!comes && now.Voters.Contains(id) && (together & SwarmQuorums.Bit(node.Number)) == 0) return now.Without(id);
        }
        return now;
    }

    private void Takeovers()
    {
        Calm(_options.ElectionTicks * 4);
        while (Goes)
        {
            Takeover();
            for (var i = _choices.Next(ChoiceKind.Fault, 3); i > 0 && Goes; i--) Round();
        }
    }

    /// <summary>The story of <see cref="SwarmStrategy.Takeover"/>; who hears how much is drawn.</summary>
    private void Takeover()
    {
        if (Leader() is not { } first)
        {
            Cut(~0u);
            Calm(_options.ElectionTicks * 4);
            return;
        }

        var own = SwarmQuorums.Bit(first.Number);
        var newcomer = Array.Find(_nodes, n => !first.Core.Membership.Contains(n.Core.Self));
        if (newcomer is null) return;
        Cut(own);
        Do(SwarmDeed.Into(SwarmWord.ChangeInto, first.Number, first.Core.Membership.WithVoter(newcomer.Core.Self), isStep: false));
        var others = SwarmQuorums.BitsOf(first.Core.Membership.Voters) & ~own & ~SwarmQuorums.Bit(newcomer.Number);
        Cut(others);
        if (LeaderOf(others, first) is not { } second) return;
        var heard = others & DrawCompany() | SwarmQuorums.Bit(second.Number);
        Cut(heard);
        Do(SwarmDeed.Into(SwarmWord.ChangeInto, second.Number, second.Core.Membership.Without(first.Core.Self), isStep: false));
        for (var i = 4 + _choices.Next(ChoiceKind.Fault, 16); i > 0 && Goes && _network.Count > 0; i--) Happen(Happening.Deliver);
        var rest = (others & ~heard) | own | SwarmQuorums.Bit(newcomer.Number);
        Cut(rest);
        LeaderOf(rest, second);
    }
}
