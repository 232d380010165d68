using System.Text;
using Verify.Node.Api;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Api;

/// <summary>What a read may and may not say: consistent, under the lease, stale with its age; on the leader and on followers.</summary>
public sealed class ReadTests
{
    [Test]
    public void A_lease_read_on_the_leader_waits_for_nobody()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "v");
        var asked = cluster.World.Now;
        Assert.That(cluster.Get(leader, "k", ReadConsistency.Lease), Is.EqualTo("v"));
        Assert.That(cluster.World.Now, Is.EqualTo(asked));
    }

    [TestCase(ReadConsistency.Lease)]
    [TestCase(ReadConsistency.Consistent)]
    public void A_read_through_a_follower_sees_every_write_that_was_acknowledged_before_it(ReadConsistency consistency)
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < 30; i++)
        {
            cluster.Put(cluster.Names[i % 3], "k", $"{i}");
            foreach (var name in cluster.Names) Assert.That(cluster.Get(name, "k", consistency), Is.EqualTo($"{i}"));
        }

        var list = (ApiReply.Values)cluster.Ask(Follower(cluster, leader), new ApiRequest.KvList("k", consistency));
        Assert.That(list.Pairs.Single().Key, Is.EqualTo("k"));
    }

    [Test]
    public void A_read_through_a_follower_is_answered_from_its_own_state_in_one_round_trip_under_the_lease()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = Follower(cluster, cluster.WaitForLeader());
        cluster.Put(follower, "k", "v");
        cluster.World.RunFor(TimeSpan.FromMilliseconds(200));
        var asked = cluster.World.Now;
        Assert.That(cluster.Get(follower, "k", ReadConsistency.Lease), Is.EqualTo("v"));
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - asked), Is.EqualTo(FakeNetwork.Latency * 2));
    }

    [Test]
    public void Many_reads_through_a_follower_share_their_questions_to_the_leader_and_all_are_answered()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = Follower(cluster, cluster.WaitForLeader());
        cluster.Put(follower, "k", "v");
        var asked = Enumerable.Range(0, 500).Select(i => cluster.Node(follower)
            .AskAsync(new ApiRequest.KvGet("k", i % 2 == 0 ? ReadConsistency.Consistent : ReadConsistency.Lease)).AsTask()).ToArray();
        cluster.World.RunUntil(() => asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(1), "all reads are answered");
        Assert.That(asked.Select(a => a.Result), Is.All.InstanceOf<ApiReply.Value>());
    }

    [Test]
    public void A_leader_that_is_cut_off_serves_no_lease_read_once_another_may_lead()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "old");
        var others = cluster.Names.Where(n => !string.Equals(n, leader, StringComparison.Ordinal)).ToArray();
        foreach (var other in others) cluster.Network.CutBoth(leader, other);
        var successor = cluster.WaitForLeader(others.Contains);
        cluster.Put(successor, "k", "new");
        Assert.That(cluster.Ask(leader, new ApiRequest.KvGet("k", ReadConsistency.Lease)), Is.Not.InstanceOf<ApiReply.Value>());
    }

    [Test]
    public void A_stale_read_says_how_old_its_state_may_be()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = Follower(cluster, leader);
        cluster.Put(leader, "k", "v");
        cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
        Assert.That(Age(cluster, leader), Is.EqualTo(TimeSpan.Zero));
        Assert.That(Age(cluster, follower), Is.LessThan(TimeSpan.FromMilliseconds(130)));
        foreach (var other in cluster.Names) if (!string.Equals(other, follower, StringComparison.Ordinal)) cluster.Network.CutBoth(follower, other);
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(Age(cluster, follower), Is.GreaterThan(TimeSpan.FromSeconds(9.9)).And.LessThan(TimeSpan.FromSeconds(10.2)));
    }

    [Test]
    public void A_node_that_was_stopped_and_finds_old_messages_in_its_buffers_does_not_take_them_for_new()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = Follower(cluster, leader);
        cluster.Put(leader, "k", "old");
        cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
        cluster.Host(follower).Pause();
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        cluster.Put(leader, "k", "new");
        foreach (var other in cluster.Names) if (!string.Equals(other, follower, StringComparison.Ordinal)) cluster.Network.CutBoth(follower, other);
        cluster.Host(follower).Resume();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(50));
        Assert.That(Age(cluster, follower), Is.GreaterThan(TimeSpan.FromSeconds(3)), "what came in before the stop was confirmed is all it has");
    }

    [Test]
    public void A_node_that_has_heard_from_nobody_since_its_start_knows_no_age()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = Follower(cluster, cluster.WaitForLeader());
        foreach (var name in cluster.Names) cluster.Kill(name);
        cluster.Start(follower);
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        Assert.That(((ApiReply.NotFound)cluster.Ask(follower, new ApiRequest.KvGet("k", ReadConsistency.Stale))).Age, Is.Null);
        Assert.That(cluster.Ask(follower, new ApiRequest.KvGet("k", ReadConsistency.Lease)), Is.InstanceOf<ApiReply.NoLeader>());
    }

    private static string Follower(FakeCluster cluster, string leader) => cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));

    private static TimeSpan? Age(FakeCluster cluster, string name) =>
        ((ApiReply.Value)cluster.Ask(name, new ApiRequest.KvGet("k", ReadConsistency.Stale))).Age;
}
