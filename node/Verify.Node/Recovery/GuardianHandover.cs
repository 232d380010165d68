using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>On the leader: gives an open primary another guardian when the present one is silent, before its lease is out and its dead-man
/// switch closes it; and gives it back to a node in its own data centre. Without a switch that works, only a node of the server's data
/// centre may guard it, because only that one could close it when the data centre is cut off. A primary that is closed already, because its guardian died
/// before it opened it or nobody led in time, gets another one of its data centre once its lease has certainly run out: that is sooner than a failover,
/// and there may be nobody to fail over to.</summary>
internal sealed class GuardianHandover(INodeServices services, Leadership leadership, TopologyModel model, LeaseWatch leases, string cluster)
{
    /// <summary>A node that came back guards again after it was heard for so long.</summary>
    private static readonly TimeSpan StableAfter = TimeSpan.FromSeconds(5);

    private bool _isAsking;
    private NodeId? _nearby;
    private TimeSpan _nearbySince;

    public void Look()
    {
        if (!leadership.IsHeld || _isAsking || services.Ha.Cluster(cluster) is not { OpenRecovery: null } ledger) return;
        var isOpen = IsSeenOpen(ledger);
        if (!isOpen && !IsLetGo(ledger)) return;
        var guardian = new NodeId(ledger.Guardian);
        var near = GuardianChoice.Near(model.View(ledger.Primary).DataCenter, services, model);
        if (_nearby != near) (_nearby, _nearbySince) = (near, services.Now);
        if (GuardianChoice.IsHeard(guardian, services, model))
        {
            var isNear = GuardianChoice.IsNear(guardian, model.View(ledger.Primary).DataCenter, services);
            if (isOpen && !isNear && near is { } home && services.Now - _nearbySince >= StableAfter) Ask(ledger, home);
        }
        else if (near is { } other && other != guardian)
        {
            Ask(ledger, other);
        }
        else if (isOpen && services.Fencing.IsArmed(cluster, ledger.Primary) && guardian != services.Config.Self)
        {
            Ask(ledger, services.Config.Self);
        }
    }

    /// <summary>Open, and nothing under way: the first lease was held, so nobody's opening statement can still be on its way.</summary>
    private bool IsSeenOpen(ClusterLedger ledger)
    {
        var view = model.View(ledger.Primary);
        return ledger.LastRenewal > 0 && view is { IsAnswering: true, Facts.KeepsUsersOut: false }
            && view.HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax);
    }

    /// <summary>Closed, and nobody can hold its lease any more, so nobody can open it either.</summary>
    private bool IsLetGo(ClusterLedger ledger)
    {
        var view = model.View(ledger.Primary);
        return ledger is not { IsAdopted: true, LastRenewal: 0 } && services.Now >= leases.CertainEnd(cluster) && !leases.MayFormerHold(cluster)
            && view is { IsAnswering: true, Facts.KeepsUsersOut: true } && view.HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax);
    }

    private void Ask(ClusterLedger ledger, NodeId guardian)
    {
        var command = new HaCommand.ChangeGuardian(cluster, ledger.Primary, guardian.Name, ledger.Token);
        if (services.ObjectionTo(new Command.Ha(command)) is not null) return;
        _isAsking = true;
        RecoveryLog.GuardianChanges(services.Log, cluster, ledger.Primary, guardian, ledger.Guardian);
        services.Submit(command, result =>
        {
            _isAsking = false;
            if (result is not CommandResult.Done) RecoveryLog.NotAccepted(services.Log, cluster, command, result);
        });
    }
}
