using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Loop;

/// <summary>Whole nodes on fake time, network and disks.</summary>
public sealed class ClusterTests
{
    [Test]
    public void Three_nodes_elect_one_leader_and_a_write_through_any_of_them_is_read_through_any_other()
    {
        var cluster = FakeCluster.Settled(3);
        foreach (var writer in cluster.Names)
        {
            Assert.That(cluster.Put(writer, "k", $"by {writer}"), Is.InstanceOf<ApiReply.Done>());
            foreach (var reader in cluster.Names) Assert.That(cluster.Get(reader, "k"), Is.EqualTo($"by {writer}"));
        }
    }

    [Test]
    public void A_write_costs_one_sync_on_the_leader_and_one_on_each_follower_and_no_tick_is_waited_for()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "warm");
        cluster.World.RunFor(TimeSpan.FromMilliseconds(100));
        var (syncs, began) = (cluster.Names.Select(n => cluster.Disk(n).Syncs).ToArray(), cluster.World.Now);
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
        var took = TimeSpan.FromTicks(cluster.World.Now - began);
        cluster.World.RunFor(TimeSpan.FromMilliseconds(20));
        Assert.That(cluster.Names.Select((n, i) => cluster.Disk(n).Syncs - syncs[i]), Is.EqualTo(new[] { 1, 1, 1 }));
        Assert.That(took, Is.EqualTo(FakeNetwork.Latency * 2 + TimeSpan.FromMilliseconds(1)), "one round trip and one sync, no more");
    }

    [Test]
    public void Writes_that_come_together_share_a_sync()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var before = cluster.Disk(leader).Syncs;
        var asked = Enumerable.Range(0, 100)
            .Select(i => cluster.Node(leader).AskAsync(new ApiRequest.KvPut($"k{i}", new byte[] { 1 }, 0, null, null)).AsTask()).ToArray();
        cluster.World.RunUntil(() => asked.All(a => a.IsCompleted), TimeSpan.FromSeconds(1), "all writes are answered");
        Assert.That(asked.Select(a => a.Result), Is.All.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Disk(leader).Syncs - before, Is.LessThanOrEqualTo(2));
    }

    [Test]
    public void When_the_leader_loses_power_the_others_elect_and_it_comes_back_with_what_it_had()
    {
        var cluster = FakeCluster.Settled(3);
        var old = cluster.WaitForLeader();
        cluster.Put(old, "before", "1");
        cluster.Kill(old);
        var successor = cluster.WaitForLeader();
        Assert.That(successor, Is.Not.EqualTo(old));
        Assert.That(cluster.Get(successor, "before"), Is.EqualTo("1"));
        cluster.Put(successor, "after", "2");
        cluster.Start(old);
        cluster.World.RunUntil(() => cluster.Node(old).StateHash == cluster.Node(successor).StateHash, TimeSpan.FromSeconds(3), "the old leader has caught up");
        Assert.That(cluster.Get(old, "after", ReadConsistency.Stale), Is.EqualTo("2"));
        var started = cluster.Events(old).OfType<NodeEvent.Started>().Single();
        Assert.That((started.Recovered, started.LastIndex), Is.EqualTo((true, 2L)), "a barrier and a write were durable");
    }

    [Test]
    public void When_all_lose_power_at_once_nothing_that_was_acknowledged_is_lost()
    {
        var cluster = FakeCluster.Settled(3);
        for (var i = 0; i < 20; i++) Assert.That(cluster.Put(cluster.Names[i % 3], $"k{i}", $"{i}"), Is.InstanceOf<ApiReply.Done>());
        foreach (var name in cluster.Names) cluster.Kill(name);
        foreach (var name in cluster.Names) cluster.Start(name);
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < 20; i++) Assert.That(cluster.Get(leader, $"k{i}"), Is.EqualTo($"{i}"));
    }

    [Test]
    public void A_single_node_keeps_its_state_over_a_restart()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.Put("a", "k", "v");
        cluster.Kill("a");
        cluster.Start("a");
        cluster.WaitForLeader();
        Assert.That(cluster.Get("a", "k"), Is.EqualTo("v"));
    }

    [Test]
    public void The_events_of_a_run_never_show_two_leaders_of_one_term_nor_two_leases_at_once()
    {
        var cluster = FakeCluster.Settled(3);
        for (var round = 0; round < 6; round++)
        {
            var leader = cluster.WaitForLeader();
            var others = cluster.Names.Where(n => !string.Equals(n, leader, StringComparison.Ordinal)).ToArray();
            foreach (var other in others) cluster.Network.CutBoth(leader, other);
            cluster.WaitForLeader(name => others.Contains(name));
            cluster.Network.HealAll();
            cluster.World.RunFor(TimeSpan.FromSeconds(2));
        }

        var leaders = cluster.Names.SelectMany(n => cluster.Events(n).OfType<NodeEvent.RoleChanged>())
            .Where(e => string.Equals(e.Role, "Leader", StringComparison.Ordinal)).Select(e => (e.Term, e.Node)).Distinct().ToArray();
        Assert.That(leaders.Select(l => l.Term).Distinct().Count(), Is.EqualTo(leaders.Length).And.GreaterThan(5));
        foreach (var name in cluster.Names)
        {
            var leases = cluster.Events(name).OfType<NodeEvent.LeaderLease>().ToArray();
            Assert.That(leases.Select((l, i) => l.Held == (i % 2 == 0)), Is.All.True, "a lease is taken and lost in turn");
        }
    }

    [Test]
    public void A_leader_that_was_paused_gives_up_its_lease_before_it_does_anything_else()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var core = cluster.Node(leader).Core;
        cluster.Host(leader).Pause();
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        var ledWhen = new List<bool>();
        var sure = new List<bool>();
        core.Loop.Post(new Verify.Node.Loop.NodeInput.HaPosted(() => sure.Add(core.LeadsForSure)));
        cluster.Host(leader).Resume();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(1));
        ledWhen.AddRange(sure);
        Assert.That(ledWhen, Is.EqualTo(new[] { false }));
        var told = cluster.Events(leader).OfType<NodeEvent.LeaderLease>().Last();
        Assert.That(told.Held, Is.False);
        Assert.That(told.LateUs, Is.InRange(2_700_000, 3_000_000), "it ran out while the node did not run, and the node says when");
    }

    [Test]
    public void A_follower_that_was_paused_does_not_disturb_the_leader()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var term = cluster.Raft(leader).Term;
        var follower = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        cluster.Host(follower).Pause();
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        cluster.Host(follower).Resume();
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        Assert.That((cluster.WaitForLeader(), cluster.Raft(leader).Term), Is.EqualTo((leader, term)));
        Assert.That(cluster.Events(follower).OfType<NodeEvent.RoleChanged>().Select(e => e.Role), Has.None.EqualTo("Candidate"));
    }

    [Test]
    public void A_healed_partition_is_noticed_within_a_second_and_a_half_after_any_length()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var cut = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        foreach (var other in cluster.Names.Where(n => !string.Equals(n, cut, StringComparison.Ordinal))) cluster.Network.CutBoth(cut, other);
        cluster.World.RunFor(TimeSpan.FromSeconds(20));
        Assert.That(cluster.Raft(cut).IsInQuorum, Is.False);
        cluster.Network.HealAll();
        var healed = cluster.World.Now;
        cluster.World.RunUntil(() => cluster.Raft(cut).IsInQuorum, TimeSpan.FromMilliseconds(1_500), "the node is back in the quorum");
        TestContext.Out.WriteLine($"noticed after {TimeSpan.FromTicks(cluster.World.Now - healed).TotalMilliseconds} ms");
    }

    [Test]
    public void A_node_that_stops_hands_its_leadership_over_first()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var began = cluster.World.Now;
        cluster.World.Await(cluster.Node(leader).StopAsync());
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began), Is.LessThan(TimeSpan.FromMilliseconds(200)), "no election time-out was waited for");
        Assert.That(cluster.Ask(leader, new ApiRequest.RaftStatus()), Is.InstanceOf<ApiReply.Refused>());
        cluster.Kill(leader);
        var successor = cluster.WaitForLeader();
        Assert.That(successor, Is.Not.EqualTo(leader));
        cluster.Start(leader);
        Assert.That(cluster.WaitForLeader(), Is.EqualTo(successor));
    }

    [Test]
    public void A_single_node_stops_too()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.World.Await(cluster.Node("a").StopAsync());
        cluster.World.Await(cluster.Node("a").StopAsync());
    }

    [Test]
    public void Different_cluster_ids_do_not_mix_and_it_is_said_once_a_minute()
    {
        var cluster = new FakeCluster(2, config => config.Self.Name is "b" ? config with { ClusterId = "other" } : config);
        cluster.World.RunFor(TimeSpan.FromSeconds(50));
        Assert.That(cluster.Names.Select(n => cluster.Raft(n).Role), Has.None.EqualTo(RaftRole.Leader));
        var said = cluster.Log("a").Where(line => line.Contains("'other'", StringComparison.Ordinal)).ToArray();
        Assert.That(said, Has.Length.EqualTo(2), string.Join('\n', said) + "\n(one for each direction)");
    }

    [Test]
    public void Garbage_on_the_peer_port_ends_that_connection_only()
    {
        var cluster = FakeCluster.Settled(3);
        var stranger = cluster.Network.Of(new FakeHost(cluster.World), "stranger");
        for (var i = 0; i < 3; i++)
        {
            var stream = cluster.World.Await(stranger.ConnectAsync(new("a", 10008), CancellationToken.None));
            cluster.World.Await(stream.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray()));
            cluster.World.RunFor(TimeSpan.FromMilliseconds(10));
            Assert.That(cluster.World.Await(stream.ReadAsync(new byte[100])), Is.Zero, "the node closed it");
        }

        Assert.That(cluster.Log("a").Count(line => line.Contains("not our protocol", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(cluster.Put("a", "k", "v"), Is.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void A_failed_sync_halts_the_node_and_the_others_go_on()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Disk(leader).NextSyncFails = true;
        var asked = cluster.Node(leader).AskAsync(new ApiRequest.KvPut("k", new byte[] { 1 }, 0, null, null)).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(50));
        Assert.That(cluster.Host(leader).Halted, Does.Contain("data directory failed"));
        Assert.That(cluster.Events(leader).OfType<NodeEvent.Halted>().Count(), Is.EqualTo(1));
        Assert.That(asked.IsCompleted, Is.False, "a node that halts promises nothing");
        cluster.Network.Forget(leader);
        Assert.That(cluster.WaitForLeader(), Is.Not.EqualTo(leader));
    }

    [Test]
    public void A_full_disk_on_a_follower_is_told_and_what_waited_is_written_in_order_when_there_is_space()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        cluster.Disk(follower).CapacityBytes = cluster.Disk(follower).UsedBytes + 30;
        for (var i = 0; i < 10; i++) Assert.That(cluster.Put(leader, $"k{i}", "v"), Is.InstanceOf<ApiReply.Done>(), "two of three can still write");
        cluster.World.RunFor(TimeSpan.FromSeconds(5));
        Assert.That(cluster.Events(follower).OfType<NodeEvent.DiskFull>().Select(e => e.Full), Is.EqualTo(new[] { true }));
        Assert.That(((ApiReply.Raft)cluster.Ask(follower, new ApiRequest.RaftStatus())).View.DiskFull, Is.True);
        Assert.That(Match(cluster, leader, follower).Value, Is.EqualTo(1), "nothing was acknowledged that is not on disk");
        cluster.Disk(follower).CapacityBytes = long.MaxValue;
        cluster.World.RunUntil(() => Match(cluster, leader, follower) == cluster.Raft(leader).Last.Index,
            TimeSpan.FromSeconds(3), "the follower has caught up");
        Assert.That(cluster.Events(follower).OfType<NodeEvent.DiskFull>().Select(e => e.Full), Is.EqualTo(new[] { true, false }));
        cluster.Kill(follower);
        cluster.Start(follower);
        cluster.World.RunUntil(() => cluster.Node(follower).StateHash == cluster.Node(leader).StateHash, TimeSpan.FromSeconds(3), "it has all of it after a crash");
    }

    [Test]
    public void A_leader_whose_disk_is_full_refuses_writes_hands_over_and_does_not_come_back_until_it_can_write()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "1");
        cluster.Disk(leader).CapacityBytes = cluster.Disk(leader).UsedBytes + 30;
        var meets = cluster.Node(leader).AskAsync(new ApiRequest.KvPut("k", "the write that meets the full disk; the followers commit it"u8.ToArray(), 0, null, null)).AsTask();
        cluster.World.RunUntil(() => cluster.Events(leader).OfType<NodeEvent.DiskFull>().Any(), TimeSpan.FromSeconds(1), "the disk is full");
        Assert.That(cluster.Put(leader, "k", "2"), Is.EqualTo(new ApiReply.Refused($"disk full on {leader}")).Or.InstanceOf<ApiReply.NoLeader>());
        var successor = cluster.WaitForLeader(name => !string.Equals(name, leader, StringComparison.Ordinal));
        Assert.That(cluster.Put(successor, "k", "3"), Is.InstanceOf<ApiReply.Done>());
        cluster.World.RunUntil(() => meets.IsCompleted, TimeSpan.FromSeconds(3), "the write is answered");
        Assert.That(meets.Result, Is.InstanceOf<ApiReply.Done>().Or.InstanceOf<ApiReply.Unknown>(), "the successor committed it; whether the old leader saw that in time is chance");
        Assert.That(cluster.Ask(leader, new ApiRequest.KvGet("k", ReadConsistency.Stale)), Is.InstanceOf<ApiReply.Value>(), "stale reads go on");
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(cluster.Raft(leader).Role, Is.Not.EqualTo(RaftRole.Leader));
        cluster.Disk(leader).CapacityBytes = long.MaxValue;
        cluster.World.RunUntil(() => cluster.Node(leader).StateHash == cluster.Node(successor).StateHash && cluster.Raft(leader).Leader is not null,
            TimeSpan.FromSeconds(3), "the old leader follows again");
    }

    [Test]
    public void A_single_node_with_a_full_disk_acknowledges_nothing_until_there_is_space()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.Put("a", "k", "1");
        cluster.Disk("a").CapacityBytes = cluster.Disk("a").UsedBytes + 20;
        var first = cluster.Node("a").AskAsync(new ApiRequest.KvPut("k", "2"u8.ToArray(), 0, null, null)).AsTask();
        cluster.World.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.That(first.IsCompleted, Is.False);
        Assert.That(cluster.Put("a", "k", "3"), Is.EqualTo(new ApiReply.Refused("disk full on a")));
        foreach (var kind in Enum.GetValues<ReadConsistency>()) Assert.That(cluster.Get("a", "k", kind), Is.EqualTo("1"), $"{kind} reads go on");
        cluster.Disk("a").CapacityBytes = long.MaxValue;
        cluster.World.RunUntil(() => first.IsCompleted, TimeSpan.FromSeconds(2), "the write that waited is answered");
        Assert.That((first.Result, cluster.Get("a", "k")), Is.EqualTo((new ApiReply.Done(3), "2")));
    }

    [Test]
    public void While_all_disks_are_full_every_kind_of_read_is_answered_for_as_long_as_it_lasts_and_every_write_is_refused_with_the_reason()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "1");
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        foreach (var name in cluster.Names) cluster.Disk(name).CapacityBytes = cluster.Disk(name).UsedBytes + 10;
        _ = cluster.Node(leader).AskAsync(new ApiRequest.KvPut("other", "the write that meets the full disks"u8.ToArray(), 0, null, null)).AsTask();
        cluster.World.RunUntil(() => cluster.Names.All(n => cluster.Events(n).OfType<NodeEvent.DiskFull>().Any()), TimeSpan.FromSeconds(1), "all disks are full");
        Assert.That(cluster.Put(leader, "k", "2"), Is.EqualTo(new ApiReply.Refused($"disk full on {leader}")));
        for (var minute = 0; minute < 5; minute++)
        {
            foreach (var name in cluster.Names)
            {
                foreach (var kind in Enum.GetValues<ReadConsistency>()) Assert.That(cluster.Get(name, "k", kind), Is.EqualTo("1"), $"{kind} on {name}, minute {minute}");
                Assert.That(cluster.Put(name, "k", "2"), Is.EqualTo(new ApiReply.Refused($"disk full on {leader}")), $"minute {minute}");
            }

            cluster.World.RunFor(TimeSpan.FromMinutes(1));
        }

        foreach (var name in cluster.Names) cluster.Disk(name).CapacityBytes = long.MaxValue;
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(cluster.Put(cluster.WaitForLeader(), "k", "3"), Is.InstanceOf<ApiReply.Done>(), "it recovers by itself");
    }

    [Test]
    public void A_leader_with_space_whose_followers_have_none_refuses_writes_with_the_reason_and_serves_reads()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "1");
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        var followers = cluster.Names.Where(n => n != leader).ToArray();
        foreach (var name in followers) cluster.Disk(name).CapacityBytes = cluster.Disk(name).UsedBytes + 10;
        var meets = cluster.Node(leader).AskAsync(new ApiRequest.KvPut("other", "the write that meets the full disks"u8.ToArray(), 0, null, null)).AsTask();
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(cluster.Raft(leader).Role, Is.EqualTo(RaftRole.Leader));
        Assert.That(cluster.Put(leader, "k", "2"), Is.InstanceOf<ApiReply.Overloaded>().With.Property(nameof(ApiReply.Overloaded.Reason)).Contains("disks of the group are full"));
        foreach (var name in cluster.Names)
            foreach (var kind in Enum.GetValues<ReadConsistency>()) Assert.That(cluster.Get(name, "k", kind), Is.EqualTo("1"), $"{kind} on {name}");
        foreach (var name in followers) cluster.Disk(name).CapacityBytes = long.MaxValue;
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(meets.IsCompleted, Is.True);
        Assert.That(cluster.Put(cluster.WaitForLeader(), "k", "3"), Is.InstanceOf<ApiReply.Done>(), "it recovers by itself");
    }

    [Test]
    public void A_damaged_log_does_not_start()
    {
        var cluster = FakeCluster.Settled(1);
        for (var i = 0; i < 5; i++) cluster.Put("a", "k", $"{i}");
        cluster.Kill("a");
        var name = cluster.Disk("a").List().Single(f => f.StartsWith("log-", StringComparison.Ordinal));
        var bytes = cluster.Disk("a").Read(name);
        bytes[bytes.Length / 2] ^= 1;
        cluster.Disk("a").Put(name, bytes);
        Assert.Throws<DamagedLogException>(() => cluster.Start("a"));
    }

    [Test]
    public void A_follower_whose_log_has_rotten_gets_its_entries_back_from_its_peers_and_votes_again()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        for (var i = 0; i < 20; i++) cluster.Put(leader, $"k{i}", $"{i}");
        var follower = cluster.Names.First(n => n != leader);
        cluster.World.RunUntil(() => cluster.Node(follower).StateHash == cluster.Node(leader).StateHash, TimeSpan.FromSeconds(3), "it has all of it");
        cluster.Kill(follower);
        var name = cluster.Disk(follower).List().Single(f => f.StartsWith("log-", StringComparison.Ordinal));
        var bytes = cluster.Disk(follower).Read(name);
        bytes[(1024 + bytes.Length) / 2] ^= 1;
        cluster.Disk(follower).Put(name, bytes);
        cluster.Start(follower);
        cluster.World.RunUntil(
            () => cluster.WaitForLeader() is var now && cluster.Node(follower).StateHash == cluster.Node(now).StateHash && !cluster.Disk(follower).List().Contains("lost-entries", StringComparer.Ordinal),
            TimeSpan.FromSeconds(10), "it has its entries back and knows it");
        Assert.That(cluster.Get(follower, "k19"), Is.EqualTo("19"));
        Assert.That(cluster.Disk(follower).List(), Does.Contain($"{name}.damaged"));
    }

    private static LogIndex Match(FakeCluster cluster, string leader, string follower) =>
        cluster.Raft(leader).Peers.Single(p => p.Peer == new NodeId(follower)).Match;
}
