using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>The stores and their hosts: clusters that the node looks after, lists from the configuration, and what inventories last said. On
/// the loop.</summary>
internal sealed class StoreHosts(ThrottleSettings settings, SampleDesk desk)
{
    private readonly SortedDictionary<string, (ImmutableArray<InstanceKey>? Hosts, string Problem)> _inventories = new(StringComparer.Ordinal);
    private readonly SortedSet<(string Store, InstanceKey Host)> _switchedOff = [];
    private Plan? _plan;

    /// <summary>Every store there is, by name.</summary>
    public ImmutableArray<ThrottledCluster> Stores => Current.Stores;

    /// <summary>How a server is to be sampled, for all stores that may count it, the primary included: who is primary may change at any
    /// time. Null: no store counts it.</summary>
    public SampleWish? WishFor(InstanceKey host) => Current.Wishes.GetValueOrDefault(host);

    /// <summary>Servers that the node has no prober for, with the store by whose settings they are asked.</summary>
    public SortedDictionary<InstanceKey, ThrottledCluster> Outside => Current.Outside;

    /// <summary>An inventory was read, or could not be: then the hosts that it gave last stay.</summary>
    public void Heard(string store, ImmutableArray<InstanceKey>? hosts, string problem)
    {
        _inventories[store] = (hosts ?? _inventories.GetValueOrDefault(store).Hosts, problem);
        _plan = null;
    }

    /// <summary>The HTTP check of a host was answered. 404 alone takes the host out, as in freno: a check that says anything else, or nothing at
    /// all, must not hide a host that lags.</summary>
    /// <param name="status">Null: no answer.</param>
    /// <returns>True when the host counts now and did not before, or the other way round.</returns>
    public bool Checked(ThrottledCluster store, InstanceKey host, int? status) =>
        status == 404 ? _switchedOff.Add((store.Name, host)) : _switchedOff.Remove((store.Name, host));

    /// <summary>Its HTTP check has said 404 last.</summary>
    public bool IsSwitchedOff(ThrottledCluster store, InstanceKey host) => _switchedOff.Contains((store.Name, host));

    /// <summary>The hosts whose lag counts; null while nobody has said which.</summary>
    public (IReadOnlyList<InstanceKey>? Hosts, string Problem) Of(ThrottledCluster store) => store.Hosts switch
    {
        HostSource.Static(var hosts) => (hosts, ""),
        HostSource.Own => Own(store.Name) is { } own ? (own, "") : (null, $"this node looks after no cluster {store.Name}, and the store names no other source of hosts"),
        _ => _inventories.TryGetValue(store.Name, out var heard) ? (heard.Hosts is { } hosts ? hosts : null, heard.Problem) : (null, ""),
    };

    private Plan Current
    {
        get
        {
            var clusters = desk.Clusters();
            if (_plan is null || _plan.Clusters != clusters) _plan = Make(clusters);
            return _plan;
        }
    }

    private Plan Make(ImmutableArray<ClusterSpec> clusters)
    {
        var names = new SortedSet<string>(clusters.Select(c => c.Alias), StringComparer.Ordinal);
        names.UnionWith(settings.Clusters.Select(c => c.Name));
        var stores = names.Select(settings.Of).ToImmutableArray();
        var wishes = new Dictionary<InstanceKey, SampleWish>();
        var looked = clusters.SelectMany(c => c.Instances).Select(i => i.Key).ToImmutableSortedSet();
        var outside = new SortedDictionary<InstanceKey, ThrottledCluster>();
        foreach (var store in stores)
        {
            var isOwn = store.Hosts is HostSource.Own;
            var hosts = isOwn ? clusters.Where(c => string.Equals(c.Alias, store.Name, StringComparison.Ordinal)).SelectMany(c => c.Instances).Select(i => i.Key) : Of(store).Hosts ?? [];
            foreach (var host in hosts)
            {
                var wish = wishes.GetValueOrDefault(host) ?? new([], settings.CollectInterval);
                wishes[host] = new(wish.Metrics.Contains(store.Metric) ? wish.Metrics : wish.Metrics.Add(store.Metric), store.CacheFor > wish.Every ? store.CacheFor : wish.Every);
                if (!isOwn && !looked.Contains(host)) outside.TryAdd(host, store);
            }
        }

        return new(clusters, stores, wishes, outside);
    }

    /// <summary>A primary has nobody to lag behind, and a server that was set aside is known not to replicate. Where nobody else is left the
    /// primary alone counts.</summary>
    private List<InstanceKey>? Own(string alias)
    {
        if (desk.Clusters().FirstOrDefault(c => string.Equals(c.Alias, alias, StringComparison.Ordinal)) is not { } cluster) return null;
        var primary = desk.PrimaryOf(alias);
        var all = cluster.Instances.Select(i => i.Key).Where(key => !desk.IsAside(alias, key)).ToList();
        var replicas = all.Where(key => key != primary).ToList();
        return replicas.Count > 0 ? replicas : all;
    }

    /// <summary>What follows from the clusters and the inventories; made anew when they change.</summary>
    private sealed record Plan(
        ImmutableArray<ClusterSpec> Clusters, ImmutableArray<ThrottledCluster> Stores, Dictionary<InstanceKey, SampleWish> Wishes,
        SortedDictionary<InstanceKey, ThrottledCluster> Outside);
}
