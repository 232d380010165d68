using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Why a cluster's primary takes no writes at the moment, for those who ask whether they may write.</summary>
internal sealed class ClosedReason(INodeServices services, TopologyModel model, LeaseWatch leases)
{
    /// <summary>Null: nothing says that it is closed. Of a cluster that is only looked at nothing is known.</summary>
    public string? Of(string cluster)
    {
        if (services.Clusters.FirstOrDefault(c => string.Equals(c.Alias, cluster, StringComparison.Ordinal)) is not { IsManaged: true }) return null;
        if (services.Ha.Cluster(cluster) is not { } ledger) return $"no primary is agreed for {cluster} yet";
        if (ledger.OpenRecovery is { } recovery) return $"recovery {recovery.Id} of {cluster} is open ({recovery.Analysis} of {recovery.Failed})";
        if (services.Config.FencingEnabled && services.Now >= leases.CertainEnd(cluster)) return $"the primary {ledger.Primary} is fenced: nobody holds its write lease";
        var view = model.View(ledger.Primary);
        var since = services.Now - services.Config.Timing.ObservationAgeMax;
        return view.HasFactsSince(since) && view.Facts!.KeepsUsersOut ? $"the primary {ledger.Primary} is read-only" : null;
    }
}
