using System.Text;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Api;

/// <summary>Nodes that come and go while the group works: on request, by token, and by autopilot.</summary>
public sealed class MembershipTests
{
    private const string Secret = "correct-horse-battery-staple";

    [Test]
    public void A_node_with_a_token_is_let_in_as_a_learner_and_becomes_a_voter_when_it_is_stable()
    {
        var cluster = FakeCluster.Settled(3);
        cluster.Put("a", "k", "before");
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: "b", $"t1.{Secret}");
        WaitFor(cluster, "voters=(a b c) learners=(d)");
        WaitFor(cluster, "voters=(a b c d)");
        Assert.That(cluster.Get("d", "k"), Is.EqualTo("before"));
        Assert.That(cluster.Put("d", "k", "after"), Is.InstanceOf<ApiReply.Done>());
        foreach (var name in cluster.Names) Assert.That(cluster.Log(name), Has.None.Contains(Secret), "a secret is never logged");
    }

    [Test]
    public void A_single_node_grows_to_three_in_place_and_keeps_its_data()
    {
        var cluster = FakeCluster.Settled(1);
        for (var i = 0; i < 20; i++) cluster.Put("a", $"k{i}", $"{i}");
        MakeToken(cluster, "t1");
        MakeToken(cluster, "t2");
        cluster.StartJoiner("b", via: "a", $"t1.{Secret}");
        cluster.StartJoiner("c", via: "a", $"t2.{Secret}");
        WaitFor(cluster, "voters=(a b c)");
        cluster.Kill("a");
        var successor = cluster.WaitForLeader();
        for (var i = 0; i < 20; i++) Assert.That(cluster.Get(successor, $"k{i}"), Is.EqualTo($"{i}"));
        Assert.That(cluster.Put(successor, "k", "v"), Is.InstanceOf<ApiReply.Done>());
    }

    [TestCase(null, "a join token is needed")]
    [TestCase("t1.wrong", "not one of this group's")]
    [TestCase("t9." + Secret, "not one of this group's")]
    [TestCase("nonsense", "id.secret")]
    public void A_node_without_the_right_token_stays_outside(string? token, string why)
    {
        var cluster = FakeCluster.Settled(3);
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: "a", token);
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c)"));
        Assert.That(cluster.Log("d"), Has.Some.Contains(why));
        foreach (var name in cluster.Names) Assert.That(cluster.Log(name), Has.None.Contains(Secret));
    }

    [Test]
    public void A_token_is_used_once_and_that_survives_a_restart_of_all_and_another_leader()
    {
        var cluster = FakeCluster.Settled(3);
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: "a", $"t1.{Secret}");
        WaitFor(cluster, "voters=(a b c d)");
        foreach (var name in cluster.Names) cluster.Kill(name);
        foreach (var name in cluster.Names) cluster.Start(name);
        cluster.WaitForLeader();
        cluster.StartJoiner("e", via: "a", $"t1.{Secret}");
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c d)"));
        Assert.That(cluster.Log("e"), Has.Some.Contains("has been used"));
    }

    [Test]
    public void A_token_that_has_expired_lets_nobody_in()
    {
        var cluster = FakeCluster.Settled(3);
        MakeToken(cluster, "t1", TimeSpan.FromSeconds(5));
        cluster.World.RunFor(TimeSpan.FromSeconds(5));
        cluster.StartJoiner("d", via: "a", $"t1.{Secret}");
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c)"));
        Assert.That(cluster.Log("d"), Has.Some.Contains("expired"));
    }

    [Test]
    public void An_operator_lets_a_node_in_without_a_token_through_any_node_unless_tokens_are_required()
    {
        var cluster = FakeCluster.Settled(3);
        var join = new ApiRequest.ClusterJoin(new("d"), new("d:10008", "dc-d", "", ""), StaysLearner: true, Replaces: null, Token: null);
        foreach (var name in cluster.Names) Assert.That(cluster.Ask(name, join), Is.InstanceOf<ApiReply.Done>(), "again is no other change");
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c) learners=(d)"));
        var strict = FakeCluster.Settled(1, config => config with { Autopilot = config.Autopilot with { RequireJoinToken = true } });
        strict.World.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.That(strict.Ask("a", join), Is.InstanceOf<ApiReply.Refused>());
    }

    [Test]
    public void A_learner_that_is_to_stay_one_stays_one_under_the_next_leader_too()
    {
        var cluster = FakeCluster.Settled(3);
        MakeToken(cluster, "t1");
        Assert.That(cluster.Ask("a", new ApiRequest.ClusterJoin(new("d"), new("d:10008", "dc-d", "", ""), StaysLearner: true, null, null)), Is.InstanceOf<ApiReply.Done>());
        cluster.StartJoiner("d", via: "a", $"t1.{Secret}");
        cluster.World.RunUntil(() => cluster.Node("d").StateHash.Applied > 0, TimeSpan.FromSeconds(5), "the learner gets the log");
        cluster.Ask("a", new ApiRequest.TransferLeadership(null));
        cluster.World.RunFor(TimeSpan.FromSeconds(6));
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c) learners=(d)"));
    }

    [Test]
    public void A_follower_leaves_and_the_rest_goes_on()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var leaving = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(leaving), IsForced: false)), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Raft(leader).Membership.Contains(new(leaving)), Is.False);
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(leaving), IsForced: false)), Is.InstanceOf<ApiReply.Refused>());
    }

    [Test]
    public void The_leader_leaves_on_request_and_another_leads_at_once()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(leader), IsForced: false)), Is.InstanceOf<ApiReply.Done>());
        var began = cluster.World.Now;
        var successor = cluster.WaitForLeader(name => !string.Equals(name, leader, StringComparison.Ordinal));
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began), Is.LessThan(TimeSpan.FromMilliseconds(150)));
        Assert.That(cluster.Raft(successor).Membership.Contains(new(leader)), Is.False);
        Assert.That(cluster.Put(successor, "k", "v"), Is.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void Nobody_leaves_when_the_rest_could_not_go_on_unless_it_is_forced()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var others = cluster.Names.Where(n => !string.Equals(n, leader, StringComparison.Ordinal)).ToArray();
        cluster.Kill(others[0]);
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        var refused = (ApiReply.Refused)cluster.Ask(leader, new ApiRequest.ClusterLeave(new(others[1]), IsForced: false));
        Assert.That(refused.Why, Does.Contain("too few"));
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterLeave(new(others[0]), IsForced: false)), Is.InstanceOf<ApiReply.Done>(), "the dead one may go");
        var single = FakeCluster.Settled(1);
        Assert.That(single.Ask("a", new ApiRequest.ClusterLeave(new("a"), IsForced: true)), Is.InstanceOf<ApiReply.Refused>());
    }

    [Test]
    public void A_dead_voter_is_replaced_with_one_request_and_the_group_never_has_a_voter_too_many()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var dead = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        cluster.Kill(dead);
        Assert.That(cluster.Ask(leader, new ApiRequest.ClusterJoin(new("d"), new("d:10008", "dc-d", "", ""), StaysLearner: false, new(dead), null)), Is.InstanceOf<ApiReply.Done>());
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: leader, $"t1.{Secret}");
        var voters = new SortedSet<int>();
        cluster.World.RunUntil(() =>
        {
            voters.Add(cluster.Raft(leader).Membership.Voters.Length);
            return cluster.Raft(leader).Membership is { IsJoint: false } m && m.Voters.Contains(new("d")) && cluster.Raft(leader).MembershipIndex <= cluster.Raft(leader).Commit;
        }, TimeSpan.FromSeconds(10), "the place is taken");
        Assert.That(voters, Is.EqualTo(new[] { 3 }));
        Assert.That(cluster.Raft(leader).Membership.Contains(new(dead)), Is.False);
        cluster.World.RunFor(TimeSpan.FromMilliseconds(500));
        Assert.That(cluster.Node(leader).Core.State.Cluster.Admissions, Is.Empty, "nothing is left to do");
    }

    [Test]
    public void A_leader_that_is_to_be_replaced_is_and_a_new_leader_finishes_what_the_old_one_began()
    {
        var cluster = FakeCluster.Settled(3);
        var old = cluster.WaitForLeader();
        MakeToken(cluster, "t1");
        Assert.That(cluster.Ask(old, new ApiRequest.ClusterJoin(new("d"), new("d:10008", "dc-d", "", ""), StaysLearner: false, new(old), null)), Is.InstanceOf<ApiReply.Done>());
        cluster.StartJoiner("d", via: old, $"t1.{Secret}");
        var others = cluster.Names.Where(n => !string.Equals(n, old, StringComparison.Ordinal)).ToArray();
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        cluster.Ask(old, new ApiRequest.TransferLeadership(null));
        cluster.World.RunUntil(() => others.Any(n => cluster.Raft(n) is { Role: RaftRole.Leader, Membership.IsJoint: false } r && r.Membership.Voters.Contains(new("d")) && !r.Membership.Contains(new(old))),
            TimeSpan.FromSeconds(10), "d has the place of the old leader");
    }

    [Test]
    public void A_dead_server_is_removed_only_while_enough_voters_remain()
    {
        var cluster = FakeCluster.Settled(5, config => config with { Autopilot = config.Autopilot with { DeadServerAfter = TimeSpan.FromSeconds(3) } });
        var leader = cluster.WaitForLeader();
        var others = cluster.Names.Where(n => !string.Equals(n, leader, StringComparison.Ordinal)).ToArray();
        cluster.Kill(others[0]);
        cluster.World.RunUntil(() => cluster.Raft(leader).Membership.Voters.Length == 4, TimeSpan.FromSeconds(5), "the first dead one is gone");
        cluster.Kill(others[1]);
        cluster.World.RunUntil(() => cluster.Raft(leader).Membership.Voters.Length == 3, TimeSpan.FromSeconds(5), "the second too");
        cluster.Kill(others[2]);
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(cluster.Raft(leader).Membership.Voters, Has.Length.EqualTo(3), "three is the least");
        Assert.That(cluster.Put(leader, "k", "v"), Is.InstanceOf<ApiReply.Done>());
    }

    [Test]
    public void Nobody_is_removed_for_being_dead_unless_that_was_asked_for()
    {
        var cluster = FakeCluster.Settled(5);
        var leader = cluster.WaitForLeader();
        cluster.Kill(cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal)));
        cluster.World.RunFor(TimeSpan.FromMinutes(2));
        Assert.That(cluster.Raft(leader).Membership.Voters, Has.Length.EqualTo(5));
    }

    [Test]
    public void With_zones_a_spare_learns_until_the_voter_of_its_zone_dies_and_then_takes_the_seat()
    {
        var cluster = FakeCluster.Settled(3, Zoned);
        var leader = cluster.WaitForLeader();
        var voter = cluster.Names.First(n => !string.Equals(n, leader, StringComparison.Ordinal));
        var zones = cluster.Names.ToDictionary(n => n, n => cluster.Node(n).Core.Config.DataCenter, StringComparer.Ordinal);
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: leader, $"t1.{Secret}", config => Zoned(config) with { Zone = zones[voter] });
        WaitFor(cluster, "voters=(a b c) learners=(d)");
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(Members(cluster), Is.EqualTo("voters=(a b c) learners=(d)"), "long stable, and its zone has a voter");

        cluster.Kill(voter);
        var died = cluster.World.Now;
        cluster.World.RunUntil(() => cluster.Raft(leader) is { Membership.IsJoint: false } r && r.Membership.Voters.Contains(new("d")), TimeSpan.FromSeconds(10), "the spare votes");
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - died), Is.GreaterThan(TimeSpan.FromSeconds(3)), "not before the time for which a voter may be silent");
        Assert.That(cluster.Raft(leader).Membership.Voters, Has.Length.EqualTo(3), "one voter per zone");
        Assert.That(cluster.Raft(leader).Membership.Learners, Is.EqualTo(new[] { new NodeId(voter) }), "who had the seat is the spare now");
        Assert.That(cluster.Put("d", "k", "v"), Is.InstanceOf<ApiReply.Done>());

        var members = Members(cluster);
        cluster.Start(voter);
        cluster.World.RunFor(TimeSpan.FromSeconds(10));
        Assert.That(Members(cluster), Is.EqualTo(members), "who comes back finds the seat taken, and learns");
        Assert.That(cluster.Get(voter, "k"), Is.EqualTo("v"));
    }

    [Test]
    public void With_zones_a_node_of_a_new_zone_votes_and_a_second_voter_of_a_zone_becomes_its_spare()
    {
        var cluster = FakeCluster.Settled(3, Zoned);
        MakeToken(cluster, "t1");
        cluster.StartJoiner("d", via: "a", $"t1.{Secret}", config => Zoned(config) with { Zone = "a zone of its own" });
        WaitFor(cluster, "voters=(a b c d)");
        var leader = cluster.WaitForLeader();
        var moved = cluster.Names.First(n => n.Length == 1 && n != leader && n != "d");

        // A node that says that it stands in the zone of another, after a restart with another configuration.
        cluster.Configure(moved, config => config with { Zone = "a zone of its own" });
        cluster.Kill(moved);
        cluster.Start(moved);
        cluster.World.RunUntil(() => cluster.Raft(leader) is { Membership: { IsJoint: false, Voters.Length: 3, Learners.Length: 1 } }, TimeSpan.FromSeconds(15), "one of the two is a spare");
    }

    [Test]
    public void Health_is_known_through_any_node_and_says_who_is_ill()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        var others = cluster.Names.Where(n => !string.Equals(n, leader, StringComparison.Ordinal)).ToArray();
        var well = ((ApiReply.Health)cluster.Ask(others[0], new ApiRequest.ClusterHealth())).View;
        Assert.That((well.Autopilot.IsHealthy, well.Autopilot.FailureTolerance), Is.EqualTo((true, 1)));
        Assert.That(well.Servers.Select(s => s.Role).Order(StringComparer.Ordinal), Is.EqualTo(new[] { "leader", "voter", "voter" }));
        cluster.Kill(others[1]);
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        var ill = ((ApiReply.Health)cluster.Ask(others[0], new ApiRequest.ClusterHealth())).View;
        Assert.That((ill.Autopilot.IsHealthy, ill.Autopilot.FailureTolerance), Is.EqualTo((false, 0)));
        Assert.That(ill.Servers.Single(s => !s.IsHealthy).Node, Is.EqualTo(new NodeId(others[1])));
        var view = ((ApiReply.Cluster)cluster.Ask(others[0], new ApiRequest.ClusterStatus())).View;
        Assert.That(view.LeaderContact.Address, Is.EqualTo($"{leader}:10008"));
        Assert.That(view.Reachable, Is.EqualTo(new[] { new NodeId(leader) }));
        Assert.That(view.LastContact, Is.LessThan(TimeSpan.FromMilliseconds(100)));
    }

    [Test]
    public void Leadership_without_a_name_goes_to_the_best_voter_and_is_done_when_it_is_there()
    {
        var cluster = FakeCluster.Settled(3);
        var old = cluster.WaitForLeader();
        var asked = cluster.World.Now;
        Assert.That(cluster.Ask(old, new ApiRequest.TransferLeadership(null)), Is.InstanceOf<ApiReply.Done>());
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - asked), Is.LessThan(TimeSpan.FromMilliseconds(50)));
        Assert.That(cluster.WaitForLeader(), Is.Not.EqualTo(old));
    }

    private static NodeConfig Zoned(NodeConfig config) =>
        config with { Autopilot = config.Autopilot with { RedundancyZones = true, SpareAfter = TimeSpan.FromSeconds(3) } };

    private static void MakeToken(FakeCluster cluster, string id, TimeSpan? validFor = null)
    {
        var leader = cluster.WaitForLeader(name => cluster.Raft(name).Membership.Contains(new(name)));
        Assert.That(cluster.Ask(leader, new ApiRequest.CreateJoinToken(id, JoinTokenText.HashOf(Secret), validFor ?? TimeSpan.FromHours(1))), Is.InstanceOf<ApiReply.Done>());
    }

    private static string Members(FakeCluster cluster) =>
        cluster.Running.Select(cluster.Raft).First(raft => raft.Role == RaftRole.Leader).Membership.ToString();

    private static void WaitFor(FakeCluster cluster, string members) => cluster.World.RunUntil(
        () => cluster.Running.Select(cluster.Raft).Any(raft => raft.Role == RaftRole.Leader && string.Equals(raft.Membership.ToString(), members, StringComparison.Ordinal)),
        TimeSpan.FromSeconds(15), members);
}
