using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Properties;

/// <summary>Turns a number into one thing that happens to a group. 0 is the tamest.</summary>
internal sealed class Schedule(TestGroup group)
{
    public void Do(int step)
    {
        var (kind, at) = (step % 32, step / 32);
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
            default: CrashOrRestart(node); break;
        }
        if (kind < 6) group.Work();
    }

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

    private void Propose(int at)
    {
        var leader = group.Nodes.FirstOrDefault(n => n.IsUp && n.Core.IsLeader);
        leader?.Core.Propose(BitConverter.GetBytes(at));
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
