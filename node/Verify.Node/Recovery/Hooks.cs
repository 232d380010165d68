using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fencing;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>What the hooks before a recovery say.</summary>
internal enum HookAnswer
{
    /// <summary>Commands still run.</summary>
    Wait,
    GoOn,

    /// <summary>A command said no.</summary>
    Abort,
}

/// <summary>On the leader: runs the operator's commands around the recoveries of one cluster, each moment at least once per recovery. That they
/// have run is in the log: the next leader runs what the last one did not come to, or did not live to write down (so a command must be
/// safe to run twice; the recovery's id tells it). Nothing of the ledger waits for commands but the beginning of a recovery, and that
/// only within the time limit.</summary>
internal sealed class Hooks(INodeServices services, Leadership leadership, TopologyModel model, LoopTurn turn, string cluster)
{
    /// <summary>Closed recoveries whose commands may still have to be run.</summary>
    private const int LookBackMax = 5;
    private const int UnwrittenMax = 100;
    private readonly HookCommands _commands = new(services, turn);
    private readonly HashSet<(long Recovery, HookPoint Point)> _running = [];

    /// <summary>What has run and cannot be written down while the group has older members: known to this node only.</summary>
    private readonly SortedDictionary<(long Recovery, HookPoint Point), FencingCommand.HookRan> _unwritten = [];

    /// <summary>Who followed the failed server, by recovery: afterwards nobody does.</summary>
    private readonly SortedDictionary<long, ImmutableArray<string>> _replicas = [];

    private HookSettings Settings => services.Config.Hooks;

    /// <summary>Before the first step of a recovery.</summary>
    public HookAnswer Before(RecoveryRecord recovery)
    {
        if (Settings.IsEmpty || !recovery.Steps.IsEmpty || recovery.WithoutHooks) return HookAnswer.GoOn;

        // That the first has run is written down even where it has no command: so the hooks after the end know that they belong to it.
        foreach (var point in new[] { HookPoint.OnFailureDetectionProcesses, IsTakeover(recovery) ? HookPoint.PreGracefulTakeoverProcesses : HookPoint.PreFailoverProcesses })
        {
            if (Ran(recovery, point) is { } ran)
            {
                if (ran.Failed) return HookAnswer.Abort;
            }
            else if (point == HookPoint.OnFailureDetectionProcesses || !Settings.Of(point).IsEmpty)
            {
                Run(recovery, point);
                return HookAnswer.Wait;
            }
        }

        return HookAnswer.GoOn;
    }

    /// <summary>Why <see cref="Before"/> said no.</summary>
    public string Objection(RecoveryRecord recovery) =>
        string.Join("; ", Ran(recovery).Where(h => h.Failed).Select(h => $"{h.Point}: {h.Detail}"));

    /// <summary>Runs what is due after the end of a recovery.</summary>
    public void Look()
    {
        if (!leadership.IsHeld || Settings.IsEmpty || services.Ha.Cluster(cluster) is not { } ledger) return;
        foreach (var recovery in ledger.Closed.Skip(ledger.Closed.Length - LookBackMax))
        {
            if (!Ran(recovery).Any()) continue;
            foreach (var point in After(recovery))
            {
                if (Settings.Of(point).IsEmpty || Ran(recovery, point) is not null) continue;
                Run(recovery, point);
                break;
            }
        }
    }

    private static IEnumerable<HookPoint> After(RecoveryRecord recovery)
    {
        if (!recovery.IsSuccessful) return [HookPoint.PostUnsuccessfulFailoverProcesses];
        return (IsOfPrimary(recovery), IsTakeover(recovery)) switch
        {
            (true, true) => [HookPoint.PostMasterFailoverProcesses, HookPoint.PostFailoverProcesses, HookPoint.PostGracefulTakeoverProcesses],
            (true, false) => [HookPoint.PostMasterFailoverProcesses, HookPoint.PostFailoverProcesses],
            _ => [HookPoint.PostIntermediateMasterFailoverProcesses, HookPoint.PostFailoverProcesses],
        };
    }

    private static bool IsTakeover(RecoveryRecord recovery) => recovery.Kind == RecoveryKind.GracefulTakeover;

    private static bool IsOfPrimary(RecoveryRecord recovery) => RecoveryPlan.ReplacesPrimary(recovery.Kind);

    /// <summary>orchestrator's word for what was asked; empty when nobody asked.</summary>
    private static string CommandOf(RecoveryRecord recovery) => recovery.Kind switch
    {
        RecoveryKind.GracefulTakeover => "graceful-master-takeover",
        RecoveryKind.ForcedTakeover => "force-master-takeover",
        _ => "",
    };

