using Verify.Raft;
using Verify.Sim.RaftOnly;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>A check that cannot fail proves nothing: each promise is broken here on purpose.</summary>
public sealed class PromiseTests
{
    private static readonly Membership OfThree = Membership.OfVoters(SwarmNames.First(3));
    private static readonly SwarmNode[] Nodes = [.. Enumerable.Range(0, 3).Select(NewNode)];

    [Test]
    public void Two_leaders_of_one_term_break_MoreThanOneLeader()
    {
        var promise = new MoreThanOneLeader();
        Assert.That(promise.Leads(0, new Term(5)), Is.True);
        Assert.That(promise.Leads(0, new Term(5)), Is.False, "the same leader again is no news");
        Assert.That(promise.Leads(1, new Term(6)), Is.True);
        Assert.That(promise.Broken, Is.Null);
        promise.Leads(2, new Term(5));
        Assert.That(promise.Broken, Is.EqualTo("n1 and n3 both lead term 5"));
    }

    [Test]
    public void A_violation_stays_whatever_comes_after_it()
    {
        var promise = new MoreThanOneLeader();
        promise.Leads(0, new Term(5));
        promise.Leads(1, new Term(5));
        var first = promise.Broken;
        promise.Leads(2, new Term(5));
        Assert.That(promise.Broken, Is.EqualTo(first));
    }

    [Test]
    public void A_term_that_goes_back_over_a_crash_breaks_Monotonic()
    {
        var promise = new Monotonic(3);
        promise.Spoke(1, new Envelope(new NodeId("n2"), new NodeId("n1"), new Term(4), new Message.VoteReply(Granted: true, IsPreVote: false)));
        promise.Restarted(1, new Term(4), LogIndex.Zero);
        Assert.That(promise.Broken, Is.Null);
        promise.Restarted(1, new Term(3), LogIndex.Zero);
        Assert.That(promise.Broken, Is.EqualTo("n2 spoke in term 4 and woke up in term 3"));
    }

    [Test]
    public void A_commit_that_goes_back_breaks_Monotonic()
    {
        var promise = new Monotonic(3);
        promise.Observe(0, new Term(1), new LogIndex(7));
        promise.Observe(0, new Term(2), new LogIndex(6));
        Assert.That(promise.Broken, Is.EqualTo("n1 went from commit 7 to 6"));
    }

    [Test]
    public void A_commit_that_no_majority_of_disks_holds_breaks_CommittedIsDurable()
    {
        var committed = new CommittedLog();
        committed.Add(Id(1, 1), new Term(1), OfThree);
        var promise = new CommittedIsDurable(committed);
        promise.Committed(new LogIndex(1), Nodes);
        Assert.That(promise.Broken, Is.EqualTo("1.1 is committed, but on 0 of 3 disks only"));
    }

    [Test]
    public void An_entry_applied_without_commit_or_out_of_order_or_another_one_breaks_StateMachineSafety()
    {
        var committed = new CommittedLog();
        committed.Add(Id(1, 1), new Term(1), OfThree);
        var uncommitted = new StateMachineSafety(committed);
        uncommitted.Applied(Nodes[0], Command(1, 2));
        Assert.That(uncommitted.Broken, Is.EqualTo("n1 applies 1.2 after index 0"));

        var another = new StateMachineSafety(committed);
        another.Applied(Nodes[0], Command(2, 1));
        Assert.That(another.Broken, Is.EqualTo("n1 has 2.1 committed where 1.1 is"));

        var nobody = new StateMachineSafety(new CommittedLog());
        nobody.Applied(Nodes[0], Command(1, 1));
        Assert.That(nobody.Broken, Is.EqualTo("n1 applies 1.1, which nobody has committed"));
    }

