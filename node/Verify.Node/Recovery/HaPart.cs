using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>The high-availability part of a node: probers look at the servers, nodes tell each other what they see, the leader judges
/// and recovers, guardians hold the write leases. Builds these parts and hands them what happens.</summary>
public sealed class HaPart : IHaPart
{
    private readonly INodeServices _services;
    private readonly TopologyModel _model;
    private readonly LeaseWatch _leases;
    private readonly Seeing _seeing;
    private readonly Pictures _pictures;
    private readonly Leadership _leadership;
    private readonly Publishing _publishing;
    private readonly SortedDictionary<InstanceKey, Prober> _probers = [];
    private readonly SortedDictionary<InstanceKey, ServerGate> _gates = [];
    private readonly IServerDoor _door;
    private readonly LoopTurn _turn;
    private readonly Observers _observers;
    private readonly ProberEars _ears;
    private readonly Discovery _discovery;
    private readonly ReplicaAttachment _attachment;
    private readonly StepExecutor _executor;
    private readonly RecoveryRules _rules;
    private ImmutableArray<ClusterSpec> _specs = [];
    private ImmutableArray<ClusterPart> _clusters = [];
    private bool _isStarted;
    private TimeSpan _nextReport;
    private TimeSpan _nextExtras;
    private ImmutableArray<ClosedUnder> _words = [];
    private ImmutableArray<GoneUnder> _gone = [];
    private bool _toldStalled;

    public HaPart(INodeServices services) : this(services, new MySqlDoor(services)) { }

    internal HaPart(INodeServices services, IServerDoor door)
    {
        _services = services;
        _model = new(services.Config);
        _leases = new(services);
        _leadership = new(services);
        _publishing = new(services, _leadership);
        _seeing = new(services, _model);
        _pictures = new(services, _model, _leases, _seeing, Gate);
        OpenDesk();
        _door = door;
        _turn = new LoopTurn(services);
        _attachment = new ReplicaAttachment(services, _model);
        _observers = new(services, _model);
        _ears = new(_observers.IsWanted, Observed, (key, look) => _model.Look(key, look, _services.Now));
        _discovery = new(services, _model, _leadership, _turn, door);
        _rules = new RecoveryRules(services, _model);
        _executor = new StepExecutor(services, _model, _turn, door, _attachment, _rules);
        FollowClusters();
    }

    /// <summary>The deciders of one cluster.</summary>
    private sealed record ClusterPart(
        LiveCluster Spec, Guardian Guardian, RecoveryRunner Runner, LeaderWatch Watch, ReturnedServers Returned, OperatorRecoveries Operators,
        GuardianHandover Handover, Hooks Hooks, SemiSyncWatch SemiSync, BootGuard Boot, StallWatch Stall);

    /// <summary>Between the probers and the throttler.</summary>
    internal SampleDesk Samples { get; } = new();

    public void Start()
    {
        _isStarted = true;
        foreach (var prober in _probers.Values) Drivers.Start(_services, "probing", prober.RunAsync);
        if (_services.Config.FencingEnabled) return;
        foreach (var part in _clusters) RecoveryLog.FencingOff(_services.Log, part.Spec.Alias);
    }

    public void FleetChanged()
    {
        if (!FollowClusters()) return;
        foreach (var part in _clusters) part.Guardian.Tick();
        TellAndLook();
    }

    /// <summary>Parts come and go with the servers and clusters that are known. False: none did.</summary>
    private bool FollowClusters()
    {
        var specs = _services.Clusters;
        if (specs == _specs) return false;
        _specs = specs;
        var instances = specs.SelectMany(static c => c.Instances).DistinctBy(static i => i.Key).ToImmutableArray();
        _model.Follow(instances);
        var gone = _probers.Keys.Except(instances.Select(static i => i.Key)).ToArray();
        foreach (var key in gone)
        {
            _probers[key].End();
            _probers.Remove(key);
            Gate(key).Release();
            _gates.Remove(key);
        }

        foreach (var instance in instances)
        {
            if (_probers.TryGetValue(instance.Key, out var prober))
            {
                prober.Instance = instance;
                continue;
            }

            prober = _probers[instance.Key] = new Prober(_services, _door, _turn, instance, Samples, _ears);
            if (_isStarted) Drivers.Start(_services, "probing", prober.RunAsync);
        }

        var before = _clusters;
        _clusters = [.. specs.Select(spec => before.FirstOrDefault(c => string.Equals(c.Spec.Alias, spec.Alias, StringComparison.Ordinal)) ?? PartOf(spec))];
        foreach (var (part, spec) in _clusters.Zip(specs)) part.Spec.Spec = spec;

        // Its ledger went with it: the guardian sees that it has no duty any longer.
        foreach (var part in before.Except(_clusters))
        {
            part.Guardian.Tick();
            part.Stall.Tick();
        }

        return true;
    }

