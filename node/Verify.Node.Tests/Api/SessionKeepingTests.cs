using System.Text;
using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Api;

/// <summary>A whole group in which more sessions write than it remembers.</summary>
public sealed class SessionKeepingTests
{
    private const int Max = 12;

    [Test]
    public void A_group_that_remembers_enough_sessions_tells_a_new_one_to_wait_and_takes_it_when_an_old_one_may_be_forgotten()
    {
        var cluster = Settled();
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < Max; i++) Assert.That(Put(cluster, leader, $"s{i}", 1), Is.InstanceOf<ApiReply.Done>(), $"session {i}");
        foreach (var name in cluster.Names)
        {
            var busy = Put(cluster, name, "one too many", 1);
            Assert.That(busy, Is.InstanceOf<ApiReply.Overloaded>(), name);
            Assert.That(((ApiReply.Overloaded)busy).RetryAfter, Is.InRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(7)), name);
        }

        var before = Index(cluster, leader);
        Assert.That(((ApiReply.Done)Put(cluster, leader, "s0", 1)).ModifyIndex, Is.LessThan(before), "the first session's write, sent again, is answered and not applied");
        Assert.That(Index(cluster, leader), Is.EqualTo(before));
        cluster.World.RunFor(TimeSpan.FromSeconds(9));
        Assert.That(Put(cluster, leader, "one too many", 1), Is.InstanceOf<ApiReply.Done>());
        AssertEqualStates(cluster);
    }

    [Test]
    public void A_new_leader_remembers_the_same_sessions()
    {
        var cluster = Settled();
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < Max; i++) Put(cluster, leader, $"s{i}", 1);
        var answers = Enumerable.Range(0, Max).Select(i => Put(cluster, leader, $"s{i}", 1)).ToArray();
        cluster.Kill(leader);
        var next = cluster.WaitForLeader(name => name != leader);
        Assert.That(Put(cluster, next, "one too many", 1), Is.InstanceOf<ApiReply.Overloaded>());
        Assert.That(Enumerable.Range(0, Max).Select(i => Put(cluster, next, $"s{i}", 1)), Is.EqualTo(answers));
    }

    [Test]
    public void With_a_node_of_the_release_before_sessions_are_kept_as_that_release_keeps_them_until_it_is_upgraded()
    {
        var cluster = FakeCluster.Settled(3, c => Few(c) with { WireVersionMax = c.Self.Name is "b" ? 2 : 3 });
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        var leader = cluster.WaitForLeader();
        if (leader == "b") cluster.Ask(leader, new ApiRequest.TransferLeadership(new("a")));
        leader = cluster.WaitForLeader();
        for (var i = 0; i < 2 * Max; i++) Assert.That(Put(cluster, leader, $"s{i}", 1), Is.InstanceOf<ApiReply.Done>(), $"session {i}");
        foreach (var name in cluster.Names) Assert.That(cluster.Node(name).Core.State.Sessions.Ages.Terms, Is.Null, name);
        AssertEqualStates(cluster);
        cluster.Stop("b");
        cluster.Configure("b", c => c with { WireVersionMax = 3 });
        cluster.Start("b");
        leader = cluster.WaitForLeader();
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        foreach (var name in cluster.Names) Assert.That(cluster.Node(name).Core.State.Sessions.Ages.Terms, Is.EqualTo(new SessionTerms(Max, 5_000)), name);
        Assert.That(Put(cluster, leader, "new", 1), Is.InstanceOf<ApiReply.Overloaded>());
        cluster.World.RunFor(TimeSpan.FromSeconds(9));
        Assert.That(Put(cluster, leader, "new", 1), Is.InstanceOf<ApiReply.Done>());
        AssertEqualStates(cluster);
    }

    [Test]
    public void A_group_with_few_sessions_writes_nothing_about_them_into_its_log()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < 50; i++) Put(cluster, leader, $"s{i}", 1);
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That((cluster.Node(leader).Core.State.Sessions.Ages.Terms, cluster.Node(leader).Core.State.NeedsVersion3), Is.EqualTo(((SessionTerms?)null, false)));
    }

    private static FakeCluster Settled() => FakeCluster.Settled(3, Few);

    private static Verify.Node.Loop.NodeConfig Few(Verify.Node.Loop.NodeConfig config) =>
        config with { Limits = config.Limits with { SessionsMax = Max, SessionsKeptFor = TimeSpan.FromSeconds(5) } };

    private static ApiReply Put(FakeCluster cluster, string at, string session, long number) =>
        cluster.Ask(at, new ApiRequest.KvPut("k", Encoding.UTF8.GetBytes(session), 0, null, new(session, number)));

    private static long Index(FakeCluster cluster, string at) => cluster.Node(at).Core.State.Kv.Get("k")!.ModifyIndex;

    private static void AssertEqualStates(FakeCluster cluster) => cluster.World.RunUntil(
        () => cluster.Running.Select(n => cluster.Node(n).StateHash).Distinct().Count() == 1, TimeSpan.FromSeconds(5), "equal states");
}