    [Test]
    public void A_read_below_what_was_committed_when_it_was_asked_breaks_LinearizableReads()
    {
        var committed = new CommittedLog();
        var promise = new LinearizableReads(committed);
        var early = promise.Ask();
        committed.Add(Id(1, 1), new Term(1), OfThree);
        var late = promise.Ask();
        promise.Grant(0, new ReadGrant(early, LogIndex.Zero));
        Assert.That(promise.Broken, Is.Null, "what was committed only after the question need not be seen");
        promise.Grant(0, new ReadGrant(late, LogIndex.Zero));
        Assert.That(promise.Broken, Is.EqualTo("n1 answers r1 at index 0; 1 was committed when it was asked"));
    }

    [Test]
    public void A_leader_without_a_committed_entry_breaks_LeaderCompleteness_only_after_the_term_that_committed_it()
    {
        var leader = NewLeaderOfOne();
        var committed = new CommittedLog();
        committed.Add(Id(1, 1), new Term(1), OfThree);
        committed.Add(Id(1, 2), new Term(1), OfThree);
        var same = new LeaderCompleteness(committed);
        same.Elected(leader);
        Assert.That(same.Broken, Is.Null, "it leads term 1, in which the entry was committed");

        var foreign = new CommittedLog();
        foreign.Add(Id(0, 1), Term.Zero, OfThree);
        var later = new LeaderCompleteness(foreign);
        later.Elected(leader);
        Assert.That(later.Broken, Is.EqualTo("n1 leads term 1 without the committed entry 0.1"));
    }

    [Test]
    public void Two_leases_at_once_break_LeaseOverlap()
    {
        var promise = new LeaseOverlap();
        var (one, other) = (NewLeaderOfOne(), NewLeaderOfOne());
        promise.Observe(one, [one, Nodes[1]]);
        Assert.That(promise.Broken, Is.Null);
        promise.Observe(one, [one, other]);
        Assert.That(promise.Broken, Does.Contain("hold the lease at once"));
    }

    [Test]
    public void One_id_with_two_payloads_breaks_LogMatching()
    {
        var promise = new LogMatching();
        promise.Appended(NewNode(0), Command(1, 1));
        promise.Appended(NewNode(1), Command(1, 1) with { Payload = new byte[] { 9 } });
        Assert.That(promise.Broken, Does.StartWith("two different logs end with 1.1"));
    }

    [Test]
    public void What_all_voters_but_a_minority_lack_breaks_QuorumLog()
    {
        var promise = new QuorumLog();
        promise.Committed(Nodes[0], Id(1, 1), Nodes);
        Assert.That(promise.Broken, Is.EqualTo("n1 knows 1.1 as committed; 3 of 3 voters lack it"));
    }

    [Test]
    public void An_entry_of_a_term_whose_leader_lacks_it_breaks_ElectionSafety()
    {
        var (leader, other) = (NewLeaderOfOne(), NewNode(1));
        var (term, last) = (leader.Core.Term, leader.Core.Last);
        var promise = new ElectionSafety();
        promise.Appended(other, Command(term.Value, last.Index.Value), [leader, other]);
        promise.Appended(other, Command(term.Value + 1, last.Index.Value + 1), [leader, other]);
        Assert.That(promise.Broken, Is.Null, "what the leader has, and what is of a term that it does not lead, is none of its business");
        promise.Appended(other, Command(term.Value, last.Index.Value + 1), [leader, other]);
        Assert.That(promise.Broken, Is.EqualTo($"n2 has {term}.{last.Index.Next}, which n1, leader of term {term}, has not: its log ends with {last}"));
    }

    [Test]
    public void A_newer_log_without_what_was_committed_before_breaks_MoreUpToDateCorrect()
    {
        var committed = new CommittedLog();
        committed.Add(Id(1, 1), new Term(1), OfThree);
        committed.Add(Id(1, 2), new Term(1), OfThree);
        var promise = new MoreUpToDateCorrect(committed);
        var (behind, whole, newer) = (NewNode(0), NewNode(1), NewNode(2));
        behind.Log.Append([Command(1, 1)]);
        whole.Log.Append([Command(1, 1), Command(1, 2), Command(2, 3)]);
        promise.Appended(behind);
        promise.Appended(whole);
        Assert.That(promise.Broken, Is.Null, "a log that is behind may lack it, and a newer one has it");
        newer.Log.Append([Command(1, 1), Command(2, 2)]);
        promise.Appended(newer);
        Assert.That(promise.Broken, Is.EqualTo("n3's log ends with 2.2 and lacks 1.2, committed in term 1"));
    }

