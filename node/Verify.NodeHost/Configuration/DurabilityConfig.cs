using Verify.Node.Loop;

namespace Verify.NodeHost.Configuration;

/// <summary>"Durability": "none" | "semi_sync" | "cross_dc" for all clusters, "ClusterDurability": { "alias": … } for single ones of MySQLClusters,
/// "SemiSync": true as another word for semi_sync.</summary>
/// <param name="Default">Of clusters without a line of their own.</param>
internal sealed record DurabilityConfig(Durability Default, IReadOnlyDictionary<string, Durability> Clusters)
{
    private static readonly string[] Names = ["none", "semi_sync", "cross_dc"];

    public Durability Of(string alias) => Clusters.TryGetValue(alias, out var own) ? own : Default;

    public static DurabilityConfig Read(ConfigValues values)
    {
        var isSemiSync = values.Bool("SemiSync", false);
        var name = values.Choice("Durability", isSemiSync ? "semi_sync" : "none", Names);
        if (isSemiSync && name == "none") values.Problem("Durability", "\"semi_sync\" or \"cross_dc\", because SemiSync is true: leave one of the two out");
        var acknowledgements = values.Int("SemiSyncWaitForReplicaCount", 1, 1, Durability.AcknowledgementsMax);
        var clusters = new SortedDictionary<string, Durability>(StringComparer.Ordinal);
        foreach (var (alias, own) in values.Map("ClusterDurability"))
        {
            if (Durability.Named(own) is { } durability) clusters[alias] = durability with { Acknowledgements = acknowledgements };
            else values.Problem("ClusterDurability", $"an object {{ \"alias\": one of {string.Join(", ", Names.Select(n => $"\"{n}\""))} }}, and {alias} has \"{own}\"");
        }

        return new(Durability.Named(name)! with { Acknowledgements = acknowledgements }, clusters);
    }
}
