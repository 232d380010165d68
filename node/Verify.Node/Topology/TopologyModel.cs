using System.Collections.Immutable;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Topology;

/// <summary>What this node has seen of every server and when, and what the others last told. Local; never in the log.</summary>
internal sealed class TopologyModel
{
    private readonly SortedDictionary<InstanceKey, InstanceView> _views = [];
    private readonly SortedDictionary<NodeId, (PeerReport Report, TimeSpan HeardAt, Dictionary<InstanceKey, InstanceReport> ByKey)> _reports = [];
    private readonly SortedDictionary<NodeId, Dictionary<InstanceKey, InstanceExtra>> _extras = [];
    private readonly SortedDictionary<NodeId, PeerWords<GoneUnder>> _gone = [];
    private readonly SortedDictionary<NodeId, (PeerWords<StalledDisk> Told, TimeSpan HeardAt)> _stalled = [];
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

    /// <summary>Takes in what changes seldom.</summary>
    public void Look(InstanceKey instance, DetailedLook look, TimeSpan now)
    {
        if (_views.GetValueOrDefault(instance) is { } view) _views[instance] = view with { Look = look, LookAt = now };
    }

    /// <summary>It was told to come up read-only and has agreed: that need not wait for the next look.</summary>
    public void ComesUpClosed(InstanceKey instance)
    {
        if (_views.GetValueOrDefault(instance) is { Look: { } look } view)
            _views[instance] = view with { Look = look with { Details = look.Details with { AfterRestart = MySql.RestartState.Closed } } };
    }

    /// <summary>Whether this node trusts its own eyes.</summary>
    public SelfHealth Health { get; } = new();

    public void Hear(NodeId peer, PeerExtras extras) => _extras[peer] = extras.Instances.ToDictionary(static i => i.Key);

    public void Hear(NodeId peer, PeerWords<GoneUnder> gone) => _gone[peer] = gone;

    public void Hear(NodeId peer, PeerWords<StalledDisk> stalled, TimeSpan now) => _stalled[peer] = (stalled, now);

    /// <summary>For how long no commit has returned from the disk of a server that answers, by the word of its guardian; null: nothing of the kind was told lately.</summary>
    public TimeSpan? StalledFor(NodeId guardian, string cluster, InstanceKey instance, TimeSpan now)
    {
        if (!_stalled.TryGetValue(guardian, out var heard) || now - heard.HeardAt > _config.Timing.ObservationAgeMax) return null;
        foreach (var word in heard.Told.Words)
            if (word.Instance == instance && string.Equals(word.Cluster, cluster, StringComparison.Ordinal)) return TimeSpan.FromMilliseconds(word.ForMs);
        return null;
    }

    public PeerExtras Extras() => new([.. _views.Values.Where(static v => v.FactsAt is not null || v.MissesInRow > 0 || v.TurnedDownBy != 0).Select(ExtraOf)]);

    private static InstanceExtra ExtraOf(InstanceView view) => new(
        view.Key, view.MissesInRow > 0 && view.Hung, view.MissesInRow > 0 && view.Refused, view.TurnedDownBy, view.Replica?.SqlThread,
        view.Look?.Detected.LagSeconds ?? view.Replica?.SecondsBehind);

    public void Hear(NodeId peer, PeerReport report, TimeSpan now) => _reports[peer] = (report, now, report.Instances.ToDictionary(static i => i.Key));

    /// <summary>The peer told something within this time.</summary>
    public bool HasHeard(NodeId peer, TimeSpan since) =>
        peer == _config.Self || (_reports.TryGetValue(peer, out var told) && told.HeardAt >= since);

    /// <summary>Some other node has reached this server lately.</summary>
    public bool IsReachedByAnother(InstanceKey instance, TimeSpan now) => _reports.Values.Any(told =>
        now - told.HeardAt <= _config.Timing.ObservationAgeMax && told.ByKey.TryGetValue(instance, out var i) && i is { State: SightState.Up });

    /// <summary>A guardian's word, its own or told, that the server is closed under this recovery.</summary>
    public bool HasWordOf(NodeId guardian, ClosedUnder word) =>
        _reports.TryGetValue(guardian, out var told) && told.Report.Closed.Contains(word);

    /// <summary>A guardian's word that the server's process has ended.</summary>
    public bool HasWordOf(NodeId guardian, GoneUnder word) => _gone.TryGetValue(guardian, out var told) && told.Words.Contains(word);

