using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Rules;

/// <summary>What a leader may do, and how long it may believe in itself.</summary>
public sealed class LeaderTests
{
    [Test]
    public void A_gap_of_ten_thousand_entries_closes_in_a_few_round_trips()
    {
        var group = new TestGroup(3);
        group.Elect("n1");
        group.Cut("n3");
        for (var i = 0; i < 10_000; i++) group.Propose("n1", "x");
        group.Settle();
        group.Heal();
        Assert.That(RoundTripsUntilCaughtUp(group, "n1", "n3"), Is.LessThanOrEqualTo(4));
    }

    [Test]
    public void Ten_thousand_conflicting_entries_of_five_terms_are_replaced_in_a_few_round_trips()
    {
        // Entry 1 is common. Behind it each has 10,000 entries of terms that the other never heard of.
        static IEnumerable<long> Log(params long[] terms) => terms.SelectMany(term => Enumerable.Repeat(term, 2_000)).Prepend(1);
        var group = new TestGroup(3, terms: id => id.Name is "n3" ? Log(2, 4, 6, 8, 10) : Log(3, 5, 7, 9, 11));
        group.Cut("n3");
        group.Patience[new NodeId("n2")] = 9;
        group.Tick("n2", 10);
        group.Elect("n1");
        group.Heal();
        Assert.That(RoundTripsUntilCaughtUp(group, "n1", "n3"), Is.LessThanOrEqualTo(10), "one for each term, and then the entries");
    }

    [Test]
    public void The_lease_is_measured_from_the_sending_of_the_round_not_from_its_answer()
    {
        var group = new TestGroup(3, (_, options) => options with { HeartbeatTicks = 5, LeaseMarginTicks = 1 });
        var n1 = group.Elect("n1");
        group.Tick("n1", 5);
        group.Work();
        Assert.That(n1.Core.HasLease, Is.True);
        group.Tick("n1", 4);
        Assert.That(n1.Core.HasLease, Is.False, "nine ticks after the first round");
        group.DeliverAll();
        group.DeliverAll();
        Assert.That(n1.Core.HasLease, Is.True, "the answer renews it");
        group.Network.Clear();
        group.Cut("n1");
        group.Tick("n1", 4);
        Assert.That(n1.Core.HasLease, Is.True, "eight ticks after the second round was sent");
        group.Tick("n1");
        Assert.That(n1.Core.HasLease, Is.False, "nine ticks after it was sent, five after it was answered");
        Assert.That(n1.Core.IsLeader, Is.True, "it was answered less than ElectionTicks ago");
    }

    [Test]
    public void A_leader_counts_itself_only_when_its_own_disk_has_answered()
    {
        var group = new TestGroup(2);
        var n1 = group.Elect("n1");
        var id = group.Propose("n1", "x");
        n1.TakeWork(group.Send);
        group.Deliver(group.Network.Single());
        group["n2"].TakeWork(group.Send);
        group["n2"].SyncAll(group.Send);
        foreach (var reply in group.Network.ToArray()) group.Deliver(reply);
        Assert.That(n1.Core.Commit, Is.LessThan(id.Index), "n2 has it, but n1's own disk is one of the two");
        n1.SyncAll(group.Send);
        Assert.That(n1.Core.Commit, Is.EqualTo(id.Index));
    }

    [Test]
    public void A_vote_that_arrives_twice_counts_once()
    {
        var group = new TestGroup(5);
        var n1 = group["n1"];
        group.Cut("n4", "n5");
        group.Tick("n1", 10);
        group.Work();
        while (n1.Core.Role != RaftRole.Candidate) group.DeliverAll();
        group.DeliverAll();
        var vote = group.Network.First(e => e.From == new NodeId("n2") && e.Body is Message.VoteReply { IsPreVote: false });
        n1.Core.Receive(vote);
        n1.Core.Receive(vote);
        Assert.That(n1.Core.Role, Is.EqualTo(RaftRole.Candidate), "two of five are no majority");
        group.DeliverAll();
        Assert.That(n1.Core.IsLeader, Is.True, "n3's vote makes it three");
    }

    [Test]
    public void Match_never_goes_back_whatever_arrives_late()
    {
        var group = new TestGroup(3);
        var n1 = group.Elect("n1");
        for (var i = 0; i < 5; i++) group.Propose("n1", "x");
        group.Settle();
        var match = n1.Core.Status.Peers[0].Match;
        var late = new Message.AppendReply(Accepted: true, new EntryId(new Term(1), new LogIndex(2)), LogIndex.Zero, ReadRound: 1);
        n1.Core.Receive(new Envelope(new NodeId("n2"), n1.Id, n1.Core.Term, late));
        n1.Core.Receive(new Envelope(new NodeId("n2"), n1.Id, n1.Core.Term, late with { Accepted = false, Refused = new LogIndex(3) }));
        Assert.That(n1.Core.Status.Peers[0].Match, Is.EqualTo(match));
        Assert.That(n1.Core.Status.Peers[0].State, Is.EqualTo("replicate"), "an old refusal is not believed");
    }

