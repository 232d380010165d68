using System.Collections.Immutable;
using System.Text;
using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Topology;

/// <summary>A member as a possible observer.</summary>
internal readonly record struct Observer(NodeId Id, string DataCenter, bool IsHeard);

/// <summary>Which servers this node looks at (<see cref="ProbingMode"/>).</summary>
internal sealed class Observers(INodeServices services, TopologyModel model)
{
    /// <summary>A member that told nothing for so many report intervals is silent: its servers get another observer.</summary>
    private const int MissedReportsMax = 4;

    public bool IsWanted(Instance instance)
    {
        if (services.Config.Discovery.Probing == ProbingMode.All) return true;
        var self = services.Config.Self;
        if (services.Raft.Leader == self || IsPrimary(instance.Key)) return true;
        var since = services.Now - (MissedReportsMax * services.Config.Timing.ReportInterval);
        var members = LiveMembers.Of(services.Raft.Membership, services.Config).Select(m => new Observer(m.Id, m.DataCenter, model.HasHeard(m.Id, since)));
        return Of(instance, [.. members], services.Raft.Leader).Contains(self);
    }

    private bool IsPrimary(InstanceKey instance)
    {
        foreach (var ledger in services.Ha.Clusters)
            if (ledger.Primary == instance) return true;
        return false;
    }

    /// <summary>Who looks at a server that is no primary: the leader, who decides; the first member of the server's data centre, who closes
    /// it when it comes back open; and of the others by the hash of both names (rendezvous hashing, Thaler and Ravishankar 1998) so many that there
    /// are two besides the leader, in different data centres where there are such. The same on every node that hears the same
    /// members; where nodes differ in that, a server has an observer more. Pure.</summary>
    public static ImmutableSortedSet<NodeId> Of(Instance instance, ImmutableArray<Observer> members, NodeId? leader)
    {
        var heard = members.Where(static m => m.IsHeard).ToArray();
        var chosen = new List<Observer>();
        var near = heard.Where(m => string.Equals(m.DataCenter, instance.DataCenter, StringComparison.Ordinal)).OrderBy(static m => m.Id).Take(1);
        chosen.AddRange(near);
        var others = heard.Where(m => m.Id != leader && !chosen.Exists(c => c.Id == m.Id))
            .OrderBy(m => Fnv1A.Of(Encoding.UTF8.GetBytes($"{m.Id.Name}/{instance.Key}"))).ThenBy(static m => m.Id).ToList();
        while (chosen.Count(c => c.Id != leader) < 2 && others.Count > 0)
        {
            var next = others.Find(o => !chosen.Exists(c => string.Equals(c.DataCenter, o.DataCenter, StringComparison.Ordinal)));
            if (next == default) next = others[0];
            others.Remove(next);
            chosen.Add(next);
        }

        var ids = chosen.Select(static c => c.Id);
        return [.. leader is { } l ? ids.Append(l) : ids];
    }
}
