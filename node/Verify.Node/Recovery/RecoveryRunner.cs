using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>On the leader: takes one cluster's open recovery from step to step. Before a step its intent is committed, after it
/// its outcome; so whoever leads next goes on from the ledger, and repeats at most the step that was under way.</summary>
internal sealed class RecoveryRunner(
    INodeServices services, Leadership leadership, TopologyModel model, LeaseWatch leases, StepExecutor executor,
    Func<InstanceKey, ServerGate> gates, Guardian guardian, Hooks hooks, string cluster)
{
    private const int StepFailuresMax = 5;

    /// <summary>A takeover that cannot get the old primary closed within this time is given up, and the old primary goes on.</summary>
    private static readonly TimeSpan ClosingLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(500);

    private readonly GoneProof _gone = new(services, model, guardian, cluster);
    private readonly StalledProof _stalled = new(services, model);
    private bool _isBusy;
    private TimeSpan _notBefore;
    private StepUnderWay? _fencing;
    private TimeSpan _fencingSince;
#if VERIFY_MUTANTS
    private (long Recovery, Term Term) _seenFirst;
#endif

    /// <summary>A step that this node does, and the right under which it does it.</summary>
    private sealed record StepUnderWay(RecoveryRecord Recovery, RecoveryStep Step, Term Term);

    /// <summary>The state moved, or time did.</summary>
    public void Tick()
    {
        if (_fencing is { } fencing) Fence(fencing);
#if VERIFY_MUTANTS
        if (services.Ha.OpenRecovery(cluster) is { } seen && seen.Id != _seenFirst.Recovery) _seenFirst = (seen.Id, leadership.Term);
#endif
        if (_isBusy || !leadership.IsHeld || services.Now < _notBefore) return;
        if (services.Ha.OpenRecovery(cluster) is not { } recovery) return;
#if VERIFY_MUTANTS
        if (Mutant.Is("M52", deviates: _seenFirst.Term != leadership.Term)) return;
#endif
        if (recovery.Current is { } stuck && stuck.Failures >= FailuresMax(recovery))
        {
            Close(recovery, successful: false, $"{stuck.Step} failed {(stuck.Failures == 1 ? "once" : $"{stuck.Failures} times")}: {stuck.Detail}");
        }
        else if (recovery.CurrentStep == RecoveryStep.Close)
        {
            Close(recovery, successful: true, recovery.Published is { } token ? $"{recovery.Successor} is the primary with token {token}" : $"{recovery.Failed} is dealt with");
        }
        else if (hooks.Before(recovery) is not HookAnswer.GoOn and var answer)
        {
            if (answer == HookAnswer.Abort) Close(recovery, successful: false, hooks.Objection(recovery));
        }
        else
        {
            Begin(recovery, new(recovery, recovery.CurrentStep, leadership.Term));
        }
    }

    /// <summary>A takeover that does not go through is given up at once: until then the cluster takes no writes, and the old primary is well.</summary>
    private static int FailuresMax(RecoveryRecord recovery) =>
        recovery is { Kind: RecoveryKind.GracefulTakeover, Published: null } ? 1 : StepFailuresMax;

    private void Begin(RecoveryRecord recovery, StepUnderWay step)
    {
        var target = step.Step == RecoveryStep.FenceOldPrimary ? recovery.Failed : recovery.Successor ?? recovery.Designated;
        Submit(
            new HaCommand.StepIntent(cluster, recovery.Id, (int)step.Step, step.Step.ToString(), target?.ToString() ?? "replicas"),
            () => Do(step));
    }

    private void Do(StepUnderWay step)
    {
        if (!MayGoOn(step))
        {
            _isBusy = false;
            return;
        }

#if VERIFY_MUTANTS
        var isConfirmation = step is { Recovery.Kind: RecoveryKind.GracefulTakeover, Step: RecoveryStep.FenceOldPrimary or RecoveryStep.CatchUp };
        if (Mutant.Is("M60", deviates: isConfirmation))
        {
            Done(step, new(Succeeded: true, "not waited for (planted bug M60)"));
            return;
        }
#endif
        switch (step.Step)
        {
            case RecoveryStep.FenceOldPrimary:
                _fencing = step;
                _fencingSince = services.Now;
                if (step.Recovery.Kind != RecoveryKind.GracefulTakeover) executor.StopFetching(step.Recovery, () => MaySend(step));
                Fence(step);
                break;
            case RecoveryStep.PublishPrimary:
                Publish(step);
                break;
            default:
                executor.Start(step.Recovery, step.Step, () => MaySend(step), result => Done(step, result));
                break;
        }
    }

    /// <summary>The step is still the current one of the open recovery, and this node still leads in the term in which it began.
    /// Asked again right before every statement: a deposed leader must not finish a failover.</summary>
    private bool MayGoOn(StepUnderWay step)
    {
        var may = leadership.IsHeldIn(step.Term)
            && services.Ha.OpenRecovery(cluster) is { } recovery && recovery.Id == step.Recovery.Id && recovery.CurrentStep == step.Step;
#if VERIFY_MUTANTS
        if (Mutant.Is("M51", deviates: !may)) may = true;
#endif
        return may;
    }

    /// <summary>The same, for a statement that goes out if it may: who acts says so, and by what right.</summary>
    private bool MaySend(StepUnderWay step)
    {
        if (!MayGoOn(step)) return false;
        services.Emit(new NodeEvent.Acting(services.Config.Self.Name, cluster, step.Recovery.Id, step.Step.ToString(), step.Term.Value));
        return true;
    }

    private void Fence(StepUnderWay step)
    {
        if (!MayGoOn(step))
        {
            _fencing = null;
            _isBusy = false;
        }
        else if (ProofOfSilence(step.Recovery) is { } proof)
        {
            _fencing = null;
            Done(step, new(Succeeded: true, proof));
        }
        else if (WhyGivenUp(step.Recovery) is { } why)
        {
            _fencing = null;
            Done(step, new(Succeeded: false, why));
        }
        else if (!gates(step.Recovery.Failed).IsBusy)
        {
            gates(step.Recovery.Failed).Close(step.Recovery.SeenToken, cluster, "recovery", () => MaySend(step), _ => { });
        }
    }

    /// <summary>A takeover wants the old primary alive; what cannot be closed while it is said to be well is left to those who judge the dead.</summary>
    private string? WhyGivenUp(RecoveryRecord recovery)
    {
        if (recovery.Kind != RecoveryKind.GracefulTakeover) return null;
        var view = model.View(recovery.Failed);
        if (view.MissesInRow >= 2) return $"{recovery.Failed} is not reachable any more: {view.Problem}";
        return services.Now - _fencingSince > ClosingLimit ? $"{recovery.Failed} was not seen closed within {ClosingLimit.TotalSeconds:0} s" : null;
    }

    /// <summary>Why nobody can write to the old primary any more; null as long as somebody could. That this node sees it read-only is
    /// not enough: a guardian that has not heard of the recovery may still open it until its lease ends.</summary>
    private string? ProofOfSilence(RecoveryRecord recovery)
    {
        if (!services.Config.FencingEnabled) return "not waited for: fencing is switched off (test only)";
        var end = leases.CertainEnd(cluster);
#if VERIFY_MUTANTS
        if (Mutant.Is("M50", deviates: services.Now < end)) return "not waited for (planted bug M50)";
#endif
        var holder = new NodeId(services.Ha.Cluster(cluster)!.Guardian);
        var word = new ClosedUnder(cluster, recovery.Failed, recovery.Id);
        var counts = !leases.MayFormerHold(cluster);
        var hasWord = counts && (holder == services.Config.Self ? guardian.Word == word : model.HasWordOf(holder, word));
        if (hasWord) return $"closed: its guardian {holder} opens it no more and saw it read-only";
        if (counts && _gone.Of(recovery, holder) is { } gone) return gone;
        if (services.Now < end) return null;
        if (_stalled.Of(recovery) is { } stalled)
        {
            Mark.Reached("a primary whose disk stands still was given up");
            return stalled;
        }

        // The lease is out. A server that answers all the same and is open has lost its guardian: it is closed before anything
        // else. One that is silent was closed by its guardian, if that was near enough to reach it, or by the switch inside it,
        // or it does not run.
        var view = model.View(recovery.Failed);
        var isSeenClosed = view is { IsAnswering: true, Facts.IsReadOnly: true } && view.FactsAskedAt >= end;
        var isNear = GuardianChoice.IsNear(holder, view.DataCenter, services) || services.Fencing.IsArmed(cluster, recovery.Failed);
        var isSilent = recovery.Kind != RecoveryKind.GracefulTakeover && view.MissesInRow > 0 && (isNear || view.Refused);
        return isSeenClosed || isSilent
            ? $"its lease has certainly run out: {(long)(services.Now - leases.OpenedAt(cluster)).TotalMilliseconds} ms after the recovery was opened"
            : null;
    }

    private void Publish(StepUnderWay step)
    {
        var successor = step.Recovery.Successor!.Value;
        var holder = GuardianChoice.Near(model.View(successor).DataCenter, services, model) ?? services.Config.Self;
        Submit(
            new HaCommand.PublishPrimary(cluster, step.Recovery.Id, successor, holder.Name),
            () => Done(step, new(Succeeded: true, $"{successor} is the primary, {holder} its guardian")));
    }

    private void Done(StepUnderWay step, StepResult? result)
    {
        if (result is null || !leadership.IsHeldIn(step.Term))
        {
            _isBusy = false;
            return;
        }

        if (!result.Succeeded) _notBefore = services.Now + RetryPause;
        Submit(
            new HaCommand.StepOutcome(cluster, step.Recovery.Id, (int)step.Step, result.Succeeded, result.Detail),
            () =>
            {
                _isBusy = false;
                Tick();
            });
    }

    private void Close(RecoveryRecord recovery, bool successful, string detail) =>
        Submit(new HaCommand.EndRecovery(cluster, recovery.Id, successful, detail, default).UnderstoodBy(services.ObjectionTo)!, () => _isBusy = false);

    /// <summary>Whatever is not accepted is looked at anew from the ledger.</summary>
    private void Submit(HaCommand command, Action accepted)
    {
        _isBusy = true;
        services.Submit(command, result =>
        {
            if (result is CommandResult.Done)
            {
                accepted();
                return;
            }

            RecoveryLog.NotAccepted(services.Log, cluster, command, result);
            _notBefore = services.Now + services.Config.Timing.Tick;
            _isBusy = false;
        });
    }
}
