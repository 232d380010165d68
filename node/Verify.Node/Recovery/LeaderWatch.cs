using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>On the leader: gives a cluster its first primary, judges the primary it has, and opens a recovery when a majority calls it
/// dead. Nothing here touches a server.</summary>
internal sealed class LeaderWatch(INodeServices services, Leadership leadership, TopologyModel model, LeaseWatch leases, LiveCluster spec, RecoveryRules rules)
{
    /// <summary>Between a recovery that failed and the next one for the same cluster.</summary>
    private static readonly TimeSpan FailedRecoveryPause = TimeSpan.FromSeconds(5);

    private readonly StalledProof _stalled = new(services, model);
    private bool _isAsking;
    private DiagnosisCode? _said;
    private TimeSpan? _unguardedSince;
    private TimeSpan? _closedSince;
    private string _complaint = "";

    /// <summary>What is called for and not begun, and why; null while nothing is.</summary>
    public SkippedRecovery? Skipped { get; private set; }

    public void Look()
    {
        if (!leadership.IsHeld)
        {
            _said = null;
            _unguardedSince = null;
            Skipped = null;
            return;
        }

        if (services.Ha.Cluster(spec.Alias) is not { } ledger) AdoptIfManaged();
        else Judge(ledger);
    }

    /// <summary>What an operator's "recover" would do about this server: the kind, orchestrator's word, the votes; null for nothing.</summary>
    public DeadSource? CallOf(InstanceKey instance)
    {
        if (services.Ha.Cluster(spec.Alias) is not { } ledger) return null;
        if (instance != ledger.Primary) return Intermediates.Judge(instance, ledger);
        return Diagnose() is { CallsForRecovery: true } diagnosis ? new(RecoveryKind.DeadPrimary, diagnosis.Code.ToString(), diagnosis) : null;
    }

    private IntermediateWatch Intermediates => field ??= new(services, model, spec, Diagnose);

    /// <summary>The verdict as this node sees it, leader or not; null while the cluster has no primary.</summary>
    public Diagnosis? Diagnose()
    {
        if (services.Ha.Cluster(spec.Alias) is not { } ledger) return null;
        var replicas = spec.Instances
            .Where(i => i.Key != ledger.Primary && ledger.AsideOf(i.Key) is null)
            .Select(i => i.Key)
            .ToImmutableArray();
        var diagnosis = Diagnose(ledger.Primary, replicas);
        var isUnguarded = diagnosis.Code == DiagnosisCode.NoProblem && _unguardedSince is { } since
            && services.Now - since >= services.Config.Timing.WriteLease;
        return isUnguarded
            ? diagnosis with { Code = DiagnosisCode.UnguardedMaster, Description = $"{ledger.Primary} is closed and {ledger.Guardian} does not renew its lease" }
            : WithDisk(diagnosis, ledger);
    }

    /// <summary>What its guardian says of its disk, of a primary that is well otherwise.</summary>
    private Diagnosis WithDisk(Diagnosis diagnosis, ClusterLedger ledger)
    {
        if (diagnosis.Condition != PrimaryCondition.Answers
            || model.StalledFor(new(ledger.Guardian), spec.Alias, ledger.Primary, services.Now) is not { } stalled) return diagnosis;
        var isLong = stalled >= services.Config.Recovery.StalledAfter && diagnosis.Code == DiagnosisCode.NoProblem;
        return diagnosis with
        {
            Condition = PrimaryCondition.Stalled,
            Code = isLong ? DiagnosisCode.DiskStalledMaster : diagnosis.Code,
            Description = $"{ledger.Primary} answers, and by the word of {ledger.Guardian} no commit has come back from its disk for {stalled.TotalSeconds:0.0} s",
        };
    }

    private Diagnosis Diagnose(InstanceKey source, ImmutableArray<InstanceKey> replicas)
    {
        var sight = new ClusterSight(spec.Alias, source, replicas, model.Sights(services.Now, services.Raft.Membership, [source, .. replicas]));
        return FailureAnalysis.Diagnose(sight, services.Config.Timing.ObservationAgeMax);
    }

    /// <summary>A closed primary whose guardian is gone stays closed. It is given the time of one lease to come back.</summary>
    private void NoteGuard(ClusterLedger ledger)
    {
        var isUnguarded = ledger.OpenRecovery is null && services.Now >= leases.CertainEnd(spec.Alias)
            && IsFresh(ledger.Primary) && model.View(ledger.Primary).Facts!.KeepsUsersOut;
        _unguardedSince = isUnguarded ? _unguardedSince ?? services.Now : null;
    }

