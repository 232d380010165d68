using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Loop;

/// <summary>Three whole nodes on fake time, network and disks.</summary>
public sealed class ClusterTests
{
    [Test]
    public void Three_nodes_elect_one_leader_and_a_write_through_it_is_read_everywhere()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
        foreach (var name in cluster.Names) Assert.That(cluster.Get(name, "k"), Is.EqualTo("v"));
    }
}
