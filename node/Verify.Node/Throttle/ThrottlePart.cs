using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Throttle;
using Verify.Node.Telemetry;
using Verify.Node.Throttle.Backend;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>freno's job, on the loop: takes the samples that probers and collectors bring, has them judged, and publishes what checks are
/// answered from. Every node collects all the time, at the pace of its probes, and so knows the lag when it begins to lead; the leader
/// collects at <see cref="ThrottleSettings.CollectInterval"/>.</summary>
internal sealed class ThrottlePart
{
    private static readonly TimeSpan ClosedLookInterval = TimeSpan.FromMilliseconds(50);
    private readonly INodeServices _services;
    private readonly ReplicatedState _state;
    private readonly SampleDesk _desk;
    private readonly Func<TimeSpan?> _leadsUntil;
    private readonly ThrottleSettings _settings;
    private readonly StoreHosts _hosts;
    private readonly OutsideDrivers _drivers;

    /// <summary>Never enumerated: only looked up.</summary>
    private readonly Dictionary<(InstanceKey Host, LagMetric Metric), HostSamples> _samples = [];
    private readonly SortedDictionary<string, StoreView> _views = new(StringComparer.Ordinal);
    private readonly SortedSet<InstanceKey> _fresh = [];
    private readonly SortedSet<string> _dirty = new(StringComparer.Ordinal);
    private (ThrottleState State, long Version) _appsOf;
    private Dictionary<string, int> _apps = [];
    private ImmutableSortedSet<string> _skipped = ImmutableSortedSet<string>.Empty;
    private ImmutableArray<ThrottledCluster> _stores = [];
    private TimeSpan _nextLook;
    private bool _isLeading;

    public ThrottlePart(INodeServices services, ReplicatedState state, SampleDesk desk, Func<TimeSpan?> leadsUntil)
    {
        (_services, _state, _desk, _leadsUntil, _settings) = (services, state, desk, leadsUntil, services.Config.Throttle);
        _hosts = new(_settings, desk);
        _drivers = new(services, _hosts, this);
        Backend = _settings.Backend is { } backend ? new(services, backend, Changed) : null;
        Board = new(() => services.Now, new(services.Seam.Dice.Fork("throttle")), _settings.SampleAgeMax, _settings.LowPriorityDeniedFor);
        desk.WishFor = Wish;
        desk.Took = Took;
    }

    public ThrottleBoard Board { get; }
    public ThrottleSettings Settings => _settings;

    /// <summary>Every store with its latest verdict, by name; empty on a node that does not lead.</summary>
    public IEnumerable<StoreView> Views => _isLeading ? _views.Values : [];

    /// <summary>Where the leader is agreed on instead of by Raft; null: by Raft.</summary>
    public BackendDriver? Backend { get; }

    public void Start()
    {
        _drivers.Start();
        Backend?.Start();
    }

    public void Tick()
    {
        _drivers.Tick();
        Backend?.Desk.End(_services.Now);
        Publish(all: false);
    }

    /// <summary>An entry was applied, or the state replaced, or Raft's role or lease changed. Before anybody is answered.</summary>
    public void Changed() => Publish(all: true);

    /// <summary>How a server is to be sampled now. A node that does not lead asks with its probes only.</summary>
    public SampleWish? Wish(InstanceKey host) => _hosts.WishFor(host) is { } wish ? _isLeading ? wish : wish with { Every = TimeSpan.Zero } : null;

    public void Took(InstanceKey host, LagMetric metric, MetricSample sample)
    {
        _samples[(host, metric)] = (_samples.GetValueOrDefault((host, metric)) ?? new(null, null)).After(sample);
        _fresh.Add(host);
        if (_settings.TellsSamples && sample.CameBack)
            _services.Emit(new NodeEvent.Sampled(_services.Config.Self.Name, host.ToString(), (_services.Now - sample.AskedAt).TotalMilliseconds));
    }

    /// <summary>An inventory or an HTTP check has news: the store is judged anew at the next tick.</summary>
    public void HostsChanged(string store) => _dirty.Add(store);

    private TimeSpan? LeadsUntil()
    {
        var raft = _leadsUntil();
        if (Backend is not { } backend) return raft;
        return raft is { } until && backend.Desk.LeadsUntil(_services.Now) is { } lease ? (lease < until ? lease : until) : null;
    }