    private void Judge(ClusterLedger ledger)
    {
        NoteGuard(ledger);
        var diagnosis = Diagnose()!;
        if (_said != diagnosis.Code)
        {
            _said = diagnosis.Code;
            RecoveryLog.Verdict(services.Log, spec.Alias, diagnosis.Code, diagnosis.Description);
            services.Emit(new NodeEvent.Verdict(
                services.Config.Self.Name, spec.Alias, ledger.Primary.ToString(), diagnosis.Code.ToString(), diagnosis.VotesText()));
        }

        if (ledger.OpenRecovery is { } open && RecoveryPlan.ReplacesPrimary(open.Kind))
        {
            // Its successor is closed for a moment as well, and has a time of its own.
            Skipped = null;
            _closedSince = null;
            return;
        }

        if (!diagnosis.CallsForRecovery && !IsUnwritable(diagnosis, ledger))
        {
            if (AgainstHope(diagnosis) is { } nobody) Leave(diagnosis, diagnosis.Code.ToString(), nobody);
            else JudgeOthers(ledger);
            return;
        }

        if (_isAsking || (leases.FailedAt(spec.Alias) is { } failedAt && services.Now - failedAt < FailedRecoveryPause)) return;
        var skip = AgainstReplacingStalled(diagnosis) ?? rules.AgainstBeginning(ledger, RecoveryKind.DeadPrimary, ledger.Primary) ?? AgainstFailover(ledger);
        var analysis = diagnosis.CallsForRecovery ? diagnosis.Code.ToString() : "NoWriteableMaster";
        if (skip is null) Begin(RecoveryKind.DeadPrimary, diagnosis, analysis, ledger);
        else Leave(diagnosis, analysis, skip);
    }

    /// <summary>Those that are no primary: their replicas are pointed elsewhere. One recovery at a time.</summary>
    private void JudgeOthers(ClusterLedger ledger)
    {
        var dead = ledger.OpenRecovery is null ? Intermediates.Find(ledger) : null;
        if (dead is null) Skipped = null;
        if (dead is null || _isAsking) return;
        var skip = rules.AgainstBeginning(ledger, dead.Kind, dead.Diagnosis.Instance) ?? GtidUse.AgainstBeginning(model, ledger, spec);
        if (skip is not null) Leave(dead.Diagnosis, dead.Analysis, skip);
        else Begin(dead.Kind, dead.Diagnosis, dead.Analysis, ledger);
    }

    /// <summary>Its guardian holds the lease and does not get it open: after two leases' time it is replaced, where that is wanted.</summary>
    private bool IsUnwritable(Diagnosis diagnosis, ClusterLedger ledger)
    {
        var isClosed = services.Config.Recovery.ReplaceUnwritable && diagnosis.Code == DiagnosisCode.NoProblem && ledger is { OpenRecovery: null, LastRenewal: > 0 }
            && services.Now < leases.CertainEnd(spec.Alias) && IsFresh(ledger.Primary) && model.View(ledger.Primary).Facts!.KeepsUsersOut;
        _closedSince = isClosed ? _closedSince ?? services.Now : null;
        return _closedSince is { } since && services.Now - since >= 2 * services.Config.Timing.WriteLease;
    }

    /// <summary>It is dead and there is nobody to promote: that is said too.</summary>
    private static Skip? AgainstHope(Diagnosis diagnosis) => diagnosis.Code switch
    {
        DiagnosisCode.DeadMasterAndReplicas => new("no_replica", "no replica is reached either, so nobody can be promoted; bring one of them back, or the primary"),
        DiagnosisCode.DeadMasterWithoutReplicas => new("no_replica", "it has no replica, so nobody can be promoted; bring it back"),
        _ => null,
    };

    /// <summary>Policy, and what makes it safe: commits that its disk lets through later must find nobody who acknowledges them (<see cref="StalledProof"/>).</summary>
    private Skip? AgainstReplacingStalled(Diagnosis diagnosis)
    {
        if (diagnosis.Code != DiagnosisCode.DiskStalledMaster) return null;
        if (!services.Config.Recovery.ReplaceStalled)
            return new("disk_stalled", $"{diagnosis.Description}; RecoverDiskStalledMaster is off, so it is left; free its disk, or ask for its recovery (recover/{diagnosis.Instance.Host}/{diagnosis.Instance.Port})");
        return _stalled.Objection(spec.Spec, diagnosis.Instance);
    }

    private Skip? AgainstFailover(ClusterLedger ledger) => ledger is { IsAdopted: true, LastRenewal: 0 }
        ? new("no_lease", $"nobody has held the write lease of {ledger.Primary} yet, so nobody can say that it is closed; close it by hand or bring it back")
        : GtidUse.AgainstBeginning(model, ledger, spec) ?? rules.AgainstHavingNobody(ledger, spec);

