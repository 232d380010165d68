using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>The leader of a term has every entry of that term (etcd-raft's TLA+ specification, ElectionSafetyInv): nobody else makes any.</summary>
internal sealed class ElectionSafety : Promise
{
    public override string Name => "ElectionSafety";

    public void Appended(WatchedNode node, Entry last, WatchedNode[] nodes)
    {
        foreach (var leader in nodes)
        {
            if (leader == node || !leader.IsUp || !leader.Core.IsLeader || leader.Core.Term != last.Term) continue;
            if (leader.Core.Last.Index < last.Index)
                Break(string.Create(
                    CultureInfo.InvariantCulture, $"n{node.Number + 1} has {last.Id}, which n{leader.Number + 1}, leader of term {last.Term}, has not: its log ends with {leader.Core.Last}"));
        }
    }
}