    private ClusterPart PartOf(ClusterSpec spec)
    {
        var cluster = new LiveCluster(spec);
        var guardian = new Guardian(_services, _model, _leases, Gate, spec.Alias);
        var hooks = new Hooks(_services, _leadership, _model, _turn, spec.Alias);
        var watch = new LeaderWatch(_services, _leadership, _model, _leases, cluster, _rules);
        return new ClusterPart(
            cluster,
            guardian,
            new(_services, _leadership, _model, _leases, _executor, Gate, guardian, hooks, spec.Alias),
            watch,
            new(_services, _leadership, _model, _turn, _door, _attachment, Gate, cluster),
            new(_services, _model, _executor.Takeovers, cluster, watch.CallOf, watch.Diagnose),
            new(_services, _leadership, _model, _leases, spec.Alias),
            hooks,
            new(_services, _leadership, _model, _turn, _door, cluster),
            new(_services, _leadership, _model, _turn, _door, cluster),
            new(_services, _model, Gate, _door, _turn, spec.Alias));
    }

    private ServerGate Gate(InstanceKey instance) =>
        _gates.TryGetValue(instance, out var gate) ? gate : _gates[instance] = new(_services, _door, _turn, instance);

    public void Tick()
    {
        _leadership.Ticked();
        _model.Health.DiskIs(silent: _services.IsDiskSilent);
        _model.Health.Ticked(_services.Now, _services.Config.Timing);
        foreach (var part in _clusters)
        {
            part.Guardian.Tick();
            part.Stall.Tick();
            part.Runner.Tick();
        }

        if (_services.Now >= _nextReport) TellAndLook();
        else TellNewWords();
    }

    public void Applied(HaCommand command, ApplyContext context, CommandResult result)
    {
        _leases.Applied(command, result);
        if (result is CommandResult.Done) Announce(command, context.Index);
        foreach (var part in _clusters)
        {
            part.Guardian.Tick();
            part.Runner.Tick();
        }

        TellNewWords();
    }

    public void Restored()
    {
        _leases.Restored();
        foreach (var part in _clusters)
        {
            part.Guardian.Tick();
            part.Runner.Tick();
            part.Watch.Look();
        }

        TellNewWords();
    }

    public void RaftChanged(RaftStatus status)
    {
        foreach (var part in _clusters)
        {
            if (status.Leader is not null) part.Guardian.RenewSoon();
            part.Guardian.Tick();
            part.Runner.Tick();
            part.Watch.Look();
        }
    }

    public void HeardFrom(NodeId peer, ReadOnlyMemory<byte> report)
    {
        try
        {
            if (PeerExtras.Is(report.Span))
            {
                _model.Hear(peer, PeerExtras.Decode(report.Span));
                return;
            }

            if (PeerWords<GoneUnder>.Is(report.Span)) _model.Hear(peer, PeerWords<GoneUnder>.Decode(report.Span));
            else if (PeerWords<StalledDisk>.Is(report.Span)) _model.Hear(peer, PeerWords<StalledDisk>.Decode(report.Span), _services.Now);
            else _model.Hear(peer, PeerReport.Decode(report.Span), _services.Now);
        }
        catch (WireFormatException e)
        {
            RecoveryLog.BadReport(_services.Log, peer, e.Message);
            return;
        }

        foreach (var part in _clusters)
        {
            part.Runner.Tick();
            part.Watch.Look();
        }
    }

    public bool IsLeaseHeld(string cluster) => _leases.IsHeld(cluster);

