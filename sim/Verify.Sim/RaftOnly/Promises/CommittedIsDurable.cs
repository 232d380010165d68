using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A committed entry is on the disks of a majority of the membership that committed it, and stays on a majority of that or of a
/// later one: no crash of all nodes at once may lose it. A damaged disk counts as one that holds it: its node owes it, and the group counts
/// on the others.</summary>
internal sealed class CommittedIsDurable(CommittedLog committed) : Promise
{
    public override string Name => "CommittedIsDurable";

    public void Committed(LogIndex index, WatchedNode[] nodes)
    {
        var (holders, by) = (HoldersOf(committed[index], nodes), committed.CommittedBy(index));
        if (SwarmQuorums.IsQuorum(by, holders)) return;
        Membership? before = null;
        for (var later = index.Next; later <= committed.Last; later = later.Next)
        {
            var membership = committed.CommittedBy(later);
            if (ReferenceEquals(membership, before)) continue;
            if (SwarmQuorums.IsQuorum(membership, holders)) return;
            before = membership;
        }
        Break(string.Create(
            CultureInfo.InvariantCulture, $"{committed[index]} is committed, but on {SwarmQuorums.Count(by, holders)} disks only"));
    }

    /// <summary>A disk replaced its log from this index on.</summary>
    public void Replaced(LogIndex from, WatchedNode[] nodes)
    {
        for (var index = from; index <= committed.Last; index = index.Next) Committed(index, nodes);
    }

    private static uint HoldersOf(EntryId id, WatchedNode[] nodes)
    {
        var holders = 0u;
        foreach (var node in nodes)
            if (node.IsDamaged || node.DiskHolds(id)) holders |= SwarmQuorums.Bit(node.Number);
        return holders;
    }
}
