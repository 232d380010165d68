using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>What became of one replica's relay log; one of the two is null.</summary>
internal sealed record Drained(Instance Instance, Candidate? Candidate, string? Problem)
{
    /// <summary>What a server has that answers and is no replica; null for all others.</summary>
    public Gtids? Has { get; init; }

    public override string ToString() => Candidate switch
    {
        null => $"{Instance.Key} left out: {Problem}",
        { IsDrained: true } => $"{Instance.Key} has applied all it fetched",
        _ => $"{Instance.Key} has not applied all it fetched: {Problem}",
    };
}

/// <summary>Before a choice is made, every replica stops fetching and applies what it has fetched: a committed row that only a relay log
/// holds must not be lost, and a stopped applier is started for it.</summary>
internal sealed class RelayLogDrain(INodeServices services, LoopTurn turn, RecoveryServers servers)
{
    private const int WaitSecondsMax = 1;

    /// <summary>An old primary that is closed and still answers is given so long to hand out its last transactions.</summary>
    private static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(3);

    private TimeSpan ApplyLimit => services.Config.Recovery.FailUnlessApplied ? TimeSpan.Zero : services.Config.Recovery.DrainLimit;

    /// <summary>While the lease of the old primary runs out there is time for what drains begin with: a fetching thread that tries to
    /// connect to a primary that is cut off stops only when its own timeout is over (seen on MySQL 9.7.4). Nothing rests
    /// on it: the step itself does it again and looks. Never while the primary answers: it may still commit.</summary>
    public void StopFetching(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        if (servers.IsAnswering(recovery.Failed)) return;
        foreach (var instance in servers.Concerned(recovery).Where(i => servers.IsAnswering(i.Key)))
        {
            Drivers.Start(services, $"stopping the fetching of {instance.Key}", () => StopFetchingAsync(instance.Key, mayGoOn));
        }
    }

    public async ValueTask<ImmutableArray<Drained>> AllAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var last = await LastOfOldAsync(recovery);
        var drains = new List<Task<Drained>>();
        foreach (var instance in servers.Concerned(recovery)) drains.Add(OneAsync(instance, recovery, last, mayGoOn));
        await Task.WhenAll(drains);
        return [.. drains.Select(d => d.Result)];
    }

    private async Task StopFetchingAsync(InstanceKey instance, Func<bool> mayGoOn)
    {
        var link = servers.AnotherLink(instance);
        try
        {
            if (await link.ReadReplicaStatusAsync(servers.Limit) is not { IoThread: not ThreadState.Stopped }) return;
            await link.AskAsync(new Statement.StopReplica(OnlyIoThread: true), servers.Limit, mayGoOn);
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

    /// <summary>All that the old primary has, if it answers although it is given up (nobody guards it, or an operator forces a failover).</summary>
    private async ValueTask<Gtids?> LastOfOldAsync(RecoveryRecord recovery)
    {
        if (!servers.IsAnswering(recovery.Failed)) return null;
        try
        {
            var facts = await servers.Link(recovery.Failed).ReadFactsAsync(servers.Limit);
            return facts.IsReadOnly ? facts.Executed : null;
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            RecoveryLog.NotStopped(services.Log, recovery.Failed, e.Message);
            return null;
        }
    }

    private async Task<Drained> OneAsync(Instance instance, RecoveryRecord recovery, Gtids? last, Func<bool> mayGoOn)
    {
        if (!servers.IsAnswering(instance.Key)) return new(instance, null, "not reachable");
        try
        {
            return await TryOneAsync(instance, recovery, last, mayGoOn);
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return new(instance, null, e.Message);
        }
    }

    private async Task<Drained> TryOneAsync(Instance instance, RecoveryRecord recovery, Gtids? last, Func<bool> mayGoOn)
    {
        var link = servers.Link(instance.Key);
        var status = await link.ReadReplicaStatusAsync(servers.Limit);
        if (status is null && !WasPromotedBefore(instance.Key, recovery)) return new(instance, null, "is no replica") { Has = (await link.ReadFactsAsync(servers.Limit)).Executed };
        if (status is null) return new(instance, await servers.CandidateAsync(link, instance, status, recovery), null);
        if (last is not null) await FetchRestAsync(link, last);

        // The fetching thread is stopped once and never started again: MariaDB drops its relay log when it is.
        if (status.IoThread != ThreadState.Stopped) await link.AskAsync(new Statement.StopReplica(OnlyIoThread: true), servers.Limit, mayGoOn);
        if (status.SqlThread == ThreadState.Stopped) await link.AskAsync(new Statement.StartReplicaSqlThread(), servers.Limit, mayGoOn);
        var began = services.Now;
        while (true)
        {
            status = await link.ReadReplicaStatusAsync(servers.Limit);
            var candidate = await servers.CandidateAsync(link, instance, status, recovery);
            if (candidate.IsDrained) return new(instance, candidate, null);
            if (status is { SqlThread: ThreadState.Stopped, LastSqlErrno: not 0 }) return new(instance, candidate, status.LastSqlError);
            if (services.Now - began > ApplyLimit) return new(instance, candidate, $"not within {ApplyLimit.TotalSeconds:0} s");
            await link.AskAsync(
                new Statement.WaitForGtids(candidate.Retrieved.ToString(), WaitSecondsMax), servers.Limit + TimeSpan.FromSeconds(WaitSecondsMax), mayGoOn);
            await turn.Pause(services.Config.Timing.Tick);
        }
    }

    private async ValueTask FetchRestAsync(ServerLink link, Gtids last)
    {
        for (var began = services.Now; services.Now - began < FetchLimit; await turn.Pause(services.Config.Timing.Tick))
        {
            var status = await link.ReadReplicaStatusAsync(servers.Limit);
            var facts = await link.ReadFactsAsync(servers.Limit);
            if (status is not { IoThread: ThreadState.Running } || last.Flavor != facts.Flavor) return;
            if (facts.Executed.Union(status.Retrieved).Contains(last)) return;
        }
    }

    /// <summary>An earlier recovery of the same primary made it forget its source and then failed: it may be the one with everything.</summary>
    private bool WasPromotedBefore(InstanceKey instance, RecoveryRecord recovery) =>
        services.Ha.Cluster(recovery.Cluster)!.Closed.Any(r => r.Successor == instance && r.SeenToken == recovery.SeenToken);
}
