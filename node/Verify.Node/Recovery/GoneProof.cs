using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>On the leader: the proof that a dead primary takes no writes before its lease has run out. A process that has ended is not open, and
/// nobody opens what is started in its place: its guardian has promised not to, and a server is believed only if it was seen to come up
/// read-only. That the process has ended is the word of its guardian, which its host refused twice after the guardian had heard of the recovery;
/// the guardian must stand in the server's data centre, where no proxy answers for the host.
/// <para>Should something refuse in the name of a server that lives (a firewall that resets, a server whose shutdown hangs), nothing is
/// lost all the same, which is why a durable policy must be in force: the steps that follow stop the fetching of all who may acknowledge, but
/// fewer than a commit needs, before anybody is chosen (<see cref="RelayLogDrain"/>, <see cref="RequiredPosition"/>), so whatever the old primary still
/// takes is acknowledged to nobody. A primary is revoked through its followers (Sougoumarane, "Consensus algorithms at scale", parts 4 to 6;
/// Vitess does so). Whatever is missing for this proof, the end of the lease is waited for.</para></summary>
internal sealed class GoneProof(INodeServices services, TopologyModel model, Guardian guardian, string cluster)
{
    private readonly Acknowledgers _acknowledgers = new(services, model);

    /// <param name="holder">Who guards the failed primary.</param>
    public string? Of(RecoveryRecord recovery, NodeId holder)
    {
        // An operator who forces a failover may do without the acknowledgers that this rests on.
        if (recovery.Kind != RecoveryKind.DeadPrimary || recovery.Analysis == OperatorRecoveries.ForcedFailover) return null;
        if (services.Clusters.FirstOrDefault(c => string.Equals(c.Alias, cluster, StringComparison.Ordinal)) is not { } spec) return null;
        var view = model.View(recovery.Failed);
        if (view.Look?.Details is not { AfterRestart: RestartState.Closed } || !_acknowledgers.HoldUpEveryCommit(spec, recovery.Failed)) return null;
        if (!GuardianChoice.IsNear(holder, view.DataCenter, services)) return null;
        if (view.MissesInRow == 0 || model.IsReachedByAnother(recovery.Failed, services.Now)) return null;
        var word = new GoneUnder(cluster, recovery.Failed, recovery.Id);
        var hasWord = holder == services.Config.Self ? guardian.Gone == word : model.HasWordOf(holder, word);
        return hasWord ? $"gone: its host refuses its guardian {holder}, which opens it no more; it comes up read-only" : null;
    }
}
