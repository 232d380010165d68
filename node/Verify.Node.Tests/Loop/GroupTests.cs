using System.Text;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Telemetry;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Loop;

/// <summary>The group around the engine: snapshots, members who move, leave or run an older program, disks that stall.</summary>
public sealed class GroupTests
{
    [Test]
    public void A_follower_that_was_away_for_too_long_gets_a_snapshot_by_itself_and_has_the_same_state()
    {
        var cluster = FakeCluster.Settled(3, Small);
        var leader = cluster.WaitForLeader();
        var away = Other(cluster, leader);
        cluster.Kill(away);
        Fill(cluster, leader, from: 0, to: 150);
        Assert.That(cluster.Events(leader).OfType<NodeEvent.SnapshotTaken>().Count(), Is.GreaterThan(2));
        Assert.That(cluster.Raft(leader).First.Value, Is.GreaterThan(10), "the log has forgotten its beginning");
        cluster.Start(away);
        WaitForEqualStates(cluster);
        var installed = cluster.Events(away).OfType<NodeEvent.SnapshotInstalled>().First();
        Assert.That(installed.Index, Is.GreaterThan(10));
        Assert.That(cluster.Get(away, "k0", ReadConsistency.Stale), Is.EqualTo("0"));
        Fill(cluster, leader, from: 150, to: 160);
        WaitForEqualStates(cluster);
        cluster.Kill(away);
        cluster.Start(away);
        WaitForEqualStates(cluster);
    }

    [Test]
    public void A_node_that_restarts_from_snapshot_and_log_has_exactly_the_state_it_had()
    {
        var cluster = FakeCluster.Settled(1, Small);
        cluster.Put("a", "session", "v", new RequestId("s", 1));
        Fill(cluster, "a", from: 0, to: 105);
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        var before = cluster.Node("a").StateHash;
        Assert.That(cluster.Raft("a").First.Value, Is.GreaterThan(1));
        cluster.Kill("a");
        cluster.Start("a");
        Assert.That(cluster.Node("a").StateHash.Applied, Is.GreaterThan(50), "what the snapshot holds is there at once");
        cluster.World.RunUntil(() => cluster.Raft("a").HasLease, TimeSpan.FromSeconds(3), "it leads again");
        Assert.That(cluster.Get("a", "k104"), Is.EqualTo("104"));
        Assert.That(cluster.Put("a", "session", "v", new RequestId("s", 1)), Is.EqualTo(new ApiReply.Done(2)), "the session was not forgotten");
        var leads = cluster.Node("a").StateHash;
        Assert.That(leads.Applied, Is.EqualTo(before.Applied + 2), "a barrier and the repeated write");
    }