    private void Publish(bool all)
    {
        var until = LeadsUntil();
        if (until is null)
        {
            if (_isLeading) Board.Publish(ThrottlePicture.Blank);
            _isLeading = false;
            _fresh.Clear();
            return;
        }

        all |= !_isLeading;
        _isLeading = true;
        all |= TakeApps();
        var isNews = Judge(all);
        var stores = isNews ? new Dictionary<string, StoreVerdict>(_views.Select(v => KeyValuePair.Create(v.Key, v.Value.Verdict)), StringComparer.Ordinal) : Board.Picture.Stores;
        Board.Publish(new(until, stores, _apps));
    }

    /// <summary>True when who is skipped has changed.</summary>
    private bool TakeApps()
    {
        var throttle = Backend?.Desk.Throttled ?? _state.Throttle;
        if (_appsOf == (throttle, throttle.Version)) return false;
        _appsOf = (throttle, throttle.Version);
        _apps = new(throttle.Apps.Select(a => KeyValuePair.Create(a.Key, a.RatioPerMillion)), StringComparer.Ordinal);
        var skipped = throttle.Hosts.Select(h => h.Host).ToImmutableSortedSet(StringComparer.Ordinal);
        var isNews = !skipped.SetEquals(_skipped);
        _skipped = skipped;
        return isNews;
    }

    /// <summary>Judges every store about which there is news. True when a verdict is another one.</summary>
    private bool Judge(bool all)
    {
        var now = _services.Now;
        var stores = _hosts.Stores;
        var isNews = stores != _stores;
        if (isNews)
        {
            foreach (var gone in _views.Keys.Except(stores.Select(s => s.Name), StringComparer.Ordinal).ToArray()) _views.Remove(gone);
            _stores = stores;
        }

        // What changes with an entry of the log is looked at with the entry; what time does to a lease, a few times a second.
        var looks = all || isNews || now >= _nextLook;
        if (looks) _nextLook = now + ClosedLookInterval;
        foreach (var store in stores)
        {
            var known = _views.GetValueOrDefault(store.Name);
            var closed = looks ? WhyClosed(store) : known?.WhyClosed;
            var isDue = all || known is null || known.WhyClosed != closed || (known.Verdict.HoldsUntil <= now && known.JudgedAt < known.Verdict.HoldsUntil)
                || _dirty.Contains(store.Name) || (_fresh.Count > 0 && known.Hosts.Any(_fresh.Contains));
            if (!isDue) continue;
            isNews = true;
            _views[store.Name] = View(store, known, closed, now);
        }

        _fresh.Clear();
        _dirty.Clear();
        return isNews;
    }

    private string? WhyClosed(ThrottledCluster store) =>
        store.Hosts is HostSource.Own || _desk.PrimaryOf(store.Name) is not null ? _desk.WhyClosed(store.Name) : null;

    private StoreView View(ThrottledCluster store, StoreView? known, string? closed, TimeSpan now)
    {
        var (hosts, problem) = _hosts.Of(store);
        var mark = known?.Mark ?? new LagMark();
        var sight = new StoreSight(store, hosts, problem, host => _samples.GetValueOrDefault((host, store.Metric)), closed)
        {
            Skipped = _skipped, IsSwitchedOff = host => _hosts.IsSwitchedOff(store, host), Primary = store.Hosts is HostSource.Own ? _desk.PrimaryOf(store.Name) : null,
        };
        var verdict = ThrottleJudge.Judge(sight, mark, now, _settings.SampleAgeMax);
        var isHealthy = verdict.Fixed is null && now < verdict.HoldsUntil && verdict.Value <= verdict.Threshold;
        return new(store.Name, verdict, mark, hosts is null ? [] : [.. hosts], closed, now, isHealthy ? now : known?.HealthyAt);
    }
}

/// <summary>A store as the leader judged it last.</summary>
internal sealed record StoreView(
    string Name, StoreVerdict Verdict, LagMark Mark, ImmutableArray<InstanceKey> Hosts, string? WhyClosed, TimeSpan JudgedAt, TimeSpan? HealthyAt);
