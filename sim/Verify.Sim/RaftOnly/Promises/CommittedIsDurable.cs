using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A committed entry is on the disks of a majority, and stays there: no crash of all nodes at once may lose it.</summary>
internal sealed class CommittedIsDurable(CommittedLog committed) : Promise
{
    public override string Name => "CommittedIsDurable";

    public void Committed(LogIndex index, SwarmNode[] nodes)
    {
        var id = committed[index];
        var holders = 0;
        foreach (var node in nodes)
            if (node.DiskHolds(id)) holders++;
        if (holders < Quorum.Majority(nodes.Length))
            Break(string.Create(CultureInfo.InvariantCulture, $"{id} is committed, but on {holders} of {nodes.Length} disks only"));
    }

    /// <summary>A disk replaced its log from this index on.</summary>
    public void Replaced(LogIndex from, SwarmNode[] nodes)
    {
        for (var index = from; index <= committed.Last; index = index.Next) Committed(index, nodes);
    }
}