    [Test]
    public void An_acknowledgement_of_what_the_leader_does_not_hold_is_not_believed()
    {
        var group = new TestGroup(3);
        var n1 = group.Elect("n1");
        var lie = new Message.AppendReply(Accepted: true, new EntryId(new Term(9), new LogIndex(99)), LogIndex.Zero, ReadRound: 1);
        n1.Core.Receive(new Envelope(new NodeId("n2"), n1.Id, n1.Core.Term, lie));
        Assert.That(n1.Core.Status.Peers[0].Match, Is.EqualTo(new LogIndex(1)));
    }

    [Test]
    public void One_message_holds_as_many_bytes_as_allowed_and_one_entry_at_least()
    {
        var group = new TestGroup(2, (_, options) => options with { AppendBytesMax = 10 });
        group.Elect("n1");
        foreach (var text in (string[])["12345", "12345", "1", "a text that is too long for one message", "z"]) group.Propose("n1", text);
        group["n1"].TakeWork(group.Send);
        var sizes = group.Network.Select(e => ((Message.Append)e.Body).Entries.Length);
        Assert.That(sizes, Is.EqualTo((int[])[2, 1, 1, 1]));
    }

    [Test]
    public void Followers_get_the_same_array_of_entries()
    {
        var group = new TestGroup(3);
        group.Elect("n1");
        group.Propose("n1", "x");
        group["n1"].TakeWork(group.Send);
        var arrays = group.Network.Select(e => ((Message.Append)e.Body).Entries).ToArray();
        Assert.That(arrays[0], Is.EqualTo(arrays[1]), "ImmutableArray compares the array itself: it was copied once");
    }

    [Test]
    public void A_silent_follower_is_probed_and_not_streamed_to()
    {
        var group = new TestGroup(3);
        group.Elect("n1");
        group.Cut("n3");
        group.Run(12);
        for (var i = 0; i < 50; i++)
        {
            group.Propose("n1", "x");
            group.Settle();
        }
        var n3 = group["n1"].Core.Status.Peers[1];
        Assert.That((n3.State, n3.Next), Is.EqualTo(("probe", new LogIndex(2))));
    }

    [Test]
    public void Leadership_is_not_handed_to_the_leader_itself_or_a_stranger()
    {
        var group = new TestGroup(3);
        var n1 = group.Elect("n1");
        Assert.That(n1.Core.TransferLeadership(new NodeId("n1")), Is.False);
        Assert.That(n1.Core.TransferLeadership(new NodeId("n7")), Is.False);
        Assert.That(n1.Core.Propose(default), Is.TypeOf<ProposeResult.Accepted>());
    }

    [Test]
    public void What_was_not_handed_out_cannot_have_been_applied()
    {
        var group = new TestGroup(3);
        var n1 = group.Elect("n1");
        Assert.That(
            () => n1.Core.Applied(new LogIndex(2)),
            Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("handed out"));
    }

    [Test]
    public void Entries_are_handed_out_once_and_in_order()
    {
        var group = new TestGroup(3);
        group.Elect("n1");
        for (var i = 0; i < 20; i++)
        {
            group.Propose("n1", "x");
            if (i % 3 == 0) group.Settle();
        }
        group.Run(3);
        foreach (var node in group.Nodes)
            Assert.That(node.Applied.Select(e => e.Index.Value), Is.EqualTo(Enumerable.Range(1, 21).Select(i => (long)i)));
    }

    [Test]
    public void Five_nodes_go_on_without_two_and_stop_without_three()
    {
        var group = new TestGroup(5);
        var n1 = group.Elect("n1");
        group["n4"].Crash();
        group["n5"].Crash();
        var id = group.Propose("n1", "x");
        group.Settle();
        Assert.That(n1.Core.Commit, Is.EqualTo(id.Index));
        group["n3"].Crash();
        group.Propose("n1", "y");
        group.Run(11);
        Assert.That(n1.Core.Commit, Is.EqualTo(id.Index));
        Assert.That(n1.Core.IsLeader, Is.False);
    }

    private static int RoundTripsUntilCaughtUp(TestGroup group, string leader, string follower)
    {
        group.Tick(leader, 2);
        group.Work();
        var messages = 0;
        while (group[follower].Core.Last != group[leader].Core.Last || group[leader].Core.Status.Peers.Any(p => p.Match != group[leader].Core.Last.Index))
        {
            Assert.That(messages++, Is.LessThan(1_000), "the gap closes");
            group.DeliverAll();
        }
        TestContext.Out.WriteLine($"{(messages + 1) / 2} round trips");
        return (messages + 1) / 2;
    }
}
