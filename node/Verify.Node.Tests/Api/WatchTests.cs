using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.State.Kv;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Api;

/// <summary>Waiting for changes, on any node: nothing is missed, nothing comes twice, what is too old is said to be.</summary>
public sealed class WatchTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void Whoever_waits_hears_of_a_change_as_soon_as_it_is_applied_there(bool onLeader)
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var node = onLeader ? leader : cluster.Names.First(name => name != leader);
        var waiting = cluster.Node(node).AskAsync(new ApiRequest.KvWatch("a/", IsPrefix: true, Applied(cluster, node), TimeSpan.FromSeconds(30))).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(300));
        cluster.Put(leader, "b", "elsewhere");
        cluster.World.RunFor(TimeSpan.FromMilliseconds(300));
        Assert.That(waiting.IsCompleted, Is.False);
        var put = (ApiReply.Done)cluster.Put(leader, "a/1", "v");
        cluster.World.RunUntil(() => waiting.IsCompleted, TimeSpan.FromMilliseconds(100), "the change is seen");
        var seen = (ApiReply.Changes)waiting.Result;
        Assert.That((seen.Items.Single().Key, seen.Items.Single().Index, seen.UpTo >= put.ModifyIndex), Is.EqualTo(("a/1", put.ModifyIndex, true)));
    }

    [Test]
    public void What_happened_while_nobody_asked_is_told_at_once_and_in_order()
    {
        var cluster = FakeCluster.Settled(1);
        var from = Applied(cluster, "a");
        cluster.Put("a", "k", "1");
        cluster.Put("a", "k", "2");
        cluster.Ask("a", new ApiRequest.KvDelete("k", null, null));
        var seen = (ApiReply.Changes)Watch(cluster, from);
        Assert.That(seen.Items.Select(c => c.Pair is { } pair ? System.Text.Encoding.UTF8.GetString(pair.Value.Span) : null), Is.EqualTo(new[] { "1", "2", null }));
        Assert.That(((ApiReply.Changes)Watch(cluster, seen.UpTo)).Items, Is.Empty, "nothing twice");
    }

    [Test]
    public void Without_a_change_the_answer_comes_in_time_and_says_from_where_to_go_on()
    {
        var cluster = FakeCluster.Settled(1);
        var began = cluster.World.Now;
        var seen = (ApiReply.Changes)cluster.Ask("a", new ApiRequest.KvWatch("k", IsPrefix: false, Applied(cluster, "a"), TimeSpan.FromMilliseconds(400)));
        Assert.That((seen.Items.Count, TimeSpan.FromTicks(cluster.World.Now - began)), Is.EqualTo((0, TimeSpan.FromMilliseconds(400))).Using<TimeSpan>((a, b) => (a - b).Duration() < TimeSpan.FromMilliseconds(30)));
        Assert.That(cluster.Ask("a", new ApiRequest.KvWatch("k", IsPrefix: false, Applied(cluster, "a"), TimeSpan.FromMinutes(10))), Is.InstanceOf<ApiReply.Changes>(), "also before the request's own time is up");
    }

    [Test]
    public void An_index_that_is_too_old_is_answered_with_gone_and_never_with_a_part()
    {
        var cluster = FakeCluster.Settled(1);
        var from = Applied(cluster, "a");
        for (var i = 0; i < 40; i++) cluster.Ask("a", new ApiRequest.KvPut($"k{i}", new byte[1 << 20], 0, null, null));
        var gone = (ApiReply.Gone)Watch(cluster, from);
        Assert.That(gone.Oldest, Is.GreaterThan(from));
        Assert.That(((ApiReply.Changes)Watch(cluster, gone.Oldest)).Items[0].Index, Is.EqualTo(gone.Oldest + 1));
    }

    [Test]
    public void Many_changes_elsewhere_make_nobody_too_old_who_waits()
    {
        var cluster = FakeCluster.Settled(1);
        var waiting = cluster.Node("a").AskAsync(new ApiRequest.KvWatch("quiet", IsPrefix: false, Applied(cluster, "a"), TimeSpan.FromSeconds(2))).AsTask();
        for (var i = 0; i < 40; i++) cluster.Ask("a", new ApiRequest.KvPut($"k{i}", new byte[1 << 20], 0, null, null));
        cluster.Put("a", "quiet", "v");
        cluster.World.RunUntil(() => waiting.IsCompleted, TimeSpan.FromSeconds(1), "the change is seen");
        Assert.That(((ApiReply.Changes)waiting.Result).Items.Single().Key, Is.EqualTo("quiet"));
    }

    [Test]
    public void A_node_that_started_from_a_snapshot_says_gone_for_what_lies_before_it()
    {
        var cluster = FakeCluster.Settled(1);
        var from = Applied(cluster, "a");
        cluster.Put("a", "k", "1");
        Assert.That(cluster.Ask("a", new ApiRequest.TakeSnapshot()), Is.InstanceOf<ApiReply.SnapshotMade>());
        var at = Applied(cluster, "a");
        cluster.Put("a", "k", "2");
        cluster.Stop("a");
        cluster.Start("a");
        cluster.WaitForLeader();
        Assert.That(Watch(cluster, from), Is.InstanceOf<ApiReply.Gone>());
        Assert.That(((ApiReply.Changes)Watch(cluster, at)).Items.Single().Key, Is.EqualTo("k"), "what is in the log behind the snapshot is known again");
    }

    [Test]
    public void A_key_that_ends_by_itself_is_a_change()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.Ask("a", new ApiRequest.KvDo(ImmutableArray.Create<KvOp>(new KvOp.Put("k", default, 0, null, 500)), null));
        var seen = (ApiReply.Changes)cluster.Ask("a", new ApiRequest.KvWatch("k", IsPrefix: false, Applied(cluster, "a"), TimeSpan.FromSeconds(2)));
        Assert.That(seen.Items.Single().Pair, Is.Null);
    }

    [Test]
    public void Requests_with_bad_input_are_refused_with_the_place_and_the_reason()
    {
        var cluster = FakeCluster.Settled(1);
        string Why(ApiRequest request) => ((ApiReply.Refused)cluster.Ask("a", request)).Why;
        Assert.That(Why(new ApiRequest.KvDo([], null)), Does.Contain("empty"));
        Assert.That(Why(new ApiRequest.KvDo([new KvOp.Touch("a", null), new KvOp.Touch("", null)], null)), Is.EqualTo("operation 2: the key is empty"));
        Assert.That(Why(new ApiRequest.KvDo([new KvOp.Put("a", new byte[(1 << 20) + 1], 0, null, null)], null)), Does.Contain("too large").And.Contain("1048576"));
        Assert.That(Why(new ApiRequest.KvDo([new KvOp.Put("a", default, 0, null, 0)], null)), Does.Contain("lifetime"));
        Assert.That(Why(new ApiRequest.KvDo([.. Enumerable.Range(0, 1_001).Select(i => new KvOp.Touch($"{i}", null))], null)), Does.Contain("1001").And.Contain("1000"));
        Assert.That(Why(new ApiRequest.KvDo([new KvOp.Get("a", false)], new RequestId("s", 1))), Does.Contain("reads"));
        Assert.That(Why(new ApiRequest.SessionDo(new Verify.Node.State.Locks.SessionCommand.Create("s", "", "n", 5, Verify.Node.State.Locks.SessionBehaviour.Release, 0))), Does.Contain("TTL"));
        Assert.That(Why(new ApiRequest.KvGetMany([], ReadConsistency.Stale)), Does.Contain("no key"));
    }

    private static ApiReply Watch(FakeCluster cluster, long after) => cluster.Ask("a", new ApiRequest.KvWatch("", IsPrefix: true, after, TimeSpan.FromMilliseconds(50)));

    private static long Applied(FakeCluster cluster, string node) => cluster.Node(node).StateHash.Applied;
}
