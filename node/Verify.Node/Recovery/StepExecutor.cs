using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>How a step ended: the outcome's text goes into the ledger.</summary>
internal sealed record StepResult(bool Succeeded, string Detail);

/// <summary>Carries out the statements of one recovery step. Every statement is safe to send twice, and is sent only if the
/// runner says right before it that the step is still this node's to do.</summary>
internal sealed class StepExecutor(
    INodeServices services, TopologyModel model, LoopTurn turn, IServerDoor door, ReplicaAttachment attachment)
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(10);
    private const int WaitSecondsMax = 1;

    private readonly SortedDictionary<InstanceKey, ServerLink> _links = [];

    private TimeSpan Limit => services.Config.Timing.StatementTimeout;

    /// <param name="ended">Gets null when the right to act was lost; then nothing more was sent.</param>
    public void Start(RecoveryRecord recovery, RecoveryStep step, Func<bool> mayGoOn, Action<StepResult?> ended) =>
        Drivers.Start(services, $"step {step} of recovery {recovery.Id}", async () => ended(await RunAsync(recovery, step, mayGoOn)));

    /// <summary>While the lease of the old primary runs out there is time for what drains begin with: a fetching thread that tries to
    /// connect to a primary that is cut off stops only when its own timeout is over (seen on MySQL 9.7.4). Nothing rests
    /// on it: the step itself does it again and looks.</summary>
    public void StopFetching(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        foreach (var instance in Others(recovery).Where(i => model.View(i.Key).IsAnswering))
        {
            Drivers.Start(services, $"stopping the fetching of {instance.Key}", () => StopFetchingAsync(instance.Key, mayGoOn));
        }
    }

    private async Task StopFetchingAsync(InstanceKey instance, Func<bool> mayGoOn)
    {
        var link = new ServerLink(services, door, turn, instance);
        try
        {
            if (await link.ReadReplicaStatusAsync(Limit) is not { IoThread: not ThreadState.Stopped }) return;
            await link.AskAsync(new Statement.StopReplica(OnlyIoThread: true), Limit, mayGoOn);
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException or StoodDownException)
        {
            RecoveryLog.NotStopped(services.Log, instance, e.Message);
        }
        finally
        {
            await link.HangUpAsync();
        }
    }

    private async ValueTask<StepResult?> RunAsync(RecoveryRecord recovery, RecoveryStep step, Func<bool> mayGoOn)
    {
        try
        {
            return step switch
            {
                RecoveryStep.DrainRelayLogs => await DrainAsync(recovery, mayGoOn),
                RecoveryStep.ChooseCandidate => await ChooseAsync(recovery, mayGoOn),
                RecoveryStep.Promote => await PromoteAsync(recovery.Successor!.Value, mayGoOn),
                RecoveryStep.RepointReplicas => await RepointAsync(recovery, mayGoOn),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (StoodDownException)
        {
            return null;
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return new(Succeeded: false, e.Message);
        }
    }

    /// <summary>What became of one replica's relay log; one of the two is null.</summary>
    private sealed record Drained(Instance Instance, Candidate? Candidate, string? Problem)
    {
        public override string ToString() => Candidate switch
        {
            null => $"{Instance.Key} left out: {Problem}",
            { IsDrained: true } => $"{Instance.Key} has applied all it fetched",
            _ => $"{Instance.Key} has not applied all it fetched: {Problem}",
        };
    }

    private async ValueTask<StepResult> DrainAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var all = await DrainAllAsync(recovery, mayGoOn);
        return new(all.Any(d => d.Candidate is { IsDrained: true }), Listed(all.Select(d => d.ToString())));
    }

    private async ValueTask<StepResult> ChooseAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        // Drained again (nothing to do as a rule), so that a replica that came back meanwhile counts too.
        var all = await DrainAllAsync(recovery, mayGoOn);
        var candidates = all.Where(d => d.Candidate is not null).Select(d => d.Candidate!).ToImmutableArray();
        if (candidates.Select(c => c.Executed.Flavor).Distinct().Count() > 1) return new(Succeeded: false, "the replicas are of two flavours");
        var choice = CandidateRanking.Choose(candidates, DataCenterOf(recovery.Failed), services.Config.DataCenter);
        return choice.Chosen is { } chosen
            ? new(Succeeded: true, CandidateDetail.Write(chosen, choice.Reason))
            : new(Succeeded: false, choice.Reason);
    }

    private async ValueTask<ImmutableArray<Drained>> DrainAllAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var drains = new List<Task<Drained>>();
        foreach (var instance in Others(recovery)) drains.Add(DrainOneAsync(instance, recovery, mayGoOn));
        await Task.WhenAll(drains);
        return [.. drains.Select(d => d.Result)];
    }

    private async Task<Drained> DrainOneAsync(Instance instance, RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        if (!model.View(instance.Key).IsAnswering) return new(instance, null, "not reachable");
        try
        {
            return await TryDrainAsync(instance, recovery, mayGoOn);
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return new(instance, null, e.Message);
        }
    }

    private async Task<Drained> TryDrainAsync(Instance instance, RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var link = Link(instance.Key);
        var status = await link.ReadReplicaStatusAsync(Limit);
        if (status is null && !WasPromotedBefore(instance.Key, recovery)) return new(instance, null, "is no replica");
        if (status is null) return new(instance, await CandidateAsync(link, instance, status), null);

        // The fetching thread is stopped once and never started again: MariaDB drops its relay log when it is.
        if (status.IoThread != ThreadState.Stopped) await link.AskAsync(new Statement.StopReplica(OnlyIoThread: true), Limit, mayGoOn);
        if (status.SqlThread == ThreadState.Stopped) await link.AskAsync(new Statement.StartReplicaSqlThread(), Limit, mayGoOn);
        var began = services.Now;
        while (true)
        {
            status = await link.ReadReplicaStatusAsync(Limit);
            var candidate = await CandidateAsync(link, instance, status);
            if (candidate.IsDrained) return new(instance, candidate, null);
            if (status is { SqlThread: ThreadState.Stopped, LastSqlErrno: not 0 }) return new(instance, candidate, status.LastSqlError);
            if (services.Now - began > DrainLimit) return new(instance, candidate, $"not within {DrainLimit.TotalSeconds:0} s");
            await link.AskAsync(new Statement.WaitForGtids(candidate.Retrieved.ToString(), WaitSecondsMax), Limit + TimeSpan.FromSeconds(WaitSecondsMax), mayGoOn);
            await turn.Pause(services.Config.Timing.Tick);
        }
    }

    /// <summary>An earlier recovery of the same primary made it forget its source and then failed: it may be the one with everything.</summary>
    private bool WasPromotedBefore(InstanceKey instance, RecoveryRecord recovery) =>
        services.Ha.Cluster(recovery.Cluster)!.Closed.Any(r => r.Successor == instance && r.SeenToken == recovery.SeenToken);

    private async ValueTask<Candidate> CandidateAsync(ServerLink link, Instance instance, ReplicaStatus? status)
    {
        var facts = await link.ReadFactsAsync(Limit);
        return new(instance.Key, instance.DataCenter, facts.Executed, status?.Retrieved ?? Gtids.Empty(facts.Flavor),
            GuardianChoice.Near(instance.DataCenter, services, model) is not null);
    }

    private async ValueTask<StepResult> PromoteAsync(InstanceKey candidate, Func<bool> mayGoOn)
    {
        var link = Link(candidate);
        var facts = await link.ReadFactsAsync(Limit);
        if (!facts.IsReadOnly) await link.AskAsync(new Statement.SetReadOnly(On: true), Limit, mayGoOn);
        if (await link.ReadReplicaStatusAsync(Limit) is not null)
        {
            await ReplicaStop.StopAsync(link, Limit, mayGoOn);
            await link.AskAsync(new Statement.ResetReplicaAll(), Limit, mayGoOn);
        }

        return new(Succeeded: true, $"{candidate} follows nobody and is read-only; it has {facts.Executed}");
    }

    private async ValueTask<StepResult> RepointAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var successor = recovery.Successor!.Value;
        var repoints = new List<Task<string>>();
        foreach (var instance in Others(recovery).Where(i => i.Key != successor)) repoints.Add(RepointOneAsync(instance, successor, mayGoOn));
        await Task.WhenAll(repoints);
        foreach (var link in _links.Values) await link.HangUpAsync();
        return new(Succeeded: true, repoints.Count == 0 ? "no other replicas" : Listed(repoints.Select(r => r.Result)));
    }

    private async Task<string> RepointOneAsync(Instance instance, InstanceKey successor, Func<bool> mayGoOn)
    {
        if (!model.View(instance.Key).IsAnswering) return $"{instance.Key} lost: not reachable";

        // Each its own session with the primary: one statement at a time per session.
        var primary = new ServerLink(services, door, turn, successor);
        var ended = await attachment.AttachAsync(Link(instance.Key), instance.DataCenter, primary, mayGoOn);
        await primary.HangUpAsync();
        return ended switch
        {
            Attached.Following => $"{instance.Key} follows {successor}",
            Attached.Errant e => $"{instance.Key} left alone: it has {e.Gtids}",
            Attached.Failed f => $"{instance.Key} lost: {f.Why}",
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>The cluster's servers without the dead one and those that were set aside.</summary>
    private IEnumerable<Instance> Others(RecoveryRecord recovery)
    {
        var ledger = services.Ha.Cluster(recovery.Cluster)!;
        return services.Clusters.First(c => string.Equals(c.Alias, recovery.Cluster, StringComparison.Ordinal)).Instances
            .Where(i => i.Key != recovery.Failed && ledger.AsideOf(i.Key) is null);
    }

    private string DataCenterOf(InstanceKey instance) => model.View(instance).DataCenter;

    private ServerLink Link(InstanceKey instance)
    {
        if (!_links.TryGetValue(instance, out var link)) _links[instance] = link = new(services, door, turn, instance);
        return link;
    }

    private static string Listed(IEnumerable<string> parts) => string.Join("; ", parts);
}
