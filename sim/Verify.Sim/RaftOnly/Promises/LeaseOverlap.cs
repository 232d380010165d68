using System.Globalization;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>At most one node holds the leader's lease at any instant (Raft thesis §6.4.1): the fencing of data centres rests on it.</summary>
internal sealed class LeaseOverlap : Promise
{
    public override string Name => "LeaseOverlap";

    public void Observe(SwarmNode node, SwarmNode[] nodes)
    {
        if (!node.Core.HasLease) return;
        foreach (var other in nodes)
        {
            if (other == node || !other.IsUp || !other.Core.HasLease) continue;
            Break(string.Create(
                CultureInfo.InvariantCulture,
                $"n{node.Number + 1} (term {node.Core.Term}) and n{other.Number + 1} (term {other.Core.Term}) hold the lease at once"));
        }
    }
}
