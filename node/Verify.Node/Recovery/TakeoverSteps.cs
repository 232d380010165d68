using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>What a graceful takeover does and a failover does not: it chooses while the old primary still takes writes, and waits, once that is
/// closed, until the chosen one has everything. When one of them fails nothing is lost: the old primary is opened again.</summary>
internal sealed class TakeoverSteps(INodeServices services, TopologyModel model, LoopTurn turn, RecoveryServers servers, RecoveryRules rules)
{
    private const int WaitSecondsMax = 1;

    private TimeSpan LagMax => services.Config.Recovery.TakeoverLagMax;

    /// <summary>Why this server cannot take over now; null: it can. From what this node sees.</summary>
    public string? Objection(Instance instance, InstanceKey primary)
    {
        var view = model.View(instance.Key);
        if (!view.IsAnswering) return "it is not reachable";
        if (view.Source != primary) return view.Source is { } source ? $"it follows {source}, not {primary}" : "it follows nobody";
        if (view.Replica is not { IoThread: ThreadState.Running, SqlThread: ThreadState.Running } replica) return "its replication does not run";
        if (replica.SecondsBehind > LagMax.TotalSeconds) return $"it is {replica.SecondsBehind:0} s behind, and {LagMax.TotalSeconds:0} s are the limit";
        if (GuardianChoice.HasMembers(instance.DataCenter, services) && GuardianChoice.Near(instance.DataCenter, services, model) is null)
            return $"no member in {instance.DataCenter} was heard from lately, and one of them must guard it";
        return rules.AgainstPromoting(instance.Key, instance.DataCenter, model.View(primary).DataCenter, replica.SecondsBehind);
    }

    public StepResult Choose(RecoveryRecord recovery)
    {
        var asked = servers.Others(recovery).Where(i => recovery.Designated is null || recovery.Designated == i.Key)
            .Select(i => (Instance: i, Objection: Objection(i, recovery.Failed))).ToList();
        var chosen = asked.Where(a => a.Objection is null).Select(a => a.Instance)
            .OrderByDescending(i => GuardianChoice.Near(i.DataCenter, services, model) is not null)
            .ThenBy(i => rules.RuleOf(i.Key))
            .ThenBy(i => VersionOf(i.Key))
            .ThenBy(i => model.View(i.Key).Replica?.SecondsBehind ?? 0)
            .ThenByDescending(i => i.DataCenter == servers.DataCenterOf(recovery.Failed))
            .ThenBy(i => i.Key)
            .FirstOrDefault();
        if (chosen is null) return new(Succeeded: false, $"nobody can take over ({string.Join("; ", asked.Select(a => $"{a.Instance.Key}: {a.Objection}"))})");
        return new(Succeeded: true, CandidateDetail.Write(chosen.Key, recovery.Designated is null ? "is fit to take over" : "was named by the operator"));
    }

    /// <summary>A replica follows a primary of its own version or of an older one.</summary>
    private (int Major, int Minor, int Patch) VersionOf(InstanceKey instance)
    {
        var version = model.View(instance).Version;
        return (version.Major, version.Minor, version.Patch);
    }

    public async ValueTask<StepResult> CatchUpAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var successor = recovery.Successor!.Value;
        var link = servers.Link(successor);
        var began = services.Now;
        while (true)
        {
            // The old primary is asked first, and each time: it must be closed, and what it has by then is all that there will ever be.
            var old = await servers.Link(recovery.Failed).ReadFactsAsync(servers.Limit);
            if (!old.IsReadOnly) return new(Succeeded: false, $"{recovery.Failed} is not closed");
            var facts = await link.ReadFactsAsync(servers.Limit);
            if (old.Flavor != facts.Flavor) return new(Succeeded: false, $"{successor} is of another flavour than {recovery.Failed}");
            if (facts.Executed.Contains(old.Executed)) return new(Succeeded: true, $"{successor} has all of {recovery.Failed}: {old.Executed}");
            var status = await link.ReadReplicaStatusAsync(servers.Limit);
            if (WhyNever(status, facts, old) is { } why) return new(Succeeded: false, $"{successor} cannot catch up: {why}");
            if (services.Now - began > LagMax) return new(Succeeded: false, $"{successor} lacks {old.Executed.Except(facts.Executed)} after {LagMax.TotalSeconds:0} s");
            await link.AskAsync(
                new Statement.WaitForGtids(old.Executed.ToString(), WaitSecondsMax), servers.Limit + TimeSpan.FromSeconds(WaitSecondsMax), mayGoOn);
            await turn.Pause(services.Config.Timing.Tick);
        }
    }

    private static string? WhyNever(ReplicaStatus? status, ServerFacts facts, ServerFacts old)
    {
        if (status is null) return "it is no replica any more";
        if (status.SqlThread == ThreadState.Stopped) return status.LastSqlErrno != 0 ? status.LastSqlError : "its applier is stopped";
        var fetched = facts.Executed.Union(status.Retrieved);
        return status.IoThread == ThreadState.Stopped && !fetched.Contains(old.Executed)
            ? status.LastIoErrno != 0 ? status.LastIoError : "it does not fetch any more" : null;
    }
}
