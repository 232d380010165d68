using System.Collections.Immutable;
using System.Text.Json;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.NodeHost.Configuration;

/// <summary>The MySQL servers and how they are reached.</summary>
internal static class MySqlConfig
{
    /// <summary>"MySQLClusters": { "alias": { "host:port": "data centre", … }, … }.</summary>
    public static ImmutableArray<ClusterSpec> ClustersOf(ConfigValues values, DurabilityConfig durability)
    {
        const string expected = "an object { \"alias\": { \"host:port\": \"data centre\" } }";
        var deep = values.Texts("DeepClusters");
        if (values.Raw("MySQLClusters", expected) is not { } raw) return [];
        var clusters = ImmutableArray.CreateBuilder<ClusterSpec>();
        if (raw.ValueKind != JsonValueKind.Object)
        {
            values.Problem("MySQLClusters", expected);
            return [];
        }

        foreach (var cluster in raw.EnumerateObject())
        {
            if (cluster.Value.ValueKind != JsonValueKind.Object || cluster.Value.EnumerateObject().Any(s => s.Value.ValueKind != JsonValueKind.String))
            {
                values.Problem("MySQLClusters", expected);
                continue;
            }

            clusters.Add(new(cluster.Name, [.. cluster.Value.EnumerateObject()
                .Select(s => (At: values.EndpointOf("MySQLClusters", s.Name, 3306), Dc: s.Value.GetString()!))
                .Select(s => new Instance(new(s.At.Host, s.At.Port), s.Dc)).OrderBy(i => i.Key)]) { Durability = durability.Of(cluster.Name) });
        }

        foreach (var stranger in durability.Clusters.Keys.Where(k => !clusters.Any(c => string.Equals(c.Alias, k, StringComparison.Ordinal))))
            values.Problem("ClusterDurability", $"aliases of MySQLClusters, and {stranger} is none");
        foreach (var alias in deep.Where(d => !clusters.Any(c => string.Equals(c.Alias, d, StringComparison.Ordinal))))
            values.Problem("DeepClusters", $"a list of aliases of MySQLClusters; '{alias}' is none");
        return [.. clusters.Select(c => c with { IsDeep = deep.Contains(c.Alias, StringComparer.Ordinal) }).OrderBy(c => c.Alias, StringComparer.Ordinal)];
    }

    /// <summary>"AddressViews": { "data centre": { "name:port": "host:port as seen from there", … }, … }.</summary>
    public static AddressBook AddressesOf(ConfigValues values)
    {
        const string expected = "an object { \"data centre\": { \"name:port\": \"host:port as seen from there\" } }";
        if (values.Raw("AddressViews", expected) is not { } raw) return AddressBook.Empty;
        var views = new SortedDictionary<string, IReadOnlyDictionary<Endpoint, Endpoint>>(StringComparer.Ordinal);
        if (raw.ValueKind != JsonValueKind.Object || raw.EnumerateObject().Any(v => v.Value.ValueKind != JsonValueKind.Object))
        {
            values.Problem("AddressViews", expected);
            return AddressBook.Empty;
        }

        foreach (var view in raw.EnumerateObject())
        {
            var addresses = new SortedDictionary<Endpoint, Endpoint>();
            foreach (var entry in view.Value.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String) values.Problem("AddressViews", expected);
                else addresses[values.EndpointOf("AddressViews", entry.Name, null)] = values.EndpointOf("AddressViews", entry.Value.GetString()!, null);
            }

            views[view.Name] = addresses;
        }

        return new(views);
    }
}
