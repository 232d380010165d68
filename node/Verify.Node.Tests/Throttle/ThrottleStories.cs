using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Tests.Fakes;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Throttle;

/// <summary>The throttler in whole nodes; samples are handed to them by the test.</summary>
public sealed class ThrottleStories
{
    private static readonly InstanceKey Replica = new("db2", 3306);
    private static readonly InstanceKey Other = new("db3", 3306);

    [Test]
    public void A_follower_passes_a_throttle_on_and_it_is_obeyed_on_the_leader_once_it_is_acknowledged()
    {
        var cluster = Started();
        var (leader, follower) = Roles(cluster);
        Feed(cluster, leader, 0.2);
        Assert.That(Check(cluster, leader).Status, Is.EqualTo(200));
        Assert.That(cluster.Ask(follower, new ApiRequest.ThrottleApp("gh-ost", "", TimeSpan.FromMinutes(1), null)), Is.InstanceOf<ApiReply.Done>());
        Assert.That(Check(cluster, leader).Reason, Is.EqualTo(CheckReason.AppThrottled));
        Assert.That(Check(cluster, follower).Reason, Is.EqualTo(CheckReason.NotLeader), "a follower knows nothing by itself");
        Assert.That(((ApiReply.Checked)cluster.Ask(follower, new ApiRequest.ThrottleCheck("gh-ost", "mysql", "main", default))).Answer.Status, Is.EqualTo(417), "but it can ask");
    }

    [Test]
    public void What_is_throttled_survives_the_restart_of_everybody_and_ends_by_the_groups_time()
    {
        var cluster = Started();
        var (leader, _) = Roles(cluster);
        cluster.Ask(leader, new ApiRequest.ThrottleApp("short", "", TimeSpan.FromMinutes(1), null));
        cluster.Ask(leader, new ApiRequest.ThrottleApp("ever", "main", null, 0.5));
        cluster.Ask(leader, new ApiRequest.SkipHost("db3", TimeSpan.FromMinutes(1)));
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        foreach (var name in cluster.Names) cluster.Kill(name);
        foreach (var name in cluster.Names) cluster.Start(name);
        leader = cluster.WaitForLeader();
        var view = View(cluster, leader);
        Assert.That((view.Apps.Count, view.Hosts.Count), Is.EqualTo((2, 1)));
        cluster.World.RunFor(TimeSpan.FromSeconds(60));
        view = View(cluster, leader);
        Assert.That(view.Apps.Select(a => (a.App, a.Store, a.Ratio, a.ExpiresAt)), Is.EqualTo(new[] { ("ever", "main", 0.5, (DateTimeOffset?)null) }));
        Assert.That(view.Hosts, Is.Empty);
    }

    [Test]
    public void A_leader_that_is_cut_off_stops_saying_200_with_its_lease_and_if_exists_does_too()
    {
        var cluster = Started();
        var (leader, _) = Roles(cluster);
        Feed(cluster, leader, 0);
        foreach (var other in cluster.Names.Where(n => n != leader)) cluster.Network.CutBoth(leader, other);
        cluster.World.RunFor(TimeSpan.FromMilliseconds(300));
        Feed(cluster, leader, 0);
        Assert.That(Check(cluster, leader).Reason, Is.EqualTo(CheckReason.NotLeader));
        Assert.That(Check(cluster, leader, "nowhere", ifExists: true).Reason, Is.EqualTo(CheckReason.NotLeader));
    }

    [Test]
    public void A_new_leader_answers_truthfully_from_its_own_samples_as_soon_as_it_leads()
    {
        var cluster = Started();
        var (old, _) = Roles(cluster);
        foreach (var name in cluster.Names) Feed(cluster, name, 0.3);
        cluster.Kill(old);
        var until = cluster.World.Now + TimeSpan.FromSeconds(1).Ticks;
        string? next = null;
        while (cluster.World.Now < until && next is null)
        {
            cluster.World.RunFor(TimeSpan.FromMilliseconds(10));
            foreach (var name in cluster.Running) Feed(cluster, name, 0.3);
            next = cluster.Running.FirstOrDefault(name => Check(cluster, name).Status == 200);
        }

        Assert.That(next, Is.Not.Null);
        Assert.That(cluster.Raft(next!).HasLease, Is.True);
    }

