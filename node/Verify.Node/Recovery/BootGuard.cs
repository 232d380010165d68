using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>On the leader: a MySQL server of a guarded cluster that would come up open after a restart is told to come up closed, whatever
/// its configuration file says (SET PERSIST_ONLY: what is in force now is not touched). Where the server does not allow it, it is said
/// once, and a structure warning stays. MariaDB has no such statement.</summary>
internal sealed class BootGuard(INodeServices services, Leadership leadership, TopologyModel model, LoopTurn turn, IServerDoor door, LiveCluster spec)
{
    private readonly ServerRepairs _repairs = new(services, leadership, model, turn, door, spec.Alias);
    private readonly SortedSet<InstanceKey> _refused = [];

    public void Look()
    {
        if (!leadership.IsHeld)
        {
            _refused.Clear();
            return;
        }

        if (!spec.IsManaged || !services.Config.Recovery.PersistReadOnly || services.Ha.Cluster(spec.Alias) is not { OpenRecovery: null } ledger) return;
        foreach (var instance in spec.Instances)
        {
            if (_refused.Contains(instance.Key) || _repairs.Fresh(instance.Key)?.Look?.Details.AfterRestart != RestartState.AsConfigured) continue;
            _repairs.Begin(instance.Key, ledger.Token, [new Statement.PersistReadOnly()], problem => Ended(instance.Key, problem));
        }
    }

    private void Ended(InstanceKey instance, Exception? problem)
    {
        if (problem is null)
        {
            model.ComesUpClosed(instance);
            RecoveryLog.ReadOnlyPersisted(services.Log, instance);
        }
        else if (problem is MySqlServerException)
        {
            _refused.Add(instance);
            RecoveryLog.ReadOnlyNotPersisted(services.Log, instance, problem.Message);
        }
    }
}
