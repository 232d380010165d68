using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State.Fleet;

namespace Verify.Node.Topology;

/// <summary>All clusters and their servers: those of the configuration, which stay whatever is found, and those that were found. A server
/// that was found below a configured one joins its cluster.</summary>
internal sealed class KnownClusters(NodeConfig config)
{
    private ImmutableArray<ClusterSpec> _all = config.Clusters;
    private long _changes;

    /// <summary>The same array until something of it changes.</summary>
    public ImmutableArray<ClusterSpec> Of(FleetState fleet)
    {
        if (fleet.Changes == _changes) return _all;
        _changes = fleet.Changes;
        var all = Join(fleet);
        if (!Same(all, _all)) _all = all;
        return _all;
    }

    private ImmutableArray<ClusterSpec> Join(FleetState fleet)
    {
        if (fleet.Servers.IsEmpty) return config.Clusters;
        var configured = config.Clusters.SelectMany(static c => c.Instances).Select(static i => i.Key).ToHashSet();
        var found = fleet.Servers.Values.Where(s => !configured.Contains(s.Key)).ToLookup(static s => s.Cluster, StringComparer.Ordinal);
        var all = ImmutableArray.CreateBuilder<ClusterSpec>();
        foreach (var spec in config.Clusters)
            all.Add(found[spec.Alias].Any() ? spec with { IsDeep = true, Instances = [.. spec.Instances, .. found[spec.Alias].Select(InstanceOf)] } : spec);
        foreach (var (name, cluster) in fleet.Clusters)
        {
            if (config.Clusters.Any(c => string.Equals(c.Alias, name, StringComparison.Ordinal)) || !found[name].Any()) continue;
            all.Add(new(name, [.. found[name].Select(InstanceOf)]) { Durability = config.Durability, IsDeep = true, IsManaged = cluster.IsManaged });
        }

        return all.ToImmutable();
    }

    private static Instance InstanceOf(FleetServer server) => new(server.Key, server.DataCenter);

    private static bool Same(ImmutableArray<ClusterSpec> a, ImmutableArray<ClusterSpec> b) => a.Length == b.Length
        && a.Zip(b).All(static p => string.Equals(p.First.Alias, p.Second.Alias, StringComparison.Ordinal) && p.First.IsManaged == p.Second.IsManaged
            && p.First.IsDeep == p.Second.IsDeep && p.First.Durability == p.Second.Durability && p.First.Instances.SequenceEqual(p.Second.Instances));
}

/// <summary>One cluster as it is at the moment: its servers come and go while its parts stay.</summary>
internal sealed class LiveCluster(ClusterSpec spec)
{
    public ClusterSpec Spec { get; set; } = spec;
    public string Alias => Spec.Alias;
    public ImmutableArray<Instance> Instances => Spec.Instances;
    public Durability Durability => Spec.Durability;
    public bool IsManaged => Spec.IsManaged;

    /// <inheritdoc cref="ClusterSpec.IsDeep"/>
    public bool IsDeep => Spec.IsDeep;
}