    public IReadOnlyList<ClusterPicture> Clusters() => [.. _clusters.Select(c => _pictures.Of(c.Spec))];

    /// <summary>One entry per cluster that has a primary, NoProblem included, with every member's vote.</summary>
    public IReadOnlyList<AnalysisPicture> Analysis() =>
        [.. _clusters.Select(c => c.Watch.Diagnose()).Where(d => d is not null).Select(d => Pictures.Of(d!))];

    public IReadOnlyList<AnalysisEntry> TopologyAnalysis()
    {
        var entries = new List<AnalysisEntry>();
        foreach (var part in _clusters)
        {
            var primary = part.Watch.Diagnose();
            var alias = _services.Fleet.AliasOf(part.Spec.Alias);
            foreach (var analysis in Failures.TopologyAnalysis.Of(_seeing.Of(part.Spec), _services.Config.Analysis))
            {
                if (analysis.Replicas.IsEmpty && !analysis.IsPrimary && analysis.Code == Failures.DiagnosisCode.NoProblem) continue;
                entries.Add(AnalysisPictures.Of(analysis, primary, part.Spec.Alias, alias));
            }
        }

        return entries;
    }

    /// <summary>Newest first, the open one included.</summary>
    public IReadOnlyList<RecoveryPicture> Recoveries() => [.. _services.Ha.Clusters
        .SelectMany(c => c.OpenRecovery is { } open ? c.Closed.Add(open) : c.Closed)
        .OrderByDescending(r => r.Id)
        .Select(Pictures.Of)];

    public RecoveryAnswer Plan(ApiRequest.StartRecovery wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        return _clusters.FirstOrDefault(c => string.Equals(c.Spec.Alias, wish.Alias, StringComparison.Ordinal)) is { } part
            ? part.Operators.Answer(wish)
            : RecoveryAnswer.No($"there is no cluster {wish.Alias}; there are: {string.Join(", ", _clusters.Select(c => c.Spec.Alias))}");
    }

    public IReadOnlyList<SkippedPicture> Skipped() => [.. _clusters.Select(c => c.Watch.Skipped).Where(s => s is not null).Select(s =>
        new SkippedPicture(s!.Cluster, s.Instance, s.Analysis, s.Reason.Code, s.Reason.Text, s.Reason.BlockedBy, s.SinceWallMs))];

    /// <summary>For the throttler: what it has no reason to know of recoveries and fencing.</summary>
    private void OpenDesk()
    {
        Samples.Clusters = () => _services.Clusters;
        Samples.PrimaryOf = alias => _services.Ha.Primary(alias);
        Samples.IsAside = (alias, key) => _services.Ha.Cluster(alias)?.AsideOf(key) is not null;
        Samples.WhyClosed = new ClosedReason(_services, _model, _leases).Of;
    }

    private void Observed(InstanceKey instance, Observation seen, TimeSpan askedAt)
    {
        var isNews = _model.Observe(instance, seen, askedAt, _services.Now);
        foreach (var part in _clusters) part.Guardian.Tick();
        if (isNews) TellAndLook();
    }

    private void TellAndLook()
    {
        var now = _services.Now;
        _nextReport = now + _services.Config.Timing.ReportInterval;
        _words = Words(static g => g.Word);
        _model.Compare(now, _services.Raft.Membership);
        _services.TellPeers(_model.Report(now, _words).Encode());
        TellGone();
        TellStalled(now);
        _publishing.Look();
        if (now >= _nextExtras)
        {
            _nextExtras = now + _services.Config.Timing.ReportInterval;
            _services.TellPeers(_model.Extras().Encode());
        }

        _discovery.Look();
        foreach (var part in _clusters)
        {
            part.Watch.Look();
            part.Returned.Look();
            part.Handover.Look();
            part.Hooks.Look();
            part.SemiSync.Look();
            part.Boot.Look();
        }
    }

    /// <summary>A guardian's word shortens a failover: it does not wait for the next report.</summary>
    private void TellNewWords()
    {
        if (!AreTold(_gone, static g => g.Gone)) TellGone();
        if (AreTold(_words, static g => g.Word)) return;
        _words = Words(static g => g.Word);
        _services.TellPeers(_model.Report(_services.Now, _words).Encode());
    }

