using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>On the leader: the proof that a primary whose disk stands still takes no writes any more. It answers, so it is not silent; and it cannot be closed, since closing
/// waits for the commits that wait for the disk. Three things together do it:
/// <list type="bullet">
/// <item>Its lease is over, so its guardian opens it no more.</item>
/// <item>Its dead-man switch was armed. Nobody feeds it now, so the event inside the server has begun to close it and waits for those commits; whoever wants to write after
/// that waits for the closing (seen on MySQL 9.7.4, "Waiting for global read lock", and MariaDB 10.11, "Waiting for backup lock", with a frozen file system).</item>
/// <item>The commits that the disk lets through one day wait for acknowledgements, and the steps that follow stop the fetching of all who may give them, but fewer than a commit
/// needs, before anybody is chosen: they are acknowledged to nobody. A primary is revoked through its followers, as in <see cref="GoneProof"/>.</item>
/// </list></summary>
internal sealed class StalledProof(INodeServices services, TopologyModel model)
{
    private readonly Acknowledgers _acknowledgers = new(services, model);

    /// <summary>Why a failover from this primary could not prove that it takes no writes; null: it could.</summary>
    public Skip? Objection(ClusterSpec spec, InstanceKey primary)
    {
        if (!_acknowledgers.HoldUpEveryCommit(spec, primary))
            return new("disk_stalled", $"the disk of {primary} stands still, and its commits do not wait for replicas (Durability), so nobody could say that those under way are not acknowledged later; free its disk or end its host");
        if (!services.Fencing.IsArmed(spec.Alias, primary))
            return new("disk_stalled", $"the disk of {primary} stands still, and its dead-man switch is not armed, so nobody could say that it closes; free its disk or end its host");
        return null;
    }

    /// <summary>Null: not proved this way. The lease must be over.</summary>
    public string? Of(RecoveryRecord recovery)
    {
        if (recovery.Kind != RecoveryKind.DeadPrimary || !string.Equals(recovery.Analysis, nameof(DiagnosisCode.DiskStalledMaster), StringComparison.Ordinal)) return null;
        var spec = services.Clusters.FirstOrDefault(c => string.Equals(c.Alias, recovery.Cluster, StringComparison.Ordinal));
        return spec is not null && Objection(spec, recovery.Failed) is null
            ? "its lease has certainly run out, its dead-man switch is closing it, and what its disk still lets through is acknowledged to nobody" : null;
    }
}
