using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A node goes by the latest membership in its log, committed or not, and gives it up when that entry is cut off (thesis §4.1).</summary>
internal sealed class MembershipInForce : Promise
{
    public override string Name => "MembershipInForce";

    public void Observe(WatchedNode node)
    {
        var (says, log) = (node.Core.Membership, node.InForce);
        if (!ReferenceEquals(says, log) && !says.Equals(log))
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} goes by {says}; the latest in its log is {log} (at {node.Log.MembershipIndex})"));
    }
}

/// <summary>Two memberships that follow each other in a log cannot take decisions apart from each other (thesis §4.1; paper §6).</summary>
internal sealed class QuorumsOverlap : Promise
{
    public override string Name => "QuorumsOverlap";

    public void Appended(WatchedNode node, Membership start)
    {
        var (before, now) = (node.Log.MembershipBefore ?? start, node.InForce);
        if (!before.IsEmpty && !SwarmQuorums.Overlap(before, now))
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1}: after {before} comes {now}, and each has quorums without the other"));
    }
}
