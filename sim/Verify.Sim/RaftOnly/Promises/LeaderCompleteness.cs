using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>Leader Completeness (Raft paper, figure 3): what was committed in a term is in the log of every later leader.</summary>
internal sealed class LeaderCompleteness(CommittedLog committed) : Promise
{
    public override string Name => "LeaderCompleteness";

    public void Elected(WatchedNode leader)
    {
        for (var index = new LogIndex(1); index <= committed.Last; index = index.Next) Check(leader, index);
    }

    /// <summary>An old leader may learn late that an entry is committed; the present one must have it all the same.</summary>
    public void Committed(LogIndex index, WatchedNode[] nodes)
    {
        foreach (var node in nodes)
            if (node.IsUp && node.Core.IsLeader) Check(node, index);
    }

    private void Check(WatchedNode leader, LogIndex index)
    {
        var id = committed[index];
        if (committed.CommittedIn(index) >= leader.Core.Term || leader.Holds(id)) return;
        Break(string.Create(CultureInfo.InvariantCulture, $"n{leader.Number + 1} leads term {leader.Core.Term} without the committed entry {id}"));
    }
}
