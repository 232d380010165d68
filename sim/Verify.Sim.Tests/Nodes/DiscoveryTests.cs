using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Sim.Fleet;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Nodes;

/// <summary>From one server to its whole topology, over the real protocol.</summary>
[TestFixture]
public sealed class DiscoveryTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public void The_whole_topology_is_found_from_the_lowest_replica(Flavor flavor)
    {
        using var world = SimWorld.FromSeed(1);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, flavor);
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c, "s3"));
                await UntilAsync(world, nodes, "all four servers in one cluster", c => Text(c) == "s1:3306[s1:3306 s2:3306 s3:3306 s4:3306]");
                servers.Kill("s2");
                await Task.Delay(TimeSpan.FromSeconds(5), world.WorldTime);
                await UntilAsync(world, nodes, "a dead server is still known", c => Text(c) == "s1:3306[s1:3306 s2:3306 s3:3306 s4:3306]");
            },
            Limit);
    }

    [Test]
    public void Nobody_writes_to_servers_that_were_only_found()
    {
        using var world = SimWorld.FromSeed(2);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, Flavor.MySql);
                await servers.TellAsync("s4", new Statement.SetReadOnly(On: false)); // a replica that somebody left open: not ours to close
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c, "s1"));
                await UntilAsync(world, nodes, "the cluster", c => Text(c).Contains("s4", StringComparison.Ordinal));
                await Task.Delay(TimeSpan.FromSeconds(10), world.WorldTime);
                Assert.That((servers.Server("s1").IsWritable, servers.Server("s4").IsWritable), Is.EqualTo((true, true)));
                servers.Kill("s1");
                await Task.Delay(TimeSpan.FromSeconds(10), world.WorldTime);
                Assert.That(servers.Server("s2").IsWritable, Is.False, "no filter names the cluster, so nothing is promoted");
            },
            Limit);
    }

    /// <summary>What freno needs an inventory for: nothing is configured but one server to begin with.</summary>
    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public void A_cluster_that_was_found_is_a_store_of_the_throttler_with_every_replica_that_was_found(Flavor flavor)
    {
        using var world = SimWorld.FromSeed(6);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, flavor);
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c, "s3"));
                await MayWriteAsync(world, nodes, "s1:3306", 200, "");
                await MayWriteAsync(world, nodes, "s9:3306", 404, "");
                foreach (var name in (string[])["s3", "s4"])
                {
                    servers.Server(name).StopSqlThread();
                    await MayWriteAsync(world, nodes, "s1:3306", 429, name);
                    servers.Server(name).StartSqlThread();
                    await MayWriteAsync(world, nodes, "s1:3306", 200, "");
                }
            },
            Limit);
    }

    [Test]
    public void Two_co_primaries_are_one_cluster_and_several_seeds_give_several_clusters()
    {
        using var world = SimWorld.FromSeed(3);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, Flavor.MySql);
                foreach (var name in (string[])["c1", "c2", "c3"]) servers.Add(name, "dc1");
                await servers.FollowAsync("c1", "c2");
                await servers.FollowAsync("c2", "c1");
                await servers.FollowAsync("c3", "c2");
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c, "c3", "s4"));
                await UntilAsync(world, nodes, "both clusters", c => Text(c) == "c1:3306[c1:3306 c2:3306 c3:3306] s1:3306[s1:3306 s2:3306 s3:3306 s4:3306]");
            },
            Limit);
    }

    [Test]
    public void A_cluster_that_a_filter_names_is_managed_with_its_intermediate_primary_left_where_it_is()
    {
        using var world = SimWorld.FromSeed(4);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, Flavor.MySql);
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c, "s2") with
                {
                    Discovery = MySqlFleet.Configure(c, "s2").Discovery with
                    {
                        ManagedClusters = [new(".*", System.Text.RegularExpressions.RegexOptions.NonBacktracking)], ClusterAliasQuery = "SELECT 'shop'", DataCenterQuery = "SELECT 'dc1'",
                    },
                });
                await UntilAsync(world, nodes, "a primary with a lease", c => c is [{ Alias: "shop", Primary: { } p, LeaseHolder: "n1" }] && p.Host == "s1");
                await Task.Delay(TimeSpan.FromSeconds(10), world.WorldTime);
                await UntilAsync(world, nodes, "s3 still follows s2", c => c[0].Instances.Single(i => i.Key.Host == "s3") is { Source: { } source } && source.Host == "s2");
            },
            Limit);
    }

    [Test]
    public void Replicas_of_the_configured_servers_are_found_too_when_that_is_asked_for()
    {
        using var world = SimWorld.FromSeed(5);
        world.Run(
            async () =>
            {
                var servers = await ChainAsync(world, Flavor.MySql);
                var nodes = new NodeFleet(world, 3, c => MySqlFleet.Configure(c) with
                {
                    Clusters = [new("main", [new(new("s1", 3306), "dc1"), new(new("s2", 3306), "dc2")])],
                    Discovery = MySqlFleet.Configure(c).Discovery with { FromConfigured = true, DataCenterPattern = new("s(?<dc>[0-9])", System.Text.RegularExpressions.RegexOptions.NonBacktracking) },
                });
                await UntilAsync(world, nodes, "all in main", c => Text(c) == "main[s1:3306 s2:3306 s3:3306 s4:3306]" && c[0].Instances[2].DataCenter == "3");
                Assert.That(servers.Server("s1").IsWritable, Is.True);
            },
            Limit);
    }

    /// <summary>s1 ← s2 ← s3, and s1 ← s4; s1 is open.</summary>
    private static async Task<MySqlFleet> ChainAsync(SimWorld world, Flavor flavor)
    {
        var servers = new MySqlFleet(world, flavor);
        foreach (var (name, dc) in (ReadOnlySpan<(string, string)>)[("s1", "dc1"), ("s2", "dc2"), ("s3", "dc2"), ("s4", "dc3")]) servers.Add(name, dc);
        await servers.TellAsync("s1", new Statement.SetReadOnly(On: false));
        await servers.FollowAsync("s2", "s1");
        await servers.FollowAsync("s3", "s2");
        await servers.FollowAsync("s4", "s1");
        return servers;
    }

    private static async Task MayWriteAsync(SimWorld world, NodeFleet nodes, string store, int status, string words)
    {
        var last = "nobody answered";
        for (var begin = world.WorldTime.GetTimestamp(); world.WorldTime.GetElapsedTime(begin) < TimeSpan.FromSeconds(60);)
        {
            if (nodes.Leader is { } leader && await leader.AskAsync(new ApiRequest.ThrottleCheck("gh-ost", "mysql", store, default)) is ApiReply.Checked(var answer, _))
            {
                if (answer.Status == status && answer.Message.Contains(words, StringComparison.Ordinal)) return;
                last = $"{answer.Status} {answer.Message}";
            }

            await Task.Delay(Ms(50), world.WorldTime);
        }

        Assert.Fail($"not within a minute: {status} {words} for {store}; but {last}");
    }

    private static string Text(IReadOnlyList<ClusterPicture> clusters) =>
        string.Join(' ', clusters.Select(c => $"{c.Alias}[{string.Join(' ', c.Instances.Select(i => i.Key))}]"));

    private static async Task UntilAsync(SimWorld world, NodeFleet nodes, string what, Func<IReadOnlyList<ClusterPicture>, bool> isSo)
    {
        IReadOnlyList<ClusterPicture> last = [];
        for (var end = world.WorldTime.GetTimestamp(); world.WorldTime.GetElapsedTime(end) < TimeSpan.FromSeconds(60);)
        {
            if (nodes.Leader is { } leader && await leader.AskAsync(new ApiRequest.Clusters()) is ApiReply.ClusterList(var clusters) && isSo(last = clusters)) return;
            await Task.Delay(Ms(100), world.WorldTime);
        }

        Assert.Fail($"not within a minute: {what}; but {Text(last)}");
    }
}
