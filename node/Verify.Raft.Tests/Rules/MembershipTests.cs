using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Rules;

/// <summary>Who counts, who may stand, and when members may change.</summary>
public sealed class MembershipTests
{
    private static readonly Contact Somewhere = new("host:1", "dc1", "", "");

    [Test]
    public void A_change_of_one_voter_goes_directly_and_of_two_by_a_joint_phase_that_ends_by_itself()
    {
        var group = new TestGroup(3, waiting: 2);
        var n1 = group.Elect("n1");
        group.Change("n1", m => m.WithVoter(new("n4")));
        Assert.That(n1.Core.Membership.IsJoint, Is.False);
        group.Run(3);
        group.Change("n1", m => m.Without(new("n2")).WithVoter(new("n5")));
        Assert.That(n1.Core.Membership.Outgoing, Has.Length.EqualTo(4));
        group.Run(3);
        Assert.That(n1.Core.CommittedMembership.ToString(), Is.EqualTo("voters=(n1 n3 n4 n5)"));
    }

    [Test]
    public void In_the_joint_phase_the_new_majority_alone_commits_nothing_and_elects_nobody()
    {
        var group = new TestGroup(3, waiting: 2);
        var n1 = group.Elect("n1");
        group.Change("n1", m => m.WithLearner(new("n4"), Somewhere));
        group.Run(3);
        group.Change("n1", m => m.WithLearner(new("n5"), Somewhere));
        group.Run(3);
        group.Cut("n2", "n3");
        var joint = group.Change("n1", m => m.Without(new("n2")).Without(new("n3")).WithVoter(new("n4")).WithVoter(new("n5")));
        group.Settle();
        Assert.That(group["n5"].Core.Last, Is.EqualTo(joint), "n1, n4 and n5 have it");
        Assert.That(n1.Core.Commit, Is.LessThan(joint.Index));
        n1.Crash();
        group.Patience[new("n5")] = 5;
        group.Run(40);
        Assert.That(group.Nodes.Any(n => n.IsUp && n.Core.IsLeader), Is.False, "n4 and n5 are two of three, but none of n1, n2 and n3");
        n1.Restart();
        group.Heal();
        group.Run(40);
        Assert.That(group["n4"].Core.Membership.ToString(), Is.EqualTo("voters=(n1 n4 n5)"), "whoever leads then brings it to its end");
    }

    [Test]
    public void Who_leaves_in_a_joint_change_can_be_reached_until_it_is_over()
    {
        var group = new TestGroup(3, waiting: 1);
        var n1 = group.Elect("n1");
        group.Change("n1", m => m.With(new("n2"), Somewhere));
        group.Run(3);
        group.Change("n1", m => m.Without(new("n2")).WithVoter(new("n4")));
        Assert.That(n1.Core.Membership.ContactOf(new("n2")), Is.EqualTo(Somewhere));
        group.Run(3);
        Assert.That(n1.Core.Membership.ContactOf(new("n2")), Is.EqualTo(Contact.Unknown));
    }

    [Test]
    public void A_learners_answer_commits_nothing_confirms_no_read_and_gives_no_lease()
    {
        var group = new TestGroup(3, waiting: 1);
        var n1 = group.Elect("n1");
        group.Change("n1", m => m.WithLearner(new("n4"), Somewhere));
        group.Run(3);
        group.Cut("n2", "n3");
        var id = group.Propose("n1", "x");
        n1.Core.RequestRead(new ReadTicket(1));
        for (var i = 0; i < 8; i++) { group.Tick("n1"); group.Settle(); }
        Assert.Multiple(() =>
        {
            Assert.That(group["n4"].Core.Last, Is.EqualTo(id), "it has everything");
            Assert.That(n1.Core.Commit, Is.LessThan(id.Index));
            Assert.That(n1.Granted, Is.Empty);
            Assert.That(n1.Core.TryLeaseRead(out _), Is.False);
        });
    }

    [Test]
    public void A_learners_vote_is_not_counted_and_nobody_asks_it()
    {
        var group = new TestGroup(3, waiting: 1);
        group.Elect("n1");
        group.Change("n1", m => m.WithLearner(new("n4"), Somewhere));
        group.Run(3);
        var n2 = group["n2"];
        group.Cut("n1", "n3");
        group.Tick("n2", 25);
        n2.TakeWork(group.Send);
        Assert.That(group.Network.Any(e => e.To == new NodeId("n4")), Is.False);
        n2.Core.Receive(new Envelope(new("n4"), n2.Id, n2.Core.Term.Next, new Message.VoteReply(Granted: true, IsPreVote: true)));
        Assert.That(n2.Core.Role, Is.EqualTo(RaftRole.PreCandidate));
    }

    [Test]
    public void A_leader_that_has_left_has_no_lease_and_takes_no_proposals_until_it_has_handed_over()
    {
        var group = new TestGroup(3);
        var n1 = group.Elect("n1");
        group.Change("n1", m => m.Without(new("n1")));
        group.Work();
        var last = group.Propose("n1", "on its way");
        foreach (var envelope in group.Network.ToArray()) group.Deliver(envelope);
        group.Work();
        foreach (var envelope in group.Network.ToArray()) group.Deliver(envelope);
        Assert.Multiple(() =>
        {
            Assert.That(n1.Core.Commit.Value, Is.EqualTo(last.Index.Value - 1), "its removal is committed, what came behind is not");
            Assert.That(n1.Core.IsLeader, Is.True);
            Assert.That(n1.Core.HasLease, Is.False);
            Assert.That(n1.Core.Propose(default), Is.TypeOf<ProposeResult.Overloaded>());
        });
        group.Settle();
        Assert.That(n1.Core.IsLeader, Is.False);
        var next = group.Nodes.Single(n => n.Core.IsLeader);
        Assert.That(next.Applied.Any(e => e.Id == last), Is.True, "nothing was lost on the way");
    }