    /// <summary>What to tell the others.</summary>
    public PeerReport Report(TimeSpan now, ImmutableArray<ClosedUnder> closed) =>
        new([.. _views.Values.Select(v => ReportOf(v, now))], closed);

    /// <summary>Sees to it that this node doubts itself when it alone does not reach what most others reach.</summary>
    public void Compare(TimeSpan now, Membership membership)
    {
        var others = LiveMembers.Of(membership, _config).Where(m => m.IsVoter && m.Id != _config.Self && _reports.TryGetValue(m.Id, out var told)
            && now - told.HeardAt <= _config.Timing.ObservationAgeMax).Select(m => _reports[m.Id].ByKey).ToArray();
        var (compared, alone) = (0, 0);
        foreach (var view in _views.Values)
        {
            var state = view.StateAt(now, _config.Timing.ProbeInterval);
            if (state == SightState.Never) continue;
            var up = others.Count(o => o.TryGetValue(view.Key, out var i) && i is { State: SightState.Up });
            compared++;
            if (state == SightState.Down && up * 2 > others.Length) alone++;
        }

        Health.Compared(now, compared, alone, 2 * (_config.Timing.ProbeInterval + _config.Timing.ReportInterval));
    }

    /// <summary>What every voter sees of a cluster, this node first-hand, the others by their last report. A voter that never
    /// told anything is there with nothing.</summary>
    /// <param name="instances">Only these servers are of interest.</param>
    public ImmutableArray<NodeSight> Sights(TimeSpan now, Membership membership, IEnumerable<InstanceKey> instances)
    {
        var keys = instances as InstanceKey[] ?? [.. instances];
        return [.. LiveMembers.Of(membership, _config).Where(m => m.IsVoter).Select(m => new NodeSight(m.Id, m.Id == _config.Self ? Own(keys, now) : Told(m.Id, keys, now)))];
    }

    private ImmutableArray<InstanceSight> Own(InstanceKey[] keys, TimeSpan now)
    {
        var sights = ImmutableArray.CreateBuilder<InstanceSight>(keys.Length);
        foreach (var key in keys)
        {
            if (_views.GetValueOrDefault(key) is { } view) sights.Add(SightOf(ReportOf(view, now), TimeSpan.Zero, ExtraOf(view)));
        }

        return sights.ToImmutable();
    }

    private ImmutableArray<InstanceSight> Told(NodeId peer, InstanceKey[] keys, TimeSpan now)
    {
        if (!_reports.TryGetValue(peer, out var told)) return [];
        var extras = _extras.GetValueOrDefault(peer);
        var sights = ImmutableArray.CreateBuilder<InstanceSight>(keys.Length);
        foreach (var key in keys)
        {
            if (told.ByKey.TryGetValue(key, out var i)) sights.Add(SightOf(i, now - told.HeardAt, extras?.GetValueOrDefault(key)));
        }

        return sights.ToImmutable();
    }

    private static InstanceSight SightOf(InstanceReport told, TimeSpan sinceHeard, InstanceExtra? extra) => new(
        told.Key, told.State, TimeSpan.FromMilliseconds(told.AgeMs) + sinceHeard, told.IoThread, told.Source, told.Detail)
    {
        IsHung = extra?.IsHung ?? false, IsRefused = extra?.IsRefused ?? false, TurnedDownBy = extra?.TurnedDownBy ?? 0,
        SqlThread = extra?.SqlThread, LagSeconds = extra?.LagSeconds,
    };

    private InstanceReport ReportOf(InstanceView view, TimeSpan now)
    {
        var state = Health.Doubt is null ? view.StateAt(now, _config.Timing.ProbeInterval) : SightState.Never;
        var since = state switch
        {
            SightState.Up => view.AliveAt!.Value,
            SightState.Down => view.MissedAt!.Value,
            _ => now,
        };
        var isFresh = view.HasFactsSince(now - _config.Timing.ObservationAgeMax);
        return new(
            view.Key, state, (long)(now - since).TotalMilliseconds, isFresh ? view.Facts!.IsReadOnly : null,
            isFresh ? view.Replica?.IoThread : null, isFresh ? view.Source : null, view.ExecutedText,
            Health.Doubt is { } doubt ? $"{doubt}; {view.Problem}" : view.Problem);
    }
}
