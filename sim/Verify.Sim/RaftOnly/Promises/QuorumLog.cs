using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What a node knows to be committed is in the log of somebody in every quorum of the membership that this node goes by
/// (etcd-raft's TLA+ specification, QuorumLogInv): no election can pass it by.</summary>
internal sealed class QuorumLog : Promise
{
    public override string Name => "QuorumLog";

    /// <summary>What a leader counts a follower for, the follower's disk holds; unless it has followed a later leader since.</summary>
    public void Matches(WatchedNode leader, WatchedNode follower, LogIndex match)
    {
        if (match == LogIndex.Zero || !follower.IsUp || follower.IsDamaged || follower.Core.Term != leader.Core.Term || leader.Log.IdAt(match) is not { } id) return;
        if (!follower.DiskHolds(id))
            Break(string.Create(CultureInfo.InvariantCulture, $"n{leader.Number + 1} counts on n{follower.Number + 1} for {id}, which is not on its disk"));
    }

    public void Committed(WatchedNode knower, EntryId id, WatchedNode[] nodes)
    {
        var without = 0u;
        foreach (var node in nodes)
            if (!node.IsDamaged && (node.IsUp ? !node.Holds(id) : !node.DiskHolds(id))) without |= SwarmQuorums.Bit(node.Number);
        if (SwarmQuorums.IsQuorum(knower.InForce, without))
            Break(string.Create(
                CultureInfo.InvariantCulture, $"n{knower.Number + 1} knows {id} as committed; {SwarmQuorums.Count(knower.InForce, without)} voters lack it"));
    }
}
