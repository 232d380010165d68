using System.Text;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Tests;

/// <summary>Durability in the configuration file.</summary>
public sealed class DurabilityConfigTests
{
    [TestCase("", "main none 1, pay none 1")]
    [TestCase("\"SemiSync\": true,", "main semi_sync 1, pay semi_sync 1")]
    [TestCase("\"Durability\": \"cross_dc\", \"SemiSyncWaitForReplicaCount\": 2,", "main cross_dc 2, pay cross_dc 2")]
    [TestCase("\"SemiSync\": true, \"ClusterDurability\": { \"pay\": \"cross_dc\" },", "main semi_sync 1, pay cross_dc 1")]
    public void Every_cluster_has_a_policy(string lines, string expected) =>
        Assert.That(string.Join(", ", Parse(lines).Node.Clusters.Select(c => $"{c.Alias} {c.Durability.Name} {c.Durability.Acknowledgements}")), Is.EqualTo(expected));

    [TestCase("\"Durability\": \"full\",", "Durability")]
    [TestCase("\"SemiSync\": true, \"Durability\": \"none\",", "SemiSync is true")]
    [TestCase("\"ClusterDurability\": { \"pay\": \"often\" },", "pay has \"often\"")]
    [TestCase("\"ClusterDurability\": { \"shop\": \"none\" },", "shop is none")]
    [TestCase("\"SemiSyncWaitForReplicaCount\": 0,", "SemiSyncWaitForReplicaCount")]
    public void What_cannot_be_kept_is_refused(string lines, string problem) =>
        Assert.That(Assert.Throws<ConfigException>(() => Parse(lines))!.Problems, Has.Some.Contains(problem));

    private static HostConfig Parse(string lines) => HostConfig.Parse("node.json", Encoding.UTF8.GetBytes($$"""
        {
          "RaftDataDir": "d", "RaftNodes": [], "DataCenter": "east", "MySQLTopologyUser": "verify", {{lines}}
          "MySQLClusters": { "main": { "db1:3306": "east" }, "pay": { "db2:3306": "west" } }
        }
        """), static _ => null);
}
