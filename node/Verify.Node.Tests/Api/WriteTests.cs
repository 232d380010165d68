using System.Collections.Immutable;
using System.Text;
using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Api;

/// <summary>Writes under pressure, in batches, and across a change of leader; and the way from a single node to a cluster.</summary>
public sealed class WriteTests
{
    [Test]
    public void Too_many_bytes_that_wait_are_pushed_back_with_a_time()
    {
        var cluster = FakeCluster.Settled(3, config => config with { Limits = config.Limits with { PendingBytesMax = 10_000 } });
        var leader = cluster.WaitForLeader();
        var asked = Enumerable.Range(0, 20).Select(i => cluster.Node(leader).AskAsync(new ApiRequest.KvPut($"k{i}", new byte[1_000], 0, null, null)).AsTask()).ToArray();
        cluster.World.RunUntil(() => asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(1), "all are answered");
        Assert.That(asked.Count(a => a.Result is ApiReply.Done), Is.EqualTo(9));
        Assert.That(asked.Select(a => a.Result).OfType<ApiReply.Overloaded>().Select(o => o.RetryAfter), Has.All.EqualTo(TimeSpan.FromMilliseconds(240)).And.Exactly(11).Items);
        Assert.That(cluster.Put(leader, "again", "v"), Is.InstanceOf<ApiReply.Done>(), "places are free again");
        Assert.That(cluster.Ask(leader, new ApiRequest.KvPut("large", new byte[20_000], 0, null, null)), Is.InstanceOf<ApiReply.Done>(), "one alone may be larger");
    }

    [Test]
    public void Writes_that_are_under_way_while_leadership_is_handed_over_are_answered_with_what_became_of_them()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var asked = Enumerable.Range(0, 20).Select(i => cluster.Node(leader).AskAsync(Put($"k{i}", $"{i}")).AsTask()).ToArray();
        var transfer = cluster.Node(leader).AskAsync(new ApiRequest.TransferLeadership(null)).AsTask();
        cluster.World.RunUntil(() => transfer.IsCompleted && asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(2), "all are answered");
        Assert.That(transfer.Result, Is.InstanceOf<ApiReply.Done>());
        Assert.That(asked.Select(a => a.Result), Is.All.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void A_write_whose_place_in_the_log_another_leader_took_is_never_answered_done()
    {
        var cluster = FakeCluster.Settled(3);
        var old = cluster.WaitForLeader();
        var others = cluster.Names.Where(n => !string.Equals(n, old, StringComparison.Ordinal)).ToArray();
        foreach (var other in others) cluster.Network.CutBoth(old, other);
        var lost = cluster.Node(old).AskAsync(Put("k", "lost")).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(240));
        var successor = cluster.WaitForLeader(others.Contains);
        cluster.Put(successor, "k", "won");
        cluster.Network.HealAll();
        cluster.World.RunUntil(() => lost.IsCompleted && cluster.Node(old).StateHash == cluster.Node(successor).StateHash, TimeSpan.FromSeconds(3), "the old leader follows");
        Assert.That(lost.Result, Is.InstanceOf<ApiReply.Unknown>());
        Assert.That(cluster.Get(old, "k"), Is.EqualTo("won"));
    }

