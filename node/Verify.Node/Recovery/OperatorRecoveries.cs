using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>What an operator's wish comes to: the command that opens the recovery, or the reason why none is opened.</summary>
public sealed record RecoveryAnswer(HaCommand? Command, string Objection)
{
    internal static RecoveryAnswer No(string why) => new(null, why);
}

/// <summary>Turns operators' wishes into recoveries, on the leader. Filters, downtime and the pause after a recovery do not bind an operator; what keeps
/// data and the single primary does.</summary>
internal sealed class OperatorRecoveries(
    INodeServices services, TopologyModel model, TakeoverSteps takeovers, LiveCluster spec, Func<InstanceKey, DeadSource?> callOf,
    Func<Diagnosis?> diagnose)
{
    /// <summary>The word in the ledger for a failover that an operator asked for although nobody calls the primary dead.</summary>
    public const string ForcedFailover = "ForceMasterFailover";

    private readonly StalledProof _stalled = new(services, model);

    public RecoveryAnswer Answer(ApiRequest.StartRecovery wish)
    {
        if (services.Ha.Cluster(spec.Alias) is not { } ledger) return RecoveryAnswer.No($"{spec.Alias} has no primary yet");
        if (ledger.OpenRecovery is { } open && RecoveryPlan.ReplacesPrimary(open.Kind))
            return RecoveryAnswer.No($"recovery {open.Id} ({open.Kind} of {open.Failed}) is under way; wait for its end");
        if (wish.Candidate is { } named && ObjectionToName(named, ledger) is { } objection) return RecoveryAnswer.No(objection);
        if (wish.Wish != RecoveryWish.Recover && wish.Instance is { } failed && failed != ledger.Primary)
            return RecoveryAnswer.No($"{failed} is not the primary of {spec.Alias}, {ledger.Primary} is");
        if (GtidUse.AgainstBeginning(model, ledger, spec) is { } blind) return RecoveryAnswer.No(blind.Text);
        return wish.Wish switch
        {
            RecoveryWish.Recover => Recover(wish, ledger),
            RecoveryWish.GracefulTakeover => Takeover(wish, ledger, mayChoose: false),
            RecoveryWish.GracefulTakeoverAuto => Takeover(wish, ledger, mayChoose: true),
            RecoveryWish.ForceFailover => Begin(wish, ledger, RecoveryKind.DeadPrimary, ledger.Primary, null, ForcedFailover),
            RecoveryWish.ForceTakeover when wish.Candidate is null => RecoveryAnswer.No("a forced takeover must name the server that takes over"),
            RecoveryWish.ForceTakeover => Begin(wish, ledger, RecoveryKind.ForcedTakeover, ledger.Primary, wish.Candidate, "ForceMasterTakeover"),
            _ => throw new UnreachableException(),
        };
    }

    private RecoveryAnswer Recover(ApiRequest.StartRecovery wish, ClusterLedger ledger)
    {
        var instance = wish.Instance ?? ledger.Primary;
        if (callOf(instance) is not { } call)
        {
            var seen = instance == ledger.Primary ? diagnose()?.Code.ToString() : null;
            return RecoveryAnswer.No($"nothing to recover: the analysis of {instance} is {seen ?? nameof(DiagnosisCode.NoProblem)}. To replace a primary that works, use graceful-master-takeover; to give it up, force-master-failover");
        }

        if (string.Equals(call.Analysis, nameof(DiagnosisCode.DiskStalledMaster), StringComparison.Ordinal)
            && _stalled.Objection(spec.Spec, instance) is { } unproved) return RecoveryAnswer.No(unproved.Text);
        return Begin(wish, ledger, call.Kind, instance, RecoveryPlan.ReplacesPrimary(call.Kind) ? wish.Candidate : null, call.Analysis);
    }

    private RecoveryAnswer Takeover(ApiRequest.StartRecovery wish, ClusterLedger ledger, bool mayChoose)
    {
        if (model.View(ledger.Primary) is not { IsAnswering: true })
            return RecoveryAnswer.No($"{ledger.Primary} does not answer, and a graceful takeover needs it alive; use force-master-failover to give it up");
        var asked = spec.Instances.Where(i => i.Key != ledger.Primary && ledger.AsideOf(i.Key) is null && (wish.Candidate is null || wish.Candidate == i.Key))
            .Select(i => (i.Key, Objection: takeovers.Objection(i, ledger.Primary))).ToList();
        var able = asked.Where(a => a.Objection is null).ToList();
        if (able.Count == 0)
            return RecoveryAnswer.No($"nobody can take over from {ledger.Primary}: {string.Join("; ", asked.Select(a => $"{a.Key}: {a.Objection}"))}");
        if (able.Count > 1 && !mayChoose)
            return RecoveryAnswer.No($"{able.Count} servers could take over ({string.Join(", ", able.Select(a => a.Key))}): name one, or use graceful-master-takeover-auto");
        var designated = wish.Candidate ?? (able.Count == 1 ? able[0].Key : null);
        return Begin(wish, ledger, RecoveryKind.GracefulTakeover, ledger.Primary, designated, "GracefulMasterTakeover");
    }

    private string? ObjectionToName(InstanceKey named, ClusterLedger ledger)
    {
        if (named == ledger.Primary) return $"{named} is the primary already";
        if (!spec.Instances.Any(i => i.Key == named)) return $"{named} is no server of {spec.Alias}";
        return ledger.AsideOf(named) is { } aside ? $"{named} is set aside: it has {aside.ErrantGtids}, which nobody else has" : null;
    }

    private RecoveryAnswer Begin(
        ApiRequest.StartRecovery wish, ClusterLedger ledger, RecoveryKind kind, InstanceKey failed, InstanceKey? designated, string analysis)
    {
        if (RecoveryPlan.ReplacesPrimary(kind) && ledger is { IsAdopted: true, LastRenewal: 0 })
            return RecoveryAnswer.No($"nobody has held the write lease of {failed} yet; its guardian {ledger.Guardian} must reach it once");
        var votes = (callOf(failed)?.Diagnosis ?? diagnose())?.VotesText() ?? "";
        return new(new HaCommand.BeginRecovery(
            spec.Alias, kind, failed, designated, analysis, votes, ledger.Token, wish.By.Length > 0 ? wish.By : "an operator", wish.WithoutHooks, default), "");
    }
}