    /// <summary>Told again with each report, for as long as there is one.</summary>
    private void TellGone()
    {
        _gone = Words(static g => g.Gone);
        if (!_gone.IsEmpty) _services.TellPeers(new PeerWords<GoneUnder>(_gone).Encode());
    }

    /// <summary>Told with each report for as long as a disk stands still, and once when it does no longer.</summary>
    private void TellStalled(TimeSpan now)
    {
        PeerWords<StalledDisk> stalled = new([.. _clusters.Select(static c => c.Stall.Word).Where(static w => w is not null).Select(static w => w!.Value)]);
        if (stalled.Words.IsEmpty && !_toldStalled) return;
        _toldStalled = !stalled.Words.IsEmpty;
        _model.Hear(_services.Config.Self, stalled, now);
        _services.TellPeers(stalled.Encode());
    }

    private ImmutableArray<T> Words<T>(Func<Guardian, T?> wordOf) where T : struct =>
        [.. _clusters.Select(c => wordOf(c.Guardian)).Where(w => w is not null).Select(w => w!.Value)];

    /// <summary>What the guardians have to say is what was told last. Asked often, so nothing is built.</summary>
    private bool AreTold<T>(ImmutableArray<T> told, Func<Guardian, T?> wordOf) where T : struct, IEquatable<T>
    {
        var same = 0;
        foreach (var part in _clusters)
        {
            if (wordOf(part.Guardian) is not { } word) continue;
            if (same == told.Length || !word.Equals(told[same])) return false;
            same++;
        }

        return same == told.Length;
    }

    /// <summary>Said once, by the node that leads when it applies the entry.</summary>
    private void Announce(HaCommand command, long index)
    {
        if (_services.Raft.Role != RaftRole.Leader) return;
        var (cluster, recovery, phase, step, detail) = command switch
        {
            HaCommand.OpenRecovery c => (c.Cluster, index, "opened", "", $"{c.Failed}: {c.Analysis}; {c.Votes}"),
            HaCommand.BeginRecovery c => (c.Cluster, index, "opened", "", $"{c.Failed}: {c.Analysis}{(c.By.Length > 0 ? $" by {c.By}" : "")}; {c.Votes}"),
            HaCommand.EndRecovery c => (c.Cluster, c.RecoveryId, "closed", "", $"{(c.Successful ? "successful" : "failed")}: {c.Detail}"),
            HaCommand.StepIntent c => (c.Cluster, c.RecoveryId, "intent", c.Kind, c.Target),
            HaCommand.StepOutcome c => (c.Cluster, c.RecoveryId, "outcome", $"{(RecoveryStep)c.Step}", $"{(c.Succeeded ? "done" : "failed")}: {c.Detail}"),
            HaCommand.CloseRecovery c => (c.Cluster, c.RecoveryId, "closed", "", $"{(c.Successful ? "successful" : "failed")}: {c.Detail}"),
            _ => ("", 0L, "", "", ""),
        };
        if (phase.Length == 0) return;
        Raft.Mark.ReachedIf(phase == "opened", "a recovery was opened");
        Raft.Mark.ReachedIf(phase == "closed", "a recovery was closed");
        Raft.Mark.ReachedIf(phase == "outcome" && detail.StartsWith("failed", StringComparison.Ordinal), "a step of a recovery failed");
        if (command is HaCommand.BeginRecovery) AnnounceOvertaken(cluster, index);
        RecoveryLog.Step(_services.Log, cluster, recovery, step, phase, detail);
        _services.Emit(new NodeEvent.Recovery(_services.Config.Self.Name, cluster, recovery, phase, step, detail));
    }

    /// <summary>The entry that opens a recovery of the primary closes an open one that leaves it where it is.</summary>
    private void AnnounceOvertaken(string cluster, long index)
    {
        var closing = HaState.OvertakenBy(index);
        if (_services.Ha.Cluster(cluster)?.Closed.LastOrDefault(r => r.Closing == closing) is not { } overtaken) return;
        RecoveryLog.Step(_services.Log, cluster, overtaken.Id, "", "closed", closing);
        _services.Emit(new NodeEvent.Recovery(_services.Config.Self.Name, cluster, overtaken.Id, "closed", "", $"failed: {closing}"));
    }
}