    [Test]
    public void A_change_is_undone_with_the_entry_that_made_it()
    {
        var group = new TestGroup(3, waiting: 1);
        var n1 = group.Elect("n1");
        group.Cut("n1");
        group.Change("n1", m => m.WithVoter(new("n4")));
        group.Work();
        Assert.That(n1.Core.Membership.IsVoter(new("n4")), Is.True);
        group.Patience[new("n3")] = 5;
        group.Run(15);
        Assert.That(group["n2"].Core.IsLeader, Is.True);
        group.Heal();
        group.Run(6);
        Assert.That(n1.Core.Membership.IsVoter(new("n4")), Is.False);
        Assert.That(n1.Core.Status.MembershipIndex, Is.EqualTo(LogIndex.Zero));
    }

    [Test]
    public void The_members_are_known_again_after_a_restart_from_the_log_and_from_a_snapshot()
    {
        var group = new TestGroup(3, (_, options) => options with { TrailingEntries = 0 }, waiting: 1);
        group.Elect("n1");
        group.Change("n1", m => m.WithLearner(new("n4"), Somewhere));
        group.Run(3);
        group["n4"].Restart();
        Assert.That(group["n4"].Core.Membership.ContactOf(new("n4")), Is.EqualTo(Somewhere));
        group.Run(3);
        group.Snapshot("n4");
        group.Settle();
        group["n4"].Restart();
        Assert.That(group["n4"].Core.Membership.ToString(), Is.EqualTo("voters=(n1 n2 n3) learners=(n4)"));
        Assert.That(group["n4"].Disk, Is.Empty);
    }

    [Test]
    public void A_node_alone_by_a_change_that_may_not_be_committed_waits_as_long_as_its_author_may_hold_a_lease()
    {
        var group = new TestGroup(2);
        group.Elect("n1");
        group.Change("n1", m => m.Without(new("n1")));
        group["n1"].TakeWork(group.Send);
        group.Deliver(group.Network.Single());
        group.Tick("n2");
        Assert.That(group["n2"].Core.Membership.Voters, Has.Length.EqualTo(1), "n2 is alone by its own log");
        Assert.That(group["n2"].Core.Role, Is.EqualTo(RaftRole.Follower));
        group.Tick("n2", 10);
        Assert.That(group["n2"].Core.Role, Is.EqualTo(RaftRole.Leader));
    }

    [Test]
    public void A_target_that_no_group_can_become_is_refused_with_a_reason()
    {
        var core = new TestGroup(3).Elect("n1").Core;
        var now = core.Membership;
        string Why(Membership target) => ((ProposeResult.Refused)core.ChangeMembership(target)).Reason;
        Assert.Multiple(() =>
        {
            Assert.That(Why(now with { Voters = [] }), Is.EqualTo("a group needs a voter"));
            Assert.That(Why(now with { Outgoing = now.Voters }), Does.StartWith("the joint phase"));
            Assert.That(Why(now with { Voters = [new("n2"), new("n1")] }), Does.Contain("sorted"));
            Assert.That(Why(now with { Voters = [new("n1"), new("n1")] }), Does.Contain("once"));
            Assert.That(Why(now with { Learners = [new("n1")] }), Is.EqualTo("n1 cannot be voter and learner at once"));
            Assert.That(Why(now with { Learners = [new("")] }), Is.EqualTo("a member needs a name"));
            Assert.That(Why(now), Does.Contain("already"));
            Assert.That(Why(Membership.OfVoters(Enumerable.Range(0, 2000).Select(i => new NodeId($"n{i}")))), Does.Contain("at most 1024"));
        });
    }

    [TestCase("02")]
    [TestCase("010000000000000000")]
    public void A_membership_that_cannot_be_read_or_names_no_voter_halts_the_node(string hex)
    {
        var entry = new Entry(new(new(1), new(1)), EntryKind.Membership, Convert.FromHexString(hex));
        var options = new RaftOptions { Self = new("n1"), Voters = [new("n1"), new("n2")], Draw = _ => 0 };
        var core = new RaftCore(options, HardState.Initial, []);
        var append = new Message.Append(EntryId.Zero, [entry], LogIndex.Zero, ReadRound: 1);
        Assert.That(
            () => core.Receive(new Envelope(new("n2"), core.Self, new Term(1), append)),
            Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("entry 1.1 holds a membership that this program cannot read"));
        Assert.That(
            () => new RaftCore(options, new HardState(new Term(1), null), [entry]),
            Throws.ArgumentException.With.Message.Contains("Entry 1.1 holds a membership that this program cannot read"));
    }

    [Test]
    public void A_node_that_waits_to_be_let_in_follows_whoever_leads_and_never_stands()
    {
        var core = new RaftCore(new RaftOptions { Self = new("n4"), Voters = [], Draw = _ => 0 }, HardState.Initial, []);
        for (var i = 0; i < 1_000; i++) core.Tick();
        Assert.That(core.TryTakeWork(out _), Is.False);
        core.Receive(new Envelope(new("n1"), core.Self, new Term(3), new Message.TimeoutNow()));
        Assert.That(core.Role, Is.EqualTo(RaftRole.Follower));
    }
}