    [TestCase("db3")]
    [TestCase("db3:3306")]
    public void The_worst_replica_counts_for_nothing_from_the_moment_that_skipping_it_is_acknowledged_until_it_is_recovered(string host)
    {
        var cluster = Started(Replica, Other);
        var (leader, follower) = Roles(cluster);
        FeedBoth(cluster, leader);
        Assert.That((Check(cluster, leader).Status, Check(cluster, leader).Message), Is.EqualTo((429, "Threshold exceeded: db3:3306 is at 30")));
        Assert.That(cluster.Ask(follower, new ApiRequest.SkipHost(host, TimeSpan.FromMinutes(1))), Is.InstanceOf<ApiReply.Done>());
        Assert.That((Check(cluster, leader).Status, Check(cluster, leader).Value), Is.EqualTo((200, 0.2)), "without a new sample");
        FeedBoth(cluster, leader);
        Assert.That(Check(cluster, leader).Status, Is.EqualTo(200), "and with one");
        Assert.That(cluster.Ask(follower, new ApiRequest.RecoverHost(host)), Is.InstanceOf<ApiReply.Done>());
        Assert.That((Check(cluster, leader).Status, Check(cluster, leader).Value), Is.EqualTo((429, 30.0)));
    }

    [Test]
    public void The_next_leader_skips_the_same_replica_and_counts_it_again_when_the_time_is_over()
    {
        var cluster = Started(Replica, Other);
        var (old, _) = Roles(cluster);
        cluster.Ask(old, new ApiRequest.SkipHost("db3", TimeSpan.FromMinutes(1)));
        cluster.Kill(old);
        var leader = cluster.WaitForLeader();
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        FeedBoth(cluster, leader);
        Assert.That((Check(cluster, leader).Status, Check(cluster, leader).Value), Is.EqualTo((200, 0.2)));
        cluster.World.RunFor(TimeSpan.FromSeconds(65));
        FeedBoth(cluster, leader);
        Assert.That((Check(cluster, leader).Status, Check(cluster, leader).Value), Is.EqualTo((429, 30.0)));
    }

    [Test]
    public void Nonsense_is_refused_before_it_gets_into_the_log()
    {
        var cluster = Started();
        var (leader, follower) = Roles(cluster);
        ApiRequest[] nonsense =
        [
            new ApiRequest.ThrottleApp("", "", null, null), new ApiRequest.ThrottleApp("a/b", "", null, null), new ApiRequest.ThrottleApp("a", "", TimeSpan.Zero, null),
            new ApiRequest.ThrottleApp("a", "", null, 1.5), new ApiRequest.ThrottleApp("a", "", null, double.NaN), new ApiRequest.SkipHost("", TimeSpan.FromHours(1)),
            new ApiRequest.SkipHost("h", TimeSpan.FromDays(9999)), new ApiRequest.RecoverHost(new string('x', 300)),
        ];
        foreach (var request in nonsense)
            foreach (var name in new[] { leader, follower }) Assert.That(cluster.Ask(name, request), Is.InstanceOf<ApiReply.Refused>(), request.ToString());
    }

    /// <summary>The safety argument in ThrottleBoard: before the message leaves that lets another node lead, no check here is answered any more.</summary>
    [Test]
    public void With_the_transfer_of_leadership_the_old_leader_stops_at_once()
    {
        var cluster = Started();
        var (leader, follower) = Roles(cluster);
        Feed(cluster, leader, 0);
        var transfer = cluster.Node(leader).AskAsync(new ApiRequest.TransferLeadership(new(follower)));
        cluster.World.RunUntil(() =>
        {
            foreach (var name in cluster.Running) Feed(cluster, name, 0);
            var says = cluster.Running.Where(name => Check(cluster, name).Status == 200).ToArray();
            Assert.That(says, Has.Length.LessThanOrEqualTo(1), "two nodes answer at once");
            return says is [var one] && one == follower;
        }, TimeSpan.FromSeconds(2), "the heir answers checks");
        cluster.World.Await(transfer);
    }

    private static FakeCluster Started() => Started(Replica);

    private static FakeCluster Started(params InstanceKey[] hosts) => FakeCluster.Settled(3, c => c with
    {
        Throttle = new() { Clusters = [new ThrottledCluster("main") { Hosts = new HostSource.Static([.. hosts]) }] },
    });

    private static (string Leader, string Follower) Roles(FakeCluster cluster)
    {
        var leader = cluster.WaitForLeader();
        return (leader, cluster.Names.First(n => n != leader));
    }

    private static void Feed(FakeCluster cluster, string node, double lag) => Feed(cluster, node, (Replica, lag));

    private static void FeedBoth(FakeCluster cluster, string node) => Feed(cluster, node, (Replica, 0.2), (Other, 30));

    private static void Feed(FakeCluster cluster, string node, params (InstanceKey Host, double Lag)[] samples)
    {
        var core = cluster.Node(node).Core;
        foreach (var (host, lag) in samples) core.Throttle.Took(host, new LagMetric.ReplicaStatus(), new(core.Pulse.Now, lag, "", CameBack: true));
        core.Throttle.Tick();
    }

    private static CheckAnswer Check(FakeCluster cluster, string node, string store = "main", bool ifExists = false) =>
        cluster.Node(node).Check("gh-ost", "mysql", store, new(0, false, ifExists, false));

    private static ThrottlingView View(FakeCluster cluster, string node) => ((ApiReply.Throttling)cluster.Ask(node, new ApiRequest.ThrottleView())).View;
}
