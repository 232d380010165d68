using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Api;

/// <summary>Who counts the group's time, and that nothing ends early by it, whatever leaders and wall clocks do.</summary>
public sealed class LeaderClockTests
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(2);

    /// <summary>Grain, drift bound, a commit.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(200 + 40 + 60);

    [Test]
    public void Under_one_leader_a_key_ends_after_its_lifetime_within_the_grain_on_every_node()
    {
        var cluster = FakeCluster.Settled(3);
        var gone = LifeOf(cluster, "k", Ttl, () => { });
        Assert.That(gone, Is.InRange(Ttl, Ttl + Late));
        cluster.World.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.That(cluster.Names.Select(name => cluster.Get(name, "k", ReadConsistency.Stale)), Is.All.Null);
    }

    [Test]
    public void Wall_clocks_that_jump_for_hours_end_nothing_early_and_keep_nothing_alive()
    {
        foreach (var jump in new[] { TimeSpan.FromHours(5), TimeSpan.FromHours(-5) })
        {
            var cluster = FakeCluster.Settled(3);
            var gone = LifeOf(cluster, "k", Ttl, () =>
            {
                foreach (var name in cluster.Names) cluster.Host(name).WallShift = jump;
            });
            Assert.That(gone, Is.InRange(Ttl, Ttl + Late), $"{jump}");
        }
    }

    [Test]
    public void A_change_of_leader_ends_nothing_early_and_costs_the_election_and_a_second_at_the_most()
    {
        var cluster = FakeCluster.Settled(3);
        var gone = LifeOf(cluster, "k", Ttl, () =>
        {
            cluster.World.RunFor(TimeSpan.FromMilliseconds(900));
            cluster.Kill(cluster.WaitForLeader());
            cluster.WaitForLeader();
        });
        Assert.That(gone, Is.InRange(Ttl, Ttl + Late + TimeSpan.FromMilliseconds(LeaderClock.StampEveryMs) + TimeSpan.FromSeconds(2)));
    }

    [Test]
    public void A_leader_that_was_stopped_and_replaced_ends_nothing_early_when_it_wakes_up_and_leads_again()
    {
        var cluster = FakeCluster.Settled(3);
        var gone = LifeOf(cluster, "k", TimeSpan.FromSeconds(8), () =>
        {
            var old = cluster.WaitForLeader();
            cluster.Host(old).Pause();
            cluster.WaitForLeader(name => name != old);
            cluster.World.RunFor(TimeSpan.FromSeconds(1));
            cluster.Host(old).Resume();
            cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
            cluster.Ask(old, new ApiRequest.TransferLeadership(new(old)));
            cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
        });
        Assert.That(gone, Is.InRange(TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(13)));
    }

    [Test]
    public void A_whole_group_that_was_off_for_an_hour_goes_on_where_it_was()
    {
        var cluster = FakeCluster.Settled(3);
        var gone = LifeOf(cluster, "k", Ttl, () =>
        {
            foreach (var name in cluster.Names) cluster.Kill(name);
            cluster.World.RunFor(TimeSpan.FromHours(1));
            foreach (var name in cluster.Names) cluster.Start(name);
            cluster.WaitForLeader();
            Assert.That(cluster.Get(cluster.WaitForLeader(), "k"), Is.EqualTo("v"), "nobody could renew it meanwhile");
        });
        Assert.That(gone, Is.GreaterThan(TimeSpan.FromHours(1)));
    }

    [Test]
    public void A_key_that_is_set_on_the_first_breath_of_a_leader_lives_its_whole_lifetime()
    {
        // 1. Time has gone far under one leader. 2. Its successor is asked before it has applied what its predecessor stamped.
        var cluster = FakeCluster.Settled(3);
        LifeOf(cluster, "old", TimeSpan.FromSeconds(5), () => { });
        cluster.Kill(cluster.WaitForLeader());
        var asked = new List<(TimeSpan At, string Node, Task<ApiReply> Reply)>();
        for (var i = 0; i < 400 && !asked.Any(a => a.Reply is { IsCompleted: true, Result: ApiReply.Kv }); i++)
        {
            foreach (var name in cluster.Running)
                if (cluster.Raft(name).Role == Raft.RaftRole.Leader) asked.Add((Now(cluster), name, cluster.Node(name).AskAsync(Put($"new{i}", Ttl)).AsTask()));
            cluster.World.RunFor(TimeSpan.FromMilliseconds(2));
        }

        var first = asked.First(a => a.Reply is { IsCompleted: true, Result: ApiReply.Kv });
        var key = ((KvOutcome.Done)((ApiReply.Kv)first.Reply.Result).Outcome).Answers[0].Pairs[0].Key;
        cluster.World.RunFor(Ttl - (Now(cluster) - first.At) - TimeSpan.FromMilliseconds(5));
        Assert.That(cluster.Get(first.Node, key), Is.EqualTo("v"));
    }

    [Test]
    public void While_nothing_waits_for_the_time_nothing_is_written()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        LifeOf(cluster, "k", Ttl, () => { });
        var before = cluster.Raft(leader).Commit;
        cluster.World.RunFor(TimeSpan.FromSeconds(30));
        Assert.That(cluster.Raft(leader).Commit, Is.EqualTo(before));
    }

    [Test]
    public void A_session_is_renewed_through_a_follower_and_ends_when_nobody_does_so()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = cluster.Names.First(name => name != cluster.WaitForLeader());
        Assert.That(cluster.Ask(follower, new ApiRequest.SessionDo(new SessionCommand.Create("s", "", "n", 1_000, SessionBehaviour.Release, 0))), Is.InstanceOf<ApiReply.Done>());
        for (var i = 0; i < 5; i++)
        {
            cluster.World.RunFor(TimeSpan.FromMilliseconds(800));
            Assert.That(cluster.Ask(follower, new ApiRequest.SessionDo(new SessionCommand.Renew("s"))), Is.InstanceOf<ApiReply.Done>(), $"renewal {i}");
        }

        cluster.World.RunFor(TimeSpan.FromMilliseconds(1_000) + Late);
        Assert.That(((ApiReply.SessionList)cluster.Ask(follower, new ApiRequest.SessionRead("s", ReadConsistency.Consistent))).Sessions, Is.Empty);
    }

    /// <summary>How long a key was there: from when it was asked for until a linearizable read did not find it any more.</summary>
    private static TimeSpan LifeOf(FakeCluster cluster, string key, TimeSpan ttl, Action meanwhile)
    {
        var began = Now(cluster);
        Assert.That(cluster.Ask(cluster.WaitForLeader(), Put(key, ttl)), Is.InstanceOf<ApiReply.Kv>());
        meanwhile();
        while (true)
        {
            var before = Now(cluster) - began;
            if (cluster.Get(cluster.WaitForLeader(), key) is null) return Now(cluster) - began;
            if (before > ttl + TimeSpan.FromHours(2)) Assert.Fail("it never ends");
            cluster.World.RunFor(TimeSpan.FromMilliseconds(10));
        }
    }

    private static ApiRequest.KvDo Put(string key, TimeSpan ttl) =>
        new(ImmutableArray.Create<KvOp>(new KvOp.Put(key, "v"u8.ToArray(), 0, null, (long)ttl.TotalMilliseconds)), null);

    private static TimeSpan Now(FakeCluster cluster) => TimeSpan.FromTicks(cluster.World.Now);
}
