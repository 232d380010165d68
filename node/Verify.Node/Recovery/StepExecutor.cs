using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>How a step ended: the outcome's text goes into the ledger.</summary>
internal sealed record StepResult(bool Succeeded, string Detail);

/// <summary>Carries out the statements of one recovery step. Every statement is safe to send twice, and is sent only if the
/// runner says right before it that the step is still this node's to do.</summary>
internal sealed class StepExecutor
{
    private readonly INodeServices _services;
    private readonly RecoveryServers _servers;
    private readonly RelayLogDrain _drain;
    private readonly Repointing _repointing;
    private readonly RequiredPosition _required;

    public StepExecutor(
        INodeServices services, TopologyModel model, LoopTurn turn, IServerDoor door, ReplicaAttachment attachment, RecoveryRules rules)
    {
        _services = services;
        _servers = new(services, model, turn, door, rules);
        _drain = new(services, turn, _servers);
        _repointing = new(services, model, turn, _servers, attachment);
        _required = new(services, model);
        Takeovers = new(services, model, turn, _servers, rules);
    }

    public TakeoverSteps Takeovers { get; }

    /// <param name="ended">Gets null when the right to act was lost; then nothing more was sent.</param>
    public void Start(RecoveryRecord recovery, RecoveryStep step, Func<bool> mayGoOn, Action<StepResult?> ended) =>
        Drivers.Start(_services, $"step {step} of recovery {recovery.Id}", async () => ended(await RunAsync(recovery, step, mayGoOn)));

    /// <inheritdoc cref="RelayLogDrain.StopFetching"/>
    public void StopFetching(RecoveryRecord recovery, Func<bool> mayGoOn) => _drain.StopFetching(recovery, mayGoOn);

    private async ValueTask<StepResult?> RunAsync(RecoveryRecord recovery, RecoveryStep step, Func<bool> mayGoOn)
    {
        try
        {
            return step switch
            {
                RecoveryStep.DrainRelayLogs => await DrainAsync(recovery, mayGoOn),
                RecoveryStep.ChooseCandidate when recovery.Kind == RecoveryKind.GracefulTakeover => Takeovers.Choose(recovery),
                RecoveryStep.ChooseCandidate => await ChooseAsync(recovery, mayGoOn),
                RecoveryStep.CatchUp => await Takeovers.CatchUpAsync(recovery, mayGoOn),
                RecoveryStep.Promote => await PromoteAsync(recovery.Successor!.Value, mayGoOn),
                RecoveryStep.RepointReplicas => await _repointing.RunAsync(recovery, mayGoOn),
                RecoveryStep.LeaveCoPrimary => await LeaveAsync(recovery, mayGoOn),
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

    private async ValueTask<StepResult> DrainAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var all = await _drain.AllAsync(recovery, mayGoOn);
        return new(all.Any(d => d.Candidate is { IsDrained: true }), string.Join("; ", all.Select(d => d.ToString())));
    }

    private async ValueTask<StepResult> ChooseAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        // Drained again (nothing to do as a rule), so that a replica that came back meanwhile counts too.
        var all = await _drain.AllAsync(recovery, mayGoOn);
        var candidates = all.Where(d => d.Candidate is not null).Select(d => d.Candidate!).ToImmutableArray();
        if (candidates.Select(c => c.Executed.Flavor).Distinct().Count() > 1) return new(Succeeded: false, "the replicas are of two flavours");
        var choice = CandidateRanking.Choose(candidates, _servers.DataCenterOf(recovery.Failed), _services.Config.DataCenter, recovery.Designated);
        if (choice.Chosen is not { } chosen) return new(Succeeded: false, choice.Reason);
        var executed = candidates.First(c => c.Key == chosen).Executed;
        var objection = _required.Objection(recovery, all, executed);
        if (objection is not null && _required.IsSaidBy(await AskOldPrimaryAsync(recovery), recovery, executed)) objection = null;
        if (objection is null) return new(Succeeded: true, CandidateDetail.Write(chosen, choice.Reason));
        return recovery.Kind == RecoveryKind.ForcedTakeover || recovery.Analysis == OperatorRecoveries.ForcedFailover
            ? new(Succeeded: true, CandidateDetail.Write(chosen, $"{choice.Reason}; forced although {objection}"))
            : new(Succeeded: false, objection);
    }

    /// <summary>What the primary that is given up says of itself; null: it is not reached.</summary>
    private async ValueTask<OldPrimary?> AskOldPrimaryAsync(RecoveryRecord recovery)
    {
        try
        {
            var link = _servers.Link(recovery.Failed);
            var facts = await link.ReadFactsAsync(_servers.Limit);

            // Afterwards: what had run since then when it was asked this had run when it was asked for its facts.
            var counters = new ServerDetails().With(await link.AskAsync(new Statement.ReadCounters(), _servers.Limit), facts.Flavor);
            return new(facts, counters.UptimeSeconds);
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return null;
        }
    }

    private async ValueTask<StepResult> PromoteAsync(InstanceKey candidate, Func<bool> mayGoOn)
    {
        var link = _servers.Link(candidate);
        var facts = await link.ReadFactsAsync(_servers.Limit);
        if (!facts.IsReadOnly) await link.AskAsync(new Statement.SetReadOnly(On: true), _servers.Limit, mayGoOn);
        if (await link.ReadReplicaStatusAsync(_servers.Limit) is not null)
        {
            await ReplicaStop.StopAsync(link, _servers.Limit, mayGoOn);
            await link.AskAsync(new Statement.ResetReplicaAll(), _servers.Limit, mayGoOn);
        }

        return new(Succeeded: true, $"{candidate} follows nobody and is read-only; it has {facts.Executed}");
    }

    /// <summary>The primary stops following its dead co-primary. What that had committed and the primary had fetched is applied first.</summary>
    private async ValueTask<StepResult> LeaveAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var primary = _services.Ha.Cluster(recovery.Cluster)!.Primary;
        var link = _servers.Link(primary);
        var status = await link.ReadReplicaStatusAsync(_servers.Limit);
        if (status is null) return new(Succeeded: true, $"{primary} follows nobody");
        if (status.IoThread != MySql.ThreadState.Stopped) await link.AskAsync(new Statement.StopReplica(OnlyIoThread: true), _servers.Limit, mayGoOn);
        var facts = await link.ReadFactsAsync(_servers.Limit);
        if (!facts.Executed.Contains(status.Retrieved))
            return new(Succeeded: false, $"{primary} has not applied {status.Retrieved.Except(facts.Executed)} of {recovery.Failed} yet");
        await ReplicaStop.StopAsync(link, _servers.Limit, mayGoOn);
        await link.AskAsync(new Statement.ResetReplicaAll(), _servers.Limit, mayGoOn);
        return new(Succeeded: true, $"{primary} no longer follows {recovery.Failed}");
    }
}