    private void Begin(RecoveryKind kind, Diagnosis diagnosis, string analysis, ClusterLedger ledger)
    {
        var begin = new HaCommand.BeginRecovery(
            spec.Alias, kind, diagnosis.Instance, Designated: null, analysis, diagnosis.VotesText(), ledger.Token, By: "", WithoutHooks: false, default);
        if (begin.UnderstoodBy(services.ObjectionTo) is not { } command)
        {
            Leave(diagnosis, analysis, new("mixed_versions", services.ObjectionTo(new Command.Ha(begin))!));
            return;
        }

        Skipped = null;
        Ask(command);
    }

    /// <summary>Said once for each reason: to the log, to the events, to whoever asks.</summary>
    private void Leave(Diagnosis diagnosis, string analysis, Skip skip)
    {
        var isNews = Skipped is null || Skipped.Instance != diagnosis.Instance || Skipped.Reason.Code != skip.Code;
        Skipped = new(spec.Alias, diagnosis.Instance, analysis, skip, isNews ? services.GroupTime.WallMs : Skipped!.SinceWallMs);
        if (!isNews) return;
        Raft.Mark.Reached("a recovery was skipped");
        RecoveryLog.Skipped(services.Log, spec.Alias, analysis, diagnosis.Instance, skip.Text);
        services.Emit(new NodeEvent.RecoverySkipped(
            services.Config.Self.Name, spec.Alias, diagnosis.Instance.ToString(), analysis, skip.Code, skip.Text));
    }

    private void AdoptIfManaged()
    {
        if (spec.IsManaged) Adopt();
    }

    private void Adopt()
    {
        if (_isAsking) return;
        var (sources, why) = Sources();
        if (sources.Length != 1)
        {
            Complain(why);
            return;
        }

        var place = sources[0].DataCenter;
        var guardian = GuardianChoice.Near(place, services, model);
        if (guardian is null && GuardianChoice.HasMembers(place, services))
        {
            Complain($"no member in {place} was heard from lately, and one of them must guard {sources[0].Key}");
            return;
        }

        Ask(new HaCommand.AdoptPrimary(spec.Alias, sources[0].Key, (guardian ?? services.Config.Self).Name));
    }

    /// <summary>Who could be the first primary; exactly one, or nobody is adopted, and why.</summary>
    private (ImmutableArray<Instance> Sources, string Why) Sources()
    {
        var free = spec.Instances.Where(i => IsFresh(i.Key) && model.View(i.Key).Replica is null).ToImmutableArray();
        var sources = free.Where(i => spec.Instances.Length == 1 || spec.Instances.Any(r => ReadsFrom(r.Key, i.Key))).ToImmutableArray();
        if (free.IsEmpty && Pair() is { IsEmpty: false } pair) return WritableOf(pair);
        return (sources, $"{sources.Length} servers follow nobody and are followed, of {free.Length} reachable ones that follow nobody; exactly one must be");
    }

    private ImmutableArray<Instance> Pair() =>
        [.. spec.Instances.Where(i => spec.Instances.Any(o => o.Key != i.Key && ReadsFrom(o.Key, i.Key) && ReadsFrom(i.Key, o.Key)))];

    /// <summary>Of co-primaries the one that takes writes. Both, or neither, is not for a machine to decide.</summary>
    private (ImmutableArray<Instance> Sources, string Why) WritableOf(ImmutableArray<Instance> pair)
    {
        var writable = pair.Where(i => !model.View(i.Key).Facts!.KeepsUsersOut).ToImmutableArray();
        return (writable, $"{string.Join(" and ", pair.Select(i => i.Key))} follow each other, and {writable.Length} of them take writes; exactly one must (super_read_only=1 on the others)");
    }

    private bool ReadsFrom(InstanceKey replica, InstanceKey source) =>
        IsFresh(replica) && model.View(replica) is { Replica.IoThread: ThreadState.Running } view && view.Source == source;

    private bool IsFresh(InstanceKey instance) =>
        model.View(instance).IsAnswering && model.View(instance).HasFactsSince(services.Now - services.Config.Timing.ObservationAgeMax);

    private void Ask(HaCommand command)
    {
        _isAsking = true;
        services.Submit(command, result =>
        {
            _isAsking = false;
            if (result is not CommandResult.Done) RecoveryLog.NotAccepted(services.Log, spec.Alias, command, result);
        });
    }

    private void Complain(string why)
    {
        if (string.Equals(_complaint, why, StringComparison.Ordinal)) return;
        _complaint = why;
        RecoveryLog.NothingToAdopt(services.Log, spec.Alias, why);
    }
}

/// <summary>A recovery that is called for and is not begun.</summary>
/// <param name="SinceWallMs">For people: the wall clock of the leader when it was left for the first time for this reason.</param>
internal sealed record SkippedRecovery(string Cluster, InstanceKey Instance, string Analysis, Skip Reason, long SinceWallMs);
