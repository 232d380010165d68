using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>On the leader, under a durable policy: both halves of semi-sync are as they must be, or are set so. A replica that is to
/// acknowledge does, also the ones that a primary needs whose commits are locked; a primary waits for ever and for enough of them. Durability
/// is never lowered: when nobody can acknowledge, commits go on waiting.</summary>
internal sealed class SemiSyncWatch(
    INodeServices services, Leadership leadership, TopologyModel model, LoopTurn turn, IServerDoor door, LiveCluster spec)
{
    private readonly Acknowledgers _acknowledgers = new(services, model);
    private readonly RecoveryRules _rules = new(services, model);
    private readonly ServerRepairs _repairs = new(services, leadership, model, turn, door, spec.Alias);

    /// <summary>What one server needs, and why.</summary>
    private sealed record Repair(InstanceKey Server, string Why, ImmutableArray<Statement> Statements);

    private bool IsExact => services.Config.Analysis.EnforceExactSemiSyncReplicas;

    public void Look()
    {
        if (!leadership.IsHeld || !spec.IsManaged || !spec.Spec.SemiSync) return;
        if (services.Ha.Cluster(spec.Alias) is not { OpenRecovery: null, LastRenewal: > 0 } ledger) return;
        if (ForPrimary(ledger) is { } atPrimary) Begin(atPrimary, ledger);
        var wanted = Acknowledging(ledger);
        foreach (var instance in spec.Instances)
        {
            if (instance.Key != ledger.Primary && ledger.AsideOf(instance.Key) is null && ForReplica(instance, ledger, wanted) is { } repair) Begin(repair, ledger);
        }
    }

    private Repair? ForPrimary(ClusterLedger ledger)
    {
        if (_repairs.Fresh(ledger.Primary) is not { Facts.IsReadOnly: false, Look.Details: { } details } view) return null;
        var needed = view.Version.Flavor == Flavor.MariaDb ? 1 : spec.Durability.Acknowledgements;
        var why = details switch
        {
            { SemiSyncSourceEnabled: false } => "it does not wait for replicas",
            { SemiSyncTimeoutMs: < Statement.SetSemiSyncPatience.ForeverMs } => $"it goes on without a replica after {details.SemiSyncTimeoutMs} ms",
            _ when details.SemiSyncWaitFor < needed => $"it waits for {details.SemiSyncWaitFor} acknowledgements of {needed}",
            _ => null,
        };
        return why is null ? null : new(ledger.Primary, why, [new Statement.SetSemiSyncPatience(needed), new Statement.SetSemiSync(On: true)]);
    }

    private Repair? ForReplica(Instance instance, ClusterLedger ledger, ImmutableArray<InstanceKey> wanted)
    {
        if (_repairs.Fresh(instance.Key) is not { Facts.IsReadOnly: true, Replica: { SqlThread: not ThreadState.Stopped } status, Look.Details: { } details } view) return null;
        if (details.SemiSyncSourceEnabled) return new(instance.Key, "its applier would wait for replicas of its own", [new Statement.SetSemiSync(On: false)]);
        var isWanted = wanted.Contains(instance.Key);
        var isIdle = isWanted && details is { SemiSyncReplicaEnabled: true, SemiSyncReplicaStatus: false }
            && view.Source == ledger.Primary && status.IoThread == ThreadState.Running && model.View(ledger.Primary).Look?.Details.SemiSyncSourceEnabled == true;
        if (details.SemiSyncReplicaEnabled == isWanted && !isIdle) return null;
        var why = isIdle ? "it has not connected since it was to acknowledge"
            : !isWanted ? IsExact ? "enough others acknowledge" : "it is not to acknowledge by the policy"
            : IsLocked(ledger) ? $"LockedSemiSyncMaster: commits of {ledger.Primary} wait for acknowledgements" : "it does not acknowledge";

        // Only the fetching thread connects anew. MariaDB would drop the relay log if the applier were stopped, too.
        ImmutableArray<Statement> reconnect = status.IoThread == ThreadState.Stopped ? [] : [new Statement.StopReplica(OnlyIoThread: true), new Statement.StartReplica()];
        return new(instance.Key, why, [new Statement.SetSemiSyncReplica(isWanted), .. reconnect]);
    }

    /// <summary>All that may, or, when an exact number is asked for, so many of the healthy ones: those that do already, then by promotion
    /// rule, then by name.</summary>
    private ImmutableArray<InstanceKey> Acknowledging(ClusterLedger ledger)
    {
        var all = spec.Instances.Where(i => ledger.AsideOf(i.Key) is null && _acknowledgers.IsExpected(spec.Spec, i, ledger.Primary)).Select(i => i.Key);
        if (!IsExact) return [.. all];
        return [.. all.Where(k => _repairs.Fresh(k) is { Replica.IoThread: ThreadState.Running } view && view.Source == ledger.Primary)
            .OrderByDescending(k => model.View(k).Look?.Details.SemiSyncReplicaEnabled ?? false).ThenBy(_rules.RuleOf).ThenBy(k => k).Take(spec.Durability.Acknowledgements)];
    }

    private bool IsLocked(ClusterLedger ledger) =>
        model.View(ledger.Primary).Look?.Details is { SemiSyncWaitSessions: > 0 } details && details.SemiSyncClients < details.SemiSyncWaitFor;

    private void Begin(Repair repair, ClusterLedger ledger) => _repairs.Begin(repair.Server, ledger.Token, repair.Statements, problem =>
    {
        if (problem is not null)
        {
            RecoveryLog.SemiSyncNotRepaired(services.Log, spec.Alias, repair.Server, repair.Why, problem.Message);
            return;
        }

        Raft.Mark.Reached("a repair of semi-sync was made");
        RecoveryLog.SemiSyncRepaired(services.Log, spec.Alias, repair.Server, repair.Why);
        services.Emit(new NodeEvent.SemiSyncRepaired(services.Config.Self.Name, spec.Alias, repair.Server.ToString(), repair.Why));
    });
}
