using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State.Fleet;

namespace Verify.Node.Topology;

/// <summary>From servers and their sources to clusters. Pure.</summary>
internal static class FleetJudgement
{
    private const int DepthMax = 64;

    /// <summary>What is new; null when nothing is.</summary>
    /// <param name="found">Servers that answered and are not known.</param>
    /// <param name="clusters">All that are known, the configured ones included.</param>
    /// <param name="view">What is seen of a known one.</param>
    /// <param name="gone">Sources that were looked for and do not answer.</param>
    public static FleetCommand.Learn? Of(
        FleetState fleet, NodeConfig config, IEnumerable<Inspection> found, ImmutableArray<ClusterSpec> clusters, Func<InstanceKey, InstanceView> view, HashSet<InstanceKey> gone)
    {
        var settings = config.Discovery;
        var clusterOf = new SortedDictionary<InstanceKey, string>();
        foreach (var spec in clusters)
            foreach (var instance in spec.Instances) clusterOf[instance.Key] = spec.Alias;
        var inspected = new SortedDictionary<InstanceKey, Inspection>();
        foreach (var inspection in found) inspected.TryAdd(inspection.Key, inspection);

        var servers = ImmutableArray.CreateBuilder<FleetServer>();
        var made = ImmutableArray.CreateBuilder<FleetCluster>();
        foreach (var inspection in inspected.Values)
        {
            if (ClusterFor(inspection) is not { } cluster) continue;
            servers.Add(ServerOf(inspection.Key, cluster, inspection.Look?.Detected, settings, known: fleet.Servers.GetValueOrDefault(inspection.Key)));
        }

        // What the detect queries say of known ones may have changed.
        foreach (var known in fleet.Servers.Values)
        {
            var now = ServerOf(known.Key, known.Cluster, view(known.Key).Look?.Detected, settings, known);
            if (now != known) servers.Add(now);
        }

        // Of configured ones only what the configuration does not say: names for people, and who is to be promoted.
        foreach (var spec in config.Clusters)
        {
            foreach (var key in spec.Instances.Select(static i => i.Key).Where(k => !fleet.Servers.ContainsKey(k)))
            {
                if (view(key).Look?.Detected is { } detected && (detected.InstanceAlias is not null || detected.PromotionRule is not null))
                    servers.Add(ServerOf(key, spec.Alias, detected, settings, known: null));
            }
        }

        return servers.Count == 0 ? null : new(servers.ToImmutable(), made.ToImmutable());

        // Up from source to source until one is known, or there is no further one.
        string? ClusterFor(Inspection of)
        {
            var path = new SortedSet<InstanceKey>();
            var at = of;
            for (var steps = 0; steps < DepthMax; steps++)
            {
                if (clusterOf.TryGetValue(at.Key, out var known)) return Joined(path.Append(of.Key), known);
                path.Add(at.Key);
                if (at.Source is not { } source || source.Host.StartsWith("//", StringComparison.Ordinal) || gone.Contains(source)) return Joined(path, NewCluster(at));
                if (clusterOf.TryGetValue(source, out var above)) return Joined(path, above);

                // Co-primaries: the first of them by name gives the cluster its name.
                if (path.Contains(source)) return Joined(path, NewCluster(inspected[path.First(k => IsOnCircle(k))]));
                if (!inspected.TryGetValue(source, out var next)) return settings.IgnoreSources.Any(i => i.IsMatch(source.ToString())) ? Joined(path, NewCluster(at)) : null;
                at = next;
            }

            return null;
        }

        bool IsOnCircle(InstanceKey key)
        {
            var at = key;
            for (var steps = 0; steps < DepthMax; steps++)
            {
                if (!inspected.TryGetValue(at, out var seen) || seen.Source is not { } source) return false;
                if (source == key) return true;
                at = source;
            }

            return false;
        }

        string Joined(IEnumerable<InstanceKey> path, string cluster)
        {
            foreach (var key in path) clusterOf[key] = cluster;
            return cluster;
        }

        string NewCluster(Inspection top)
        {
            var below = inspected.Values.FirstOrDefault(i => i.Source == top.Key && clusterOf.ContainsKey(i.Key));
            if (below is not null) return clusterOf[below.Key];
            var primary = clusters.FirstOrDefault(c => c.Instances.Any(i => view(i.Key).Source == top.Key));
            if (primary is not null) return primary.Alias;
            var alias = AliasOf(top, settings);
            var isTaken = alias.Length == 0 || clusters.Any(c => Same(c.Alias, alias)) || made.Any(c => Same(c.Name, alias)) || fleet.Clusters.ContainsKey(alias);
            var name = isTaken ? top.Key.ToString() : alias;
            var isManaged = settings.ManagedClusters.Any(m => m.IsMatch(name) || (alias.Length > 0 && m.IsMatch(alias)));
            made.Add(new(name, alias, top.Look?.Detected.ClusterDomain ?? "", isManaged));
            return name;
        }
    }

    private static string AliasOf(Inspection top, DiscoverySettings settings)
    {
        if (top.Look?.Detected.ClusterAlias is { } detected) return detected;
        foreach (var (name, alias) in settings.Aliases)
            if (name.IsMatch(top.Key.ToString())) return alias;
        return "";
    }

    private static FleetServer ServerOf(InstanceKey key, string cluster, Detected? detected, DiscoverySettings settings, FleetServer? known) => new(
        key, cluster, DataCenterOf(key, detected, settings) ?? known?.DataCenter ?? "", detected?.InstanceAlias ?? known?.Alias ?? "",
        detected?.PromotionRule ?? known?.PromotionRule ?? "");

    private static string? DataCenterOf(InstanceKey key, Detected? detected, DiscoverySettings settings)
    {
        if (detected?.DataCenter is { } asked) return asked;
        if (settings.DataCenterPattern?.Match(key.Host) is not { Success: true } match) return null;
        return match.Groups.Count > 1 ? match.Groups[1].Value : match.Value;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