    [Test]
    public void A_leader_with_the_vote_of_itself_alone_breaks_ElectionQuorum_of_three()
    {
        var promise = new ElectionQuorum();
        promise.Elected(Nodes[0]);
        Assert.That(promise.Broken, Is.EqualTo("n1 leads term 0 with the votes of 1 of 3"));
    }

    [Test]
    public void Acknowledging_what_the_disk_does_not_hold_breaks_Persist()
    {
        var promise = new Persist();
        var reply = new Message.AppendReply(Accepted: true, Id(1, 1), LogIndex.Zero, 0);
        promise.Spoke(Nodes[0], new Envelope(new NodeId("n1"), new NodeId("n2"), new Term(1), reply));
        Assert.That(promise.Broken, Is.EqualTo("n1 acknowledges 1.1, which its disk does not hold"));
    }

    [Test]
    public void Voting_without_the_vote_on_disk_breaks_Persist()
    {
        var promise = new Persist();
        promise.Spoke(Nodes[0], new Envelope(new NodeId("n1"), new NodeId("n2"), new Term(3), new Message.VoteReply(Granted: true, IsPreVote: false)));
        Assert.That(promise.Broken, Does.StartWith("n1 votes for n2 in term 3"));
    }

    [Test]
    public void A_command_at_two_places_of_the_log_breaks_ExactlyOnce()
    {
        var promise = new ExactlyOnce();
        promise.Applied(Nodes[0], Command(1, 1) with { Payload = BitConverter.GetBytes(7L) });
        Assert.That(promise.Broken, Is.Null);
        promise.Applied(Nodes[1], Command(1, 2) with { Payload = BitConverter.GetBytes(7L) });
        Assert.That(promise.Broken, Is.EqualTo("n2 applies command 7 at 1.2; it was applied at 1 before"));
    }

    [Test]
    public void A_snapshot_of_a_state_that_never_was_breaks_SnapshotIsExact()
    {
        var promise = new SnapshotIsExact(OfThree);
        promise.Check(Nodes[0], new SwarmSnapshot(new SnapshotMark(Id(1, 1), OfThree), new SwarmState().Freeze()));
        Assert.That(promise.Broken, Is.EqualTo("n1's snapshot of 1.1 holds another state than the one at 1.1"));
    }

    [Test]
    public void Memberships_with_quorums_apart_from_each_other_do_not_overlap()
    {
        var names = SwarmNames.First(5);
        Assert.That(SwarmQuorums.Overlap(Membership.OfVoters(names[..3]), Membership.OfVoters(names[..4])), Is.True);
        Assert.That(SwarmQuorums.Overlap(Membership.OfVoters(names[..3]), Membership.OfVoters(names[2..])), Is.False);
        Assert.That(SwarmQuorums.Overlap(OfThree, Membership.OfVoters(names[2..]) with { Outgoing = OfThree.Voters }), Is.True);
    }

    private static EntryId Id(long term, long index) => new(new Term(term), new LogIndex(index));

    private static Entry Command(long term, long index) => new(Id(term, index), EntryKind.Command, default);

    private static SwarmNode NewNode(int number) => new(number, Options(SwarmNames.First(3), number));

    private static SwarmNode NewLeaderOfOne()
    {
        var node = new SwarmNode(0, Options(SwarmNames.First(1), 0));
        node.Core.Tick();
        Assert.That(node.Core.HasLease, Is.True);
        return node;
    }

    private static RaftOptions Options(System.Collections.Immutable.ImmutableArray<NodeId> voters, int self) =>
        new() { Self = voters[self], Voters = voters, Draw = _ => 0 };
}