    [Test]
    public void The_state_after_a_restart_from_snapshot_and_log_has_the_hash_of_the_state_before_it()
    {
        var cluster = FakeCluster.Settled(3, Small);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "session", "v", new RequestId("s", 1));
        Fill(cluster, leader, from: 0, to: 109);
        WaitForEqualStates(cluster);
        var restarted = Other(cluster, leader);
        var before = cluster.Node(restarted).StateHash;
        cluster.Kill(restarted);
        cluster.Start(restarted);
        var found = cluster.Node(restarted).StateHash.Applied;
        Assert.That(found, Is.GreaterThan(50).And.LessThan(before.Applied), "part of it comes from the snapshot, and part from the log");
        cluster.World.RunUntil(() => cluster.Node(restarted).StateHash.Applied >= before.Applied, TimeSpan.FromSeconds(3), "the log is applied again");
        Assert.That(cluster.Node(restarted).StateHash, Is.EqualTo(before));
        Assert.That(cluster.Events(restarted).OfType<NodeEvent.SnapshotInstalled>(), Is.Empty, "nothing was sent to it but what is committed");
    }

    [Test]
    public void A_quiet_group_takes_a_snapshot_when_its_time_has_come_and_none_of_nothing_new()
    {
        var cluster = FakeCluster.Settled(3, c => c with { Snapshots = new() { Interval = TimeSpan.FromSeconds(5), Entries = 100_000 } });
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "v");
        cluster.World.RunFor(TimeSpan.FromSeconds(6));
        foreach (var name in cluster.Names) Assert.That(cluster.Events(name).OfType<NodeEvent.SnapshotTaken>().Count(), Is.EqualTo(1), name);
        cluster.World.RunFor(TimeSpan.FromSeconds(20));
        Assert.That(cluster.Events(leader).OfType<NodeEvent.SnapshotTaken>().Count(), Is.EqualTo(1), "nothing has changed");
        cluster.Put(leader, "k", "w");
        cluster.World.RunFor(TimeSpan.FromSeconds(6));
        Assert.That(cluster.Events(leader).OfType<NodeEvent.SnapshotTaken>().Count(), Is.EqualTo(2));
    }

    [Test]
    public void A_snapshot_on_demand_is_durable_when_it_is_answered()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Put(leader, "k", "v");
        var made = (ApiReply.SnapshotMade)cluster.Ask(leader, new ApiRequest.TakeSnapshot());
        Assert.That(made.Last, Is.EqualTo(cluster.Raft(leader).Last));
        Assert.That(cluster.Ask(leader, new ApiRequest.TakeSnapshot()), Is.InstanceOf<ApiReply.SnapshotMade>(), "the same one answers again");
        cluster.Kill(leader);
        cluster.Start(leader);
        Assert.That(cluster.Node(leader).StateHash.Applied, Is.EqualTo(made.Last.Index.Value));
    }

    [Test]
    public void A_full_disk_puts_a_snapshot_off_and_nothing_else()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.Put("a", "k", "v");
        cluster.Disk("a").CapacityBytes = cluster.Disk("a").UsedBytes + 40;
        Assert.That(cluster.Ask("a", new ApiRequest.TakeSnapshot()), Is.InstanceOf<ApiReply.Refused>());
        Assert.That(cluster.Host("a").Halted, Is.Null);
        cluster.Disk("a").CapacityBytes = long.MaxValue;
        cluster.World.RunFor(TimeSpan.FromSeconds(11));
        Assert.That(cluster.Ask("a", new ApiRequest.TakeSnapshot()), Is.InstanceOf<ApiReply.SnapshotMade>());
    }

    [Test]
    public void A_node_that_was_taken_out_while_it_was_away_is_told_leaves_and_disturbs_nobody()
    {
        var cluster = FakeCluster.Settled(4);
        var leader = cluster.WaitForLeader();
        var gone = Other(cluster, leader);
        cluster.Kill(gone);
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(gone), IsForced: false)), Is.InstanceOf<ApiReply.Done>());
        var term = cluster.Raft(leader).Term;
        cluster.Start(gone);
        cluster.World.RunUntil(() => cluster.Host(gone).Halted is not null, TimeSpan.FromSeconds(5), "it has left");
        Assert.That(cluster.Host(gone).Halted, Does.Contain("taken out of this group").And.Contain("let it join anew"));
        Assert.That(cluster.Events(gone).OfType<NodeEvent.Removed>().Count(), Is.EqualTo(1));
        Assert.That((cluster.WaitForLeader(n => !string.Equals(n, gone, StringComparison.Ordinal)), cluster.Raft(leader).Term), Is.EqualTo((leader, term)));
    }

    [Test]
    public void A_member_that_is_taken_out_while_it_runs_hears_of_it_and_leaves()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var gone = Other(cluster, leader);
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(gone), IsForced: false)), Is.InstanceOf<ApiReply.Done>());
        cluster.World.RunUntil(() => cluster.Host(gone).Halted is not null, TimeSpan.FromSeconds(6), "it has left");
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void A_member_that_comes_back_under_another_address_is_found_and_the_membership_learns_it()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var moved = Other(cluster, leader);
        cluster.Stop(moved);
        cluster.Configure(moved, c => c with { PeerBind = new(moved, 10009), PeerAdvertise = new(moved, 10009) });
        cluster.Start(moved);
        cluster.World.RunUntil(
            () => cluster.Names.All(n => cluster.Raft(n).Membership.ContactOf(new(moved)).Address == $"{moved}:10009"),
            TimeSpan.FromSeconds(5), "all know the new address from the log");
        WaitForEqualStates(cluster);
        foreach (var name in cluster.Names) cluster.Kill(name);
        foreach (var name in cluster.Names) cluster.Start(name);
        cluster.WaitForLeader();
        cluster.World.RunUntil(() => cluster.Raft(moved).IsInQuorum, TimeSpan.FromSeconds(3), "it is dialled where it is, though the configuration says otherwise");
    }

    [Test]
    public void A_node_of_the_release_before_works_with_new_ones_and_holds_changes_of_members_back_until_it_is_upgraded()
    {
        var cluster = FakeCluster.Settled(3, c => c.Self.Name is "b" ? c with { WireVersionMax = 1 } : c);
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        foreach (var name in cluster.Names) Assert.That(cluster.Put(name, $"k-{name}", "v"), Is.InstanceOf<ApiReply.Done>(), name);
        foreach (var name in cluster.Names) Assert.That(cluster.Get(name, "k-b"), Is.EqualTo("v"), name);
        WaitForEqualStates(cluster);
        var refused = cluster.Ask("a", new ApiRequest.ClusterLeave(new("c"), IsForced: true));
        Assert.That(refused, Is.InstanceOf<ApiReply.Refused>());
        Assert.That($"{refused}", Does.Contain("version 1"));
        cluster.Stop("b");
        cluster.Configure("b", c => c with { WireVersionMax = 2 });
        cluster.Start("b");
        cluster.WaitForLeader();
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        Assert.That(cluster.Ask("a", new ApiRequest.ClusterLeave(new("c"), IsForced: true)), Is.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void A_leader_whose_disk_stalls_hands_over_and_does_not_come_back_until_it_answers()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Disk(leader).SyncTime = TimeSpan.FromSeconds(8);
        var asked = cluster.Node(leader).AskAsync(new ApiRequest.KvPut("k", new byte[] { 1 }, 0, null, null)).AsTask();
        var successor = cluster.WaitForLeader(n => !string.Equals(n, leader, StringComparison.Ordinal));
        Assert.That(cluster.Put(successor, "k2", "v"), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Log(leader), Has.Some.Contains("disk has not answered"));
        cluster.World.RunFor(TimeSpan.FromSeconds(4));
        Assert.That(cluster.Raft(leader).Role, Is.Not.EqualTo(RaftRole.Leader));
        cluster.Disk(leader).SyncTime = TimeSpan.FromMilliseconds(1);
        cluster.World.RunUntil(() => asked.IsCompleted && cluster.Log(leader).Exists(l => l.Contains("answers again", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(20), "the disk answered");
        WaitForEqualStates(cluster);
    }

    [Test]
    public void A_node_that_nobody_lets_in_says_why_and_gives_up()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.StartJoiner("d", via: "nowhere", token: null, c => c with { Join = c.Join with { GiveUpAfter = TimeSpan.FromSeconds(5) } });
        cluster.World.RunUntil(() => cluster.Host("d").Halted is not null, TimeSpan.FromSeconds(6), "it has given up");
        Assert.That(cluster.Host("d").Halted, Does.Contain("not let into the group within 5 s").And.Contain("nowhere:10008"));
    }

    [Test]
    public void A_leader_says_once_a_minute_that_somebody_is_not_let_in_however_often_he_asks()
    {
        var cluster = FakeCluster.Settled(1);
        var leader = cluster.WaitForLeader();
        cluster.StartJoiner("d", via: leader, token: null, c => c with { Join = c.Join with { GiveUpAfter = TimeSpan.Zero } });
        cluster.World.RunFor(TimeSpan.FromSeconds(50));
        var asked = cluster.Log(leader).Where(line => line.Contains("is not let in", StringComparison.Ordinal)).ToArray();
        Assert.That(asked, Has.Length.EqualTo(1).And.All.Contains("d at d:10008").And.All.Contains("token"));
        cluster.World.RunFor(TimeSpan.FromSeconds(60));
        Assert.That(cluster.Log(leader).Count(line => line.Contains("is not let in", StringComparison.Ordinal)), Is.EqualTo(2));
    }

    [Test]
    public void A_node_without_members_and_without_anybody_to_ask_waits_until_an_operator_has_it_taken_in()
    {
        var cluster = FakeCluster.Settled(1);
        var leader = cluster.WaitForLeader();
        cluster.StartJoiner("d", via: "nowhere", token: null, c => c with { Join = new() });
        cluster.World.RunFor(TimeSpan.FromSeconds(90));
        Assert.That((cluster.Host("d").Halted, cluster.Raft("d").Role), Is.EqualTo(((string?)null, RaftRole.Follower)), "it neither gives up nor campaigns");
        var taken = cluster.Ask(leader, new ApiRequest.ClusterJoin(new("d"), new("d:10008", "dc-d", "", ""), StaysLearner: false, Replaces: null, Token: null));
        Assert.That(taken, Is.InstanceOf<ApiReply.Done>());
        cluster.World.RunUntil(() => cluster.Raft("d").Membership.Voters.Contains(new("d")), TimeSpan.FromSeconds(10), "it is a voter");
    }

    [Test]
    public void What_the_log_says_of_the_members_counts_and_a_configuration_that_differs_is_told()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var gone = Other(cluster, leader);
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(gone), IsForced: false)), Is.InstanceOf<ApiReply.Done>());
        cluster.Kill(leader);
        cluster.Start(leader);
        Assert.That(cluster.Raft(leader).Membership.Contains(new(gone)), Is.False);
        Assert.That(cluster.Log(leader), Has.Some.Contains("the log counts"));
    }

    private static NodeConfig Small(NodeConfig config) => config with
    {
        Snapshots = new() { Entries = 20, TrailingEntries = 5, ChunkBytes = 700 }, Limits = new() { SegmentBytesMax = 1_000 },
    };

    private static string Other(FakeCluster cluster, string name) => cluster.Names.First(n => !string.Equals(n, name, StringComparison.Ordinal));

    private static void Fill(FakeCluster cluster, string through, int from, int to)
    {
        for (var i = from; i < to; i++)
            Assert.That(cluster.Ask(through, new ApiRequest.KvPut($"k{i}", Encoding.UTF8.GetBytes($"{i}"), 0, null, null)), Is.InstanceOf<ApiReply.Done>());
    }

    private static void WaitForEqualStates(FakeCluster cluster) => cluster.World.RunUntil(
        () => cluster.Running.Select(n => cluster.Node(n).StateHash).Distinct().Count() == 1, TimeSpan.FromSeconds(5), "equal states");
}
