using System.Collections.Immutable;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Topology;

/// <summary>What this node has seen of every server and when, and what the others last told. Local; never in the log.</summary>
internal sealed class TopologyModel
{
    private readonly SortedDictionary<InstanceKey, InstanceView> _views = [];
    private readonly SortedDictionary<NodeId, (PeerReport Report, TimeSpan HeardAt)> _reports = [];
    private readonly NodeConfig _config;

    public TopologyModel(NodeConfig config)
    {
        _config = config;
        Follow(config.Clusters.SelectMany(static c => c.Instances));
    }

    /// <summary>The servers that are looked at from now on; what was seen of those that stay is kept.</summary>
    public void Follow(IEnumerable<Instance> instances)
    {
        var gone = _views.Keys.ToHashSet();
        foreach (var instance in instances)
        {
            gone.Remove(instance.Key);
            var known = _views.GetValueOrDefault(instance.Key);
            if (known is null) _views[instance.Key] = new(instance.Key, instance.DataCenter);
            else if (!string.Equals(known.DataCenter, instance.DataCenter, StringComparison.Ordinal)) _views[instance.Key] = known with { DataCenter = instance.DataCenter };
        }

        foreach (var key in gone) _views.Remove(key);
    }

    /// <summary>One that is not looked at is one that was never seen.</summary>
    public InstanceView View(InstanceKey instance) => _views.GetValueOrDefault(instance) ?? new(instance, "");

    /// <summary>Takes one observation in. True when it changes what a decision may rest on.</summary>
    public bool Observe(InstanceKey instance, Observation seen, TimeSpan askedAt, TimeSpan now)
    {
        if (_views.GetValueOrDefault(instance) is not { } before) return false;
        var after = before.After(seen, askedAt, now);
        _views[instance] = after;
        var interval = _config.Timing.ProbeInterval;
        return before.StateAt(now, interval) != after.StateAt(now, interval)
            || before.Facts?.IsReadOnly != after.Facts?.IsReadOnly
            || before.Replica?.IoThread != after.Replica?.IoThread
            || before.Source != after.Source;
    }

    public void Hear(NodeId peer, PeerReport report, TimeSpan now) => _reports[peer] = (report, now);

    /// <summary>The peer told something within this time.</summary>
    public bool HasHeard(NodeId peer, TimeSpan since) =>
        peer == _config.Self || (_reports.TryGetValue(peer, out var told) && told.HeardAt >= since);

    /// <summary>A guardian's word, its own or told, that the server is closed under this recovery.</summary>
    public bool HasWordOf(NodeId guardian, ClosedUnder word) =>
        _reports.TryGetValue(guardian, out var told) && told.Report.Closed.Contains(word);

    /// <summary>What to tell the others.</summary>
    public PeerReport Report(TimeSpan now, ImmutableArray<ClosedUnder> closed) =>
        new([.. _views.Values.Select(v => ReportOf(v, now))], closed);

    /// <summary>What every voter sees of a cluster, this node first-hand, the others by their last report. A voter that never
    /// told anything is there with nothing.</summary>
    public ImmutableArray<NodeSight> Sights(TimeSpan now, Membership membership) =>
        [.. LiveMembers.Of(membership, _config).Where(m => m.IsVoter).Select(m => new NodeSight(m.Id, m.Id == _config.Self
            ? [.. _views.Values.Select(v => SightOf(ReportOf(v, now), TimeSpan.Zero))]
            : Told(m.Id, now)))];

    private ImmutableArray<InstanceSight> Told(NodeId peer, TimeSpan now) => _reports.TryGetValue(peer, out var told)
        ? [.. told.Report.Instances.Select(i => SightOf(i, now - told.HeardAt))]
        : [];

    private static InstanceSight SightOf(InstanceReport told, TimeSpan sinceHeard) => new(
        told.Key, told.State, TimeSpan.FromMilliseconds(told.AgeMs) + sinceHeard, told.IoThread, told.Source, told.Detail);

    private InstanceReport ReportOf(InstanceView view, TimeSpan now)
    {
        var state = view.StateAt(now, _config.Timing.ProbeInterval);
        var since = state switch
        {
            SightState.Up => view.AliveAt!.Value,
            SightState.Down => view.MissedAt!.Value,
            _ => now,
        };
        var isFresh = view.HasFactsSince(now - _config.Timing.ObservationAgeMax);
        return new(
            view.Key, state, (long)(now - since).TotalMilliseconds, isFresh ? view.Facts!.IsReadOnly : null,
            isFresh ? view.Replica?.IoThread : null, isFresh ? view.Source : null, view.Facts?.Executed.ToString() ?? "", view.Problem);
    }
}
