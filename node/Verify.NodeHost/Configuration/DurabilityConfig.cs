using Verify.Node.Loop;

namespace Verify.NodeHost.Configuration;

/// <summary>"Durability": "none" | "semi_sync" | "cross_dc" for all clusters, "ClusterDurability": { "alias": … } for single ones, "SemiSync": true as
/// another word for semi_sync.</summary>
internal static class DurabilityConfig
{
    private static readonly string[] Names = ["none", "semi_sync", "cross_dc"];

    /// <summary>Of clusters that no line of its own names.</summary>
    public static Durability Of(ConfigValues values)
    {
        var isSemiSync = values.Bool("SemiSync", false);
        var policy = Durability.Named(values.Choice("Durability", isSemiSync ? "semi_sync" : "none", Names))!;
        if (isSemiSync && policy.Policy == DurabilityPolicy.None) values.Problem("Durability", "\"semi_sync\" or \"cross_dc\", because SemiSync is true: leave one of the two out");
        return Measured(values, policy);
    }

    public static Durability OfCluster(ConfigValues values, string alias)
    {
        var named = values.Map("ClusterDurability");
        if (!named.TryGetValue(alias, out var name)) return Of(values);
        if (Durability.Named(name) is { } policy) return Measured(values, policy);
        values.Problem("ClusterDurability", $"an object {{ \"alias\": one of {string.Join(", ", Names.Select(n => $"\"{n}\""))} }}, and {alias} has '{name}'");
        return Durability.None;
    }

    private static Durability Measured(ConfigValues values, Durability policy) =>
        policy with { Acknowledgements = values.Int("SemiSyncWaitForReplicaCount", 1, 1, Durability.AcknowledgementsMax) };
}