    [Test]
    public void A_proposal_is_answered_only_by_the_entry_of_its_own_term()
    {
        var proposals = new Proposals(TimeSpan.FromSeconds(1));
        var told = new List<CommandResult>();
        proposals.Wait(new(new(2), new(7)), new(null, told.Add), 10, TimeSpan.Zero);
        Assert.That(proposals.Applied(new(new(3), new(7)), new CommandResult.Done(7), TimeSpan.Zero), Is.Null);
        Assert.That(told, Has.Count.EqualTo(1).And.All.InstanceOf<CommandResult.Unknown>());
        Assert.That(proposals.Bytes, Is.Zero);
        proposals.Wait(new(new(3), new(8)), new(null, told.Add), 10, TimeSpan.Zero);
        proposals.SkippedTo(new(9));
        Assert.That(told, Has.Count.EqualTo(2).And.All.InstanceOf<CommandResult.Unknown>());
    }

#if VERIFY_MUTANTS
    [Test]
    public void The_planted_bug_M20_is_what_the_test_before_this_one_is_for()
    {
        try
        {
            Mutant.Armed = "M20";
            Assert.Throws<MultipleAssertException>(() => Assert.Multiple(A_proposal_is_answered_only_by_the_entry_of_its_own_term));
            Assert.That(Mutant.Hits, Is.EqualTo(1));
        }
        finally
        {
            Mutant.Armed = null;
        }
    }

#endif
    [Test]
    public void A_batch_is_written_whole_or_not_at_all_and_once()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = cluster.Names.First(n => !string.Equals(n, cluster.WaitForLeader(), StringComparison.Ordinal));
        var there = ((ApiReply.Done)cluster.Put(follower, "a", "0")).ModifyIndex;
        var bad = new ApiRequest.ImportKv([new("b", "1"u8.ToArray(), 1, null), new("a", "1"u8.ToArray(), 0, 0)], null);
        Assert.That(cluster.Ask(follower, bad), Is.EqualTo(new ApiReply.CasConflict(there)));
        Assert.That(cluster.Get(follower, "b"), Is.Null);
        var good = new ApiRequest.ImportKv([new("b", "1"u8.ToArray(), 7, 0), new("c", "2"u8.ToArray(), 0, null), new("a", null, 0, there)], new("s", 1));
        var done = cluster.Ask(follower, good);
        Assert.That(done, Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Ask(follower, good), Is.EqualTo(done), "sent again: applied once");
        var list = (ApiReply.Values)cluster.Ask(follower, new ApiRequest.KvList("", ReadConsistency.Consistent));
        Assert.That(list.Pairs.Select(p => (p.Key, p.Flags, p.ModifyIndex)), Is.EqualTo(new[] { ("b", 7UL, ((ApiReply.Done)done).ModifyIndex), ("c", 0UL, ((ApiReply.Done)done).ModifyIndex) }));
    }

    [Test]
    public void Batches_that_break_a_limit_are_refused_with_the_place()
    {
        var cluster = FakeCluster.Settled(1, config => config with { Limits = config.Limits with { BatchWritesMax = 2, BatchBytesMax = 100 } });
        cluster.World.RunFor(TimeSpan.FromMilliseconds(100));
        ApiRequest[] bad =
        [
            new ApiRequest.ImportKv([], null), new ApiRequest.ImportKv([new("a", null, 0, null), new("b", null, 0, null), new("c", null, 0, null)], null),
            new ApiRequest.ImportKv([new("a", new byte[100], 0, null)], null), new ApiRequest.ImportKv([new("a", null, 0, null), new("", null, 0, null)], null),
        ];
        foreach (var request in bad) Assert.That(cluster.Ask("a", request), Is.InstanceOf<ApiReply.Refused>());
        Assert.That(((ApiReply.Refused)cluster.Ask("a", bad[3])).Why, Does.StartWith("write 2:"));
    }

    [Test]
    public void An_export_shows_one_moment_in_all_its_pages_and_moves_into_a_cluster_without_loss()
    {
        var single = FakeCluster.Settled(1, config => config with { Limits = config.Limits with { BatchWritesMax = 7 } });
        for (var i = 0; i < 30; i++) single.Ask("a", new ApiRequest.KvPut($"k{i:00}", Encoding.UTF8.GetBytes($"{i}"), (ulong)i, null, null));
        var pages = new List<ApiReply.Exported> { (ApiReply.Exported)single.Ask("a", new ApiRequest.ExportState(null)) };
        single.Put("a", "k00", "changed");
        single.Ask("a", new ApiRequest.KvDelete("k29", null, null));
        while (pages[^1].Next is { } next)
        {
            pages.Add((ApiReply.Exported)single.Ask("a", new ApiRequest.ExportState(next)));
            Assert.That(single.Ask("a", new ApiRequest.ExportState(next)), Is.EqualTo(pages[^1]), "a page may be asked for again");
        }

        Assert.That(pages.Select(p => (p.AppliedIndex, p.PairsTotal)).Distinct().Single().PairsTotal, Is.EqualTo(30));
        var cluster = FakeCluster.Settled(3);
        for (var i = 0; i < pages.Count; i++)
        {
            var batch = new ApiRequest.ImportKv([.. pages[i].Pairs.Select(p => new KvWrite(p.Key, p.Value, p.Flags, null))], new("import", i + 1));
            Assert.That(cluster.Ask(cluster.Names[i % 3], batch), Is.InstanceOf<ApiReply.Done>());
        }

        var all = ((ApiReply.Values)cluster.Ask("b", new ApiRequest.KvList("", ReadConsistency.Consistent))).Pairs;
        Assert.That(all.Select(p => (p.Key, Encoding.UTF8.GetString(p.Value.Span), p.Flags)), Is.EqualTo(Enumerable.Range(0, 30).Select(i => ($"k{i:00}", $"{i}", (ulong)i))));
    }

    [Test]
    public void An_export_that_nobody_reads_on_is_let_go()
    {
        var cluster = FakeCluster.Settled(1, config => config with { Limits = config.Limits with { BatchWritesMax = 1, ExportsMax = 1 } });
        foreach (var key in new[] { "a", "b", "c" }) cluster.Put("a", key, "v");
        var first = (ApiReply.Exported)cluster.Ask("a", new ApiRequest.ExportState(null));
        Assert.That(cluster.Ask("a", new ApiRequest.ExportState(null)), Is.InstanceOf<ApiReply.Overloaded>());
        cluster.World.RunFor(TimeSpan.FromSeconds(61));
        Assert.That(cluster.Ask("a", new ApiRequest.ExportState(first.Next)), Is.InstanceOf<ApiReply.Refused>());
        Assert.That(cluster.Ask("a", new ApiRequest.ExportState(null)), Is.InstanceOf<ApiReply.Exported>());
    }

    private static ApiRequest.KvPut Put(string key, string value) => new(key, Encoding.UTF8.GetBytes(value), 0, null, null);
}
