using System.Text;
using Verify.Node.Api;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Api;

/// <summary>What clients are told, above all when things go wrong: never a false "done", never a false "failed".</summary>
public sealed class NodeApiTests
{
    [Test]
    public void A_deposed_leader_answers_its_pending_writes_unknown_and_its_reads_no_leader()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var others = Isolate(cluster, leader);
        var write = cluster.Node(leader).AskAsync(Put("k", "lost")).AsTask();
        var read = cluster.Node(leader).AskAsync(new ApiRequest.KvGet("k", ReadConsistency.Consistent)).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
        Assert.That(write.Result, Is.InstanceOf<ApiReply.Unknown>());
        Assert.That(read.Result, Is.InstanceOf<ApiReply.NoLeader>());
        Assert.That(cluster.Raft(leader).Role, Is.Not.EqualTo(RaftRole.Leader));
        var successor = cluster.WaitForLeader(others.Contains);
        cluster.Put(successor, "k", "won");
        cluster.Network.HealAll();
        cluster.World.RunUntil(() => cluster.Node(leader).StateHash == cluster.Node(successor).StateHash, TimeSpan.FromSeconds(3), "the old leader follows");
        Assert.That(cluster.Get(leader, "k"), Is.EqualTo("won"));
    }

    [Test]
    public void A_leader_that_is_cut_off_serves_no_consistent_read_even_before_it_knows()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "old");
        var others = Isolate(cluster, leader);
        var read = cluster.Node(leader).AskAsync(new ApiRequest.KvGet("k", ReadConsistency.Consistent)).AsTask();
        var successor = cluster.WaitForLeader(others.Contains);
        cluster.Put(successor, "k", "new");
        cluster.World.RunFor(TimeSpan.FromSeconds(4));
        Assert.That(read.Result, Is.Not.InstanceOf<ApiReply.Value>());
        Assert.That(cluster.Get(leader, "k", ReadConsistency.Stale), Is.EqualTo("old"), "stale is what it says");
    }

    [Test]
    public void A_node_without_a_leader_says_so_at_once_and_when_to_try_again()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        Isolate(cluster, follower);
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        var asked = cluster.World.Now;
        Assert.That(cluster.Ask(follower, Put("k", "v")), Is.EqualTo(new ApiReply.NoLeader(TimeSpan.FromMilliseconds(240))));
        Assert.That(cluster.World.Now, Is.EqualTo(asked));
    }

    [Test]
    public void A_forwarded_write_whose_link_breaks_is_unknown()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        cluster.Network.Cut(leader, follower);
        var write = cluster.Node(follower).AskAsync(Put("k", "v")).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(2_600));
        Assert.That(write.Result, Is.InstanceOf<ApiReply.Unknown>());
        cluster.Network.HealAll();
        Assert.That(cluster.Get(cluster.WaitForLeader(), "k"), Is.EqualTo("v"), "unknown it was: the leader had taken it");
    }

    [Test]
    public void Every_request_is_answered_within_its_time()
    {
        var cluster = FakeCluster.Settled(3, config => config with { Timing = config.Timing with { RequestTimeout = TimeSpan.FromMilliseconds(100) } });
        var leader = cluster.WaitForLeader();
        Isolate(cluster, leader);
        var asked = new ApiRequest[] { Put("k", "v"), new ApiRequest.KvGet("k", ReadConsistency.Consistent) }.Select(r => cluster.Node(leader).AskAsync(r).AsTask()).ToArray();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(120));
        Assert.That(asked.Select(a => a.IsCompleted), Is.All.True);
        Assert.That(asked.Select(a => a.Result), Is.All.InstanceOf<ApiReply.Unknown>());
    }

    [Test]
    public void A_retried_write_is_applied_once_whichever_node_takes_it()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var id = new RequestId("session", 1);
        var first = cluster.Put(leader, "k", "mine", id, expected: 0);
        cluster.Kill(leader);
        var successor = cluster.WaitForLeader();
        Assert.That(cluster.Put(successor, "k", "mine", id, expected: 0), Is.EqualTo(first));
        Assert.That(cluster.Put(successor, "k", "late", id with { Sequence = 0 }), Is.InstanceOf<ApiReply.Unknown>(), "an older write of the session");
    }

    [Test]
    public void Compare_and_set_through_a_follower_says_which_index_is_there()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = cluster.Names.First(n => !string.Equals(n, cluster.WaitForLeader(), StringComparison.Ordinal));
        var index = ((ApiReply.Done)cluster.Put(follower, "k", "1", expected: 0)).ModifyIndex;
        Assert.That(cluster.Put(follower, "k", "2", expected: 0), Is.EqualTo(new ApiReply.CasConflict(index)));
        Assert.That(cluster.Put(follower, "k", "2", expected: index), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Ask(follower, new ApiRequest.KvDelete("k", index, null)), Is.EqualTo(new ApiReply.CasConflict(index + 2)));
    }

    [Test]
    public void What_breaks_a_limit_is_refused_before_it_enters_the_log()
    {
        var cluster = FakeCluster.Settled(1, config => config with { Limits = config.Limits with { KeyBytesMax = 8, ValueBytesMax = 8 } });
        var last = cluster.Raft("a").Last;
        ApiRequest[] bad =
        [
            Put("", "v"), Put("123456789", "v"), Put("ääääx", "v"), Put("\ud800", "v"), Put("k", "123456789"),
            new ApiRequest.KvPut("k", default, 0, -1, null), new ApiRequest.KvPut("k", default, 0, null, new("", 1)),
            new ApiRequest.KvPut("k", default, 0, null, new("s", -1)), new ApiRequest.KvPut("k", default, 0, null, new(new string('s', 129), 1)),
            new ApiRequest.KvDelete("", null, null), new ApiRequest.KvGet("", ReadConsistency.Stale),
        ];
        foreach (var request in bad) Assert.That(cluster.Ask("a", request), Is.InstanceOf<ApiReply.Refused>(), $"{request}");
        Assert.That(cluster.Raft("a").Last, Is.EqualTo(last));
    }

    [Test]
    public void Too_many_waiting_requests_are_pushed_back()
    {
        var cluster = FakeCluster.Settled(3, config => config with { Limits = config.Limits with { PendingRequestsMax = 5 } });
        var leader = cluster.WaitForLeader();
        var asked = Enumerable.Range(0, 8).Select(i => cluster.Node(leader).AskAsync(Put($"k{i}", "v")).AsTask()).ToArray();
        cluster.World.RunUntil(() => asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(1), "all are answered");
        Assert.That(asked.Count(a => a.Result is ApiReply.Done), Is.EqualTo(5));
        Assert.That(asked.Count(a => a.Result is ApiReply.Overloaded), Is.EqualTo(3));
        Assert.That(cluster.Put(leader, "again", "v"), Is.InstanceOf<ApiReply.Done>(), "places are free again");
    }

    [Test]
    public void A_full_inbox_is_overload()
    {
        var cluster = FakeCluster.Settled(1, config => config with { Limits = config.Limits with { InboxInputsMax = 3 } });
        var asked = Enumerable.Range(0, 5).Select(i => cluster.Node("a").AskAsync(Put($"k{i}", "v")).AsTask()).ToArray();
        Assert.That(asked.Skip(3).Select(a => a.Result), Is.All.InstanceOf<ApiReply.Overloaded>());
    }

    [Test]
    public void Leadership_goes_where_an_operator_wants_it()
    {
        var cluster = FakeCluster.Settled(3);
        var target = cluster.Names.First(n => !string.Equals(n, cluster.WaitForLeader(), StringComparison.Ordinal));
        Assert.That(cluster.Ask(target, new ApiRequest.TransferLeadership(new(target))), Is.InstanceOf<ApiReply.Done>());
        cluster.World.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.That(cluster.WaitForLeader(), Is.EqualTo(target));
        Assert.That(cluster.Ask(target, new ApiRequest.TransferLeadership(new("nobody"))), Is.InstanceOf<ApiReply.Refused>());
    }

    [Test]
    public void A_planned_transfer_fails_no_write_through_any_node()
    {
        var cluster = FakeCluster.Settled(3);
        foreach (var round in Enumerable.Range(0, 6))
        {
            var leader = cluster.WaitForLeader();
            var heir = cluster.Names[(cluster.Names.IndexOf(leader) + 1 + (round % 2)) % 3];
            var transfer = cluster.Node(leader).AskAsync(new ApiRequest.TransferLeadership(new(heir))).AsTask();
            var writes = new List<(string Key, Task<ApiReply> Asked)>();
            for (var moment = 0; moment < 60; moment++)
            {
                foreach (var through in cluster.Names)
                {
                    var key = $"{round}-{moment}-{through}";
                    writes.Add((key, cluster.Node(through).AskAsync(Put(key, "v")).AsTask()));
                }

                cluster.World.RunFor(TimeSpan.FromMilliseconds(1));
            }

            cluster.World.RunUntil(() => writes.TrueForAll(w => w.Asked.IsCompleted), TimeSpan.FromSeconds(1), "answers to all writes");
            Assert.That(cluster.WaitForLeader(), Is.EqualTo(heir));
            Assert.That(transfer.Result, Is.InstanceOf<ApiReply.Done>());
            Assert.That(writes.Where(w => w.Asked.Result is not ApiReply.Done).Select(w => $"{w.Key}: {w.Asked.Result}"), Is.Empty);
            Assert.That(cluster.Get(heir, writes[^1].Key), Is.EqualTo("v"));
        }
    }

    [Test]
    public void A_write_that_finds_no_next_leader_is_sent_back_after_the_time_of_an_election()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        Isolate(cluster, leader);
        cluster.World.RunUntil(() => cluster.Raft(leader).Leader is null, TimeSpan.FromSeconds(2), "the cut-off leader gives up");
        var asked = cluster.World.Now;
        Assert.That(cluster.Ask(leader, Put("k", "v")), Is.EqualTo(new ApiReply.NoLeader(TimeSpan.FromMilliseconds(240))));
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - asked), Is.InRange(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(270)));
    }

    [Test]
    public void Lists_and_status_are_answered_by_any_node()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        foreach (var key in new[] { "a/2", "a/1", "b" }) cluster.Put(leader, key, key);
        cluster.World.RunFor(TimeSpan.FromMilliseconds(100));
        foreach (var name in cluster.Names)
        {
            var list = (ApiReply.Values)cluster.Ask(name, new ApiRequest.KvList("a/"));
            Assert.That(list.Pairs.Select(p => p.Key), Is.EqualTo(new[] { "a/1", "a/2" }));
            var raft = (ApiReply.Raft)cluster.Ask(name, new ApiRequest.RaftStatus());
            Assert.That((raft.View.Status.Leader, raft.View.Members.Count, raft.View.DiskFull), Is.EqualTo((new NodeId(leader), 3, false)));
            Assert.That(cluster.Ask(name, new ApiRequest.Cluster("none")), Is.InstanceOf<ApiReply.NotFound>());
        }
    }

    private static string[] Isolate(FakeCluster cluster, string name)
    {
        var others = cluster.Names.Where(n => !string.Equals(n, name, StringComparison.Ordinal)).ToArray();
        foreach (var other in others) cluster.Network.CutBoth(name, other);
        return others;
    }

    private static ApiRequest.KvPut Put(string key, string value) => new(key, Encoding.UTF8.GetBytes(value), 0, null, null);
}