    private void Run(RecoveryRecord recovery, HookPoint point)
    {
        if (!_running.Add((recovery.Id, point))) return;
        var facts = FactsOf(recovery);
        var stopsAtFailure = point is HookPoint.OnFailureDetectionProcesses or HookPoint.PreFailoverProcesses or HookPoint.PreGracefulTakeoverProcesses;
        Drivers.Start(services, $"{point} of recovery {recovery.Id}", async () =>
        {
            var (failed, detail) = await _commands.RunAsync(point, facts, stopsAtFailure);
            RecoveryLog.HookEnded(services.Log, cluster, recovery.Id, point, failed ? "failed" : "done", detail);
            Note(new(cluster, recovery.Id, point, failed, detail));
        });
    }

    private FencingCommand.HookRan? Ran(RecoveryRecord recovery, HookPoint point) =>
        services.Fencing.Hook(recovery.Id, point) ?? _unwritten.GetValueOrDefault((recovery.Id, point));

    private IEnumerable<FencingCommand.HookRan> Ran(RecoveryRecord recovery) =>
        services.Fencing.Hooks(recovery.Id).Concat(_unwritten.Where(h => h.Key.Recovery == recovery.Id).Select(static h => h.Value)).DistinctBy(static h => h.Point);

    /// <summary>A command whose end nobody notes would run again and again: so in a group with older members this node keeps it in mind.</summary>
    private void Note(FencingCommand.HookRan ran)
    {
        var key = (ran.RecoveryId, ran.Point);
        if (services.ObjectionTo(new Command.Fencing(ran)) is null)
        {
            services.Submit(new Command.Fencing(ran), _ => _running.Remove(key));
            return;
        }

        _unwritten[key] = ran;
        while (_unwritten.Count > UnwrittenMax) _unwritten.Remove(_unwritten.Keys.First());
        _running.Remove(key);
    }

    private HookFacts FactsOf(RecoveryRecord recovery)
    {
        var successor = recovery.Successor is { } key ? model.View(key) : null;
        var filters = services.Config.Recovery;
        var primary = (IsOfPrimary(recovery) ? recovery.Failed : services.Ha.Primary(cluster) ?? recovery.Failed).ToString();
        return new()
        {
            Recovery = recovery,
            Node = services.Config.Self.Name,
            IsPrimary = IsOfPrimary(recovery),
            IsDowntimed = services.Policy.DowntimeOf(recovery.Failed) is not null,
            Command = CommandOf(recovery),
            ClusterAlias = services.Fleet.AliasOf(cluster),
            ClusterDomain = Domain(),
            SuccessorAlias = successor?.Look?.Detected.InstanceAlias ?? (successor is null ? "" : services.Fleet.Servers.GetValueOrDefault(successor.Key)?.Alias ?? ""),
            SuccessorCoordinates = successor?.Look?.Details.Binlog is { IsEmpty: false } at ? at.ToString() : "",
            RecoversPrimaries = NameFilters.TakesCluster(filters.PrimaryFilters, cluster, primary),
            RecoversIntermediates = NameFilters.TakesCluster(filters.IntermediateFilters, cluster, primary),
            Replicas = ReplicasOf(recovery),
        };
    }

    /// <summary>As it was found; in a cluster of the configuration, what any of its servers answered last.</summary>
    private string Domain()
    {
        if (services.Fleet.Clusters.GetValueOrDefault(cluster) is { Domain: { Length: > 0 } found }) return found;
        return Instances().Select(k => model.View(k).Look?.Detected.ClusterDomain).FirstOrDefault(static d => d is { Length: > 0 }) ?? "";
    }

    /// <summary>Those that followed the failed server when its first command was run. A leader that comes later sees what the steps have made of
    /// them: there they follow the successor, which was one of them.</summary>
    private ImmutableArray<string> ReplicasOf(RecoveryRecord recovery)
    {
        if (_replicas.TryGetValue(recovery.Id, out var known)) return known;
        InstanceKey? successor = IsOfPrimary(recovery) ? recovery.Successor : null;
        ImmutableArray<string> replicas = [.. Instances().Where(k => k != recovery.Failed && (k == successor || FollowsOneOf(k, recovery.Failed, successor))).Select(static k => k.ToString())];
        _replicas[recovery.Id] = replicas;
        while (_replicas.Count > UnwrittenMax) _replicas.Remove(_replicas.Keys.First());
        return replicas;
    }

    private bool FollowsOneOf(InstanceKey replica, InstanceKey failed, InstanceKey? successor) =>
        model.View(replica).Source is { } source && (source == failed || source == successor);

    private IEnumerable<InstanceKey> Instances() =>
        services.Clusters.Where(c => string.Equals(c.Alias, cluster, StringComparison.Ordinal)).SelectMany(static c => c.Instances).Select(static i => i.Key);
}
