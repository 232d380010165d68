using System.Collections.Immutable;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>A dead server that others replicate from and that is not the primary, with orchestrator's word for it.</summary>
internal sealed record DeadSource(RecoveryKind Kind, string Analysis, Diagnosis Diagnosis);

/// <summary>Finds dead intermediate primaries and dead co-primaries: a majority does not reach the server, and none of its replicas reads from it any
/// more, by the same rules as for a primary. Decides nothing.</summary>
internal sealed class IntermediateWatch(INodeServices services, TopologyModel model, LiveCluster spec, Func<InstanceKey, ImmutableArray<InstanceKey>, Diagnosis> diagnose)
{
    private (FencingToken Token, long Closed)? _ledgerSeen;
    private TimeSpan _looksCountFrom;

    /// <summary>The first by name that has not been dealt with: no server follows one that has.</summary>
    public DeadSource? Find(ClusterLedger ledger)
    {
        NoteChange(ledger);
        foreach (var source in spec.Instances.Select(i => i.Key).Where(k => k != ledger.Primary).Order())
            if (Judge(source, ledger) is { } dead) return dead;
        return null;
    }

    public DeadSource? Judge(InstanceKey source, ClusterLedger ledger)
    {
        if (source == ledger.Primary || model.View(source).StateAt(services.Now, services.Config.Timing.ProbeInterval) != SightState.Down) return null;
        var followers = spec.Instances.Select(i => i.Key).Where(k => k != source && model.View(k).Source == source).ToImmutableArray();
        if (followers.IsEmpty || followers.Any(f => model.View(f) is { IsAnswering: true } view && view.FactsAskedAt < _looksCountFrom)) return null;
        var diagnosis = diagnose(source, followers);
        var isPair = followers.Contains(ledger.Primary);

        // Belongs below the primary as it is, and is taken there without a recovery (ReturnedServers).
        if (!spec.IsDeep && !isPair) return null;
        var suffix = diagnosis.Code switch
        {
            DiagnosisCode.DeadMaster => isPair || followers.Length > 1 ? "" : "WithSingleReplica",
            DiagnosisCode.DeadMasterAndSomeReplicas => isPair ? "AndSomeReplicas" : followers.Length == 1 ? "WithSingleReplicaFailingToConnect" : "AndSomeReplicas",
            _ => null,
        };
        return suffix is null ? null
            : isPair ? new(RecoveryKind.DeadCoPrimary, $"DeadCoMaster{suffix}", diagnosis)
            : new(RecoveryKind.DeadIntermediatePrimary, $"DeadIntermediateMaster{suffix}", diagnosis);
    }

    /// <summary>A recovery moves servers: whoever was looked at before its end may be seen below the server that has just been replaced, and
    /// a promoted primary seen so would make a pair with it.</summary>
    private void NoteChange(ClusterLedger ledger)
    {
        var now = (ledger.Token, ledger.Closed.IsEmpty ? 0 : ledger.Closed[^1].Id);
        if (now == _ledgerSeen) return;
        _ledgerSeen = now;
        _looksCountFrom = services.Now;
    }
}
