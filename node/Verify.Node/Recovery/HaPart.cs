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
    private readonly Pictures _pictures;
    private readonly Leadership _leadership;
    private readonly ImmutableArray<Prober> _probers;
    private readonly ImmutableArray<ClusterPart> _clusters;
    private TimeSpan _nextReport;
    private ImmutableArray<ClosedUnder> _words = [];

    public HaPart(INodeServices services) : this(services, new MySqlDoor(services)) { }

    internal HaPart(INodeServices services, IServerDoor door)
    {
        _services = services;
        _model = new(services.Config);
        _leases = new(services);
        _leadership = new(services);
        _pictures = new(services, _model, _leases);
        OpenDesk();
        var turn = new LoopTurn(services);
        var gates = new SortedDictionary<InstanceKey, ServerGate>();
        var instances = services.Config.Clusters.SelectMany(c => c.Instances).ToImmutableArray();
        foreach (var instance in instances) gates[instance.Key] = new(services, door, turn, instance.Key);
        _probers = [.. instances.Select(i => new Prober(services, door, turn, i, Samples, Observed))];
        var attachment = new ReplicaAttachment(services);
        var executor = new StepExecutor(services, _model, turn, door, attachment);
        _clusters = [.. services.Config.Clusters.Select(spec =>
        {
            var guardian = new Guardian(services, _model, _leases, key => gates[key], spec.Alias);
            return new ClusterPart(
                spec,
                guardian,
                new(services, _leadership, _model, _leases, executor, key => gates[key], guardian, spec.Alias),
                new(services, _leadership, _model, _leases, spec),
                new(services, _leadership, _model, turn, door, attachment, key => gates[key], spec));
        })];
    }

    /// <summary>The deciders of one cluster.</summary>
    private sealed record ClusterPart(
        ClusterSpec Spec, Guardian Guardian, RecoveryRunner Runner, LeaderWatch Watch, ReturnedServers Returned);

    /// <summary>Between the probers and the throttler.</summary>
    internal SampleDesk Samples { get; } = new();

    public void Start()
    {
        foreach (var prober in _probers) Drivers.Start(_services, "probing", prober.RunAsync);
        if (_services.Config.FencingEnabled) return;
        foreach (var part in _clusters) RecoveryLog.FencingOff(_services.Log, part.Spec.Alias);
    }

    public void Tick()
    {
        _leadership.Ticked();
        foreach (var part in _clusters)
        {
            part.Guardian.Tick();
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
            _model.Hear(peer, PeerReport.Decode(report.Span), _services.Now);
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

    public IReadOnlyList<ClusterPicture> Clusters() => [.. _clusters.Select(c => _pictures.Of(c.Spec))];

    /// <summary>One entry per cluster that has a primary, NoProblem included, with every member's vote.</summary>
    public IReadOnlyList<AnalysisPicture> Analysis() =>
        [.. _clusters.Select(c => c.Watch.Diagnose()).Where(d => d is not null).Select(d => Pictures.Of(d!))];

    /// <summary>Newest first, the open one included.</summary>
    public IReadOnlyList<RecoveryPicture> Recoveries() => [.. _services.Ha.Clusters
        .SelectMany(c => c.OpenRecovery is { } open ? c.Closed.Add(open) : c.Closed)
        .OrderByDescending(r => r.Id)
        .Select(Pictures.Of)];

    /// <summary>For the throttler: what it has no reason to know of recoveries and fencing.</summary>
    private void OpenDesk()
    {
        Samples.Clusters = () => _services.Config.Clusters;
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
        _words = Words();
        _services.TellPeers(_model.Report(now, _words).Encode());
        foreach (var part in _clusters)
        {
            part.Watch.Look();
            part.Returned.Look();
        }
    }

    /// <summary>A guardian's word shortens a failover: it does not wait for the next report.</summary>
    private void TellNewWords()
    {
        var words = Words();
        if (words.SequenceEqual(_words)) return;
        _words = words;
        _services.TellPeers(_model.Report(_services.Now, words).Encode());
    }

    private ImmutableArray<ClosedUnder> Words() =>
        [.. _clusters.Select(c => c.Guardian.Word).Where(w => w is not null).Select(w => w!.Value)];

    /// <summary>Said once, by the node that leads when it applies the entry.</summary>
    private void Announce(HaCommand command, long index)
    {
        if (_services.Raft.Role != RaftRole.Leader) return;
        var (cluster, recovery, phase, step, detail) = command switch
        {
            HaCommand.OpenRecovery c => (c.Cluster, index, "opened", "", $"{c.Failed}: {c.Analysis}; {c.Votes}"),
            HaCommand.StepIntent c => (c.Cluster, c.RecoveryId, "intent", c.Kind, c.Target),
            HaCommand.StepOutcome c => (c.Cluster, c.RecoveryId, "outcome", $"{(RecoveryStep)c.Step}", $"{(c.Succeeded ? "done" : "failed")}: {c.Detail}"),
            HaCommand.CloseRecovery c => (c.Cluster, c.RecoveryId, "closed", "", $"{(c.Successful ? "successful" : "failed")}: {c.Detail}"),
            _ => ("", 0L, "", "", ""),
        };
        if (phase.Length == 0) return;
        Raft.Mark.ReachedIf(phase == "opened", "a recovery was opened");
        Raft.Mark.ReachedIf(phase == "closed", "a recovery was closed");
        Raft.Mark.ReachedIf(phase == "outcome" && detail.StartsWith("failed", StringComparison.Ordinal), "a step of a recovery failed");
        RecoveryLog.Step(_services.Log, cluster, recovery, step, phase, detail);
        _services.Emit(new NodeEvent.Recovery(_services.Config.Self.Name, cluster, recovery, phase, step, detail));
    }
}
