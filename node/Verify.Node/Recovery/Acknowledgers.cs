using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Which servers of a cluster are to acknowledge the commits of its primary under the durability policy. Looks only.</summary>
internal sealed class Acknowledgers(INodeServices services, TopologyModel model)
{
    /// <summary>Below this primary the server must have the replica's half of semi-sync on. An operator takes one out with
    /// DetectSemiSyncEnforcedQuery.</summary>
    public bool IsExpected(ClusterSpec spec, Instance instance, InstanceKey primary)
    {
        if (instance.Key == primary || model.View(instance.Key).Look?.Detected.SemiSyncEnforced == "0") return false;
        return spec.Durability.Policy switch
        {
            DurabilityPolicy.SemiSync => true,
            DurabilityPolicy.CrossDc => spec.Instances.FirstOrDefault(i => i.Key == primary) is { } source
                && !string.Equals(source.DataCenter, instance.DataCenter, StringComparison.Ordinal),
            _ => false,
        };
    }

    /// <summary>The replica's half as it must be below the agreed primary; null: nobody's business (no durable policy, or no primary yet).</summary>
    public bool? Wanted(InstanceKey replica)
    {
        if (services.Clusters.FirstOrDefault(c => c.SemiSync && c.Instances.Any(i => i.Key == replica)) is not { } spec) return null;
        return services.Ha.Cluster(spec.Alias) is { } ledger ? IsExpected(spec, spec.Instances.First(i => i.Key == replica), ledger.Primary) : null;
    }

    /// <summary>As the primary was seen last: no commit of its goes on without its acknowledgements, however long that takes.</summary>
    public bool HoldUpEveryCommit(ClusterSpec spec, InstanceKey primary) =>
        spec.SemiSync && model.View(primary).Look?.Details is { SemiSyncSourceEnabled: true, SemiSyncTimeoutMs: >= Statement.SetSemiSyncPatience.ForeverMs } details
        && details.SemiSyncWaitFor >= WaitedFor(spec, primary);

    /// <summary>All that may have acknowledged a commit of this primary: those that are to, and those that were seen to be able to. A server
    /// that was set aside follows nobody.</summary>
    public ImmutableArray<Instance> Of(ClusterSpec spec, InstanceKey primary)
    {
        var ledger = services.Ha.Cluster(spec.Alias);
        return [.. spec.Instances.Where(i => i.Key != primary && ledger?.AsideOf(i.Key) is null && (IsExpected(spec, i, primary) || IsSeenOn(i.Key)))];
    }

    /// <summary>Acknowledgements that a commit of this primary certainly waited for: what was seen counts when it is less than what is configured.</summary>
    public int WaitedFor(ClusterSpec spec, InstanceKey primary) =>
        model.View(primary).Look?.Details.SemiSyncWaitFor is > 0 and var seen ? Math.Min(seen, spec.Durability.Acknowledgements) : spec.Durability.Acknowledgements;

    private bool IsSeenOn(InstanceKey instance) => model.View(instance).Look?.Details.SemiSyncReplicaEnabled ?? false;
}
