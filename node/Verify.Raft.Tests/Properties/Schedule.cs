using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Properties;

/// <summary>Turns a number into one thing that happens to a group. 0 is the tamest.</summary>
internal sealed class Schedule(TestGroup group, bool changesMembers = false)
{
    public void Do(int step)
    {
        var kinds = changesMembers ? 42 : 32;
        var (kind, at) = (step % kinds, step / kinds);
        var node = group.Nodes.ElementAt(at % group.Ids.Length);
        switch (kind)
        {
            case < 6: TickEverybody(at); break;
            case < 18: Deliver(at); break;
            case < 20: group.Work(); break;
            case < 22: node.TakeWork(group.Send); break;
            case < 24: node.SyncOne(group.Send); break;
            case < 27: Propose(at); break;
            case 27: Lose(at); break;
            case 28: Duplicate(at); break;
            case 29: Cut(at, node); break;
            case 30: group.Heal(); break;
            case 31: CrashOrRestart(node); break;
            case < 36: ChangeMembers(at); break;
            case < 38: node.FreezeSnapshot(); break;
            case < 40: node.FinishSnapshot(); break;
            case 40: Leader?.Core.TransferLeadership(node.Id); break;
            default: group.Snapshot(node.Id.Name); break;
        }
        if (kind < 6) group.Work();
    }

    private TestNode? Leader => group.Nodes.FirstOrDefault(n => n.IsUp && n.Core.IsLeader);

    private void TickEverybody(int at)
    {
        // A few ticks at once, and another patience for each: elections would be rare otherwise.
        foreach (var id in group.Ids) group.Patience[id] = (at + (7 * id.Name[1])) % 10;
        for (var i = 0; i <= at % 4; i++)
            foreach (var node in group.Nodes.Where(n => n.IsUp)) node.Core.Tick();
    }

    private void Deliver(int at)
    {
        // A few at once; mostly the oldest, sometimes any.
        for (var i = 0; i <= at % 5 && group.Network.Count > 0; i++)
        {
            group.Deliver(group.Network[at % 4 > 0 ? 0 : at % group.Network.Count]);
            group.Work();
        }
    }

    private void Lose(int at)
    {
        if (group.Network.Count > 0) group.Network.RemoveAt(at % group.Network.Count);
    }

    private void Duplicate(int at)
    {
        if (group.Network.Count > 0) group.Network.Add(group.Network[at % group.Network.Count]);
    }

    private void Propose(int at) => Leader?.Core.Propose(BitConverter.GetBytes(at));

    /// <summary>One member in, out, up or down; or a group of any voters at once. Any leader is asked, deposed or not.</summary>
    private void ChangeMembers(int at)
    {
        var leaders = group.Nodes.Where(n => n.IsUp && n.Core.IsLeader).ToArray();
        if (leaders.Length == 0) return;
        var core = leaders[at % leaders.Length].Core;
        var (members, id) = (core.Membership with { Outgoing = [] }, group.Ids[at / 3 % group.Ids.Length]);
        var target = (at / 16 % 4) switch
        {
            0 => Toggled(members, id),
            1 when members.IsVoter(id) => members.Without(id),
            1 => members.WithVoter(id),
            2 when members.IsVoter(id) => members.Demoted(id),
            2 => members.WithLearner(id, Contact.Unknown),
            _ => Membership.OfVoters(group.Ids.Where((_, i) => (at >> i & 1) == 1)),
        };
        core.ChangeMembership(target);
    }

    private static Membership Toggled(Membership members, NodeId id)
    {
        if (members.IsLearner(id)) return members.WithVoter(id);
        return members.IsVoter(id) ? members.Without(id) : members.WithLearner(id, Contact.Unknown);
    }

    private void Cut(int at, TestNode node)
    {
        var other = group.Ids[at / 7 % group.Ids.Length];
        if (at % 3 == 0 && other != node.Id) group.Cuts.Add((node.Id, other));
        else group.Cut(node.Id.Name);
    }

    private static void CrashOrRestart(TestNode node)
    {
        if (node.IsUp) node.Crash();
        else node.Restart();
    }
}
