using System.Collections.Immutable;

namespace Verify.Raft.Tests.Rules;

/// <summary>What a follower answers, and what it keeps to itself.</summary>
public sealed class FollowerTests
{
    private static readonly NodeId Me = new("n1"), Leader = new("n2"), Other = new("n3");

    [Test]
    public void An_acknowledgement_covers_what_was_sent_and_never_the_own_tail()
    {
        var core = Follower(term: 1, Entry(1, 1), Entry(1, 2), Entry(1, 3));
        var reply = (Message.AppendReply)Answer(core, 2, Append(Id(1, 1), [], commit: 3));
        Assert.That(reply, Is.EqualTo(new Message.AppendReply(Accepted: true, Id(1, 1), LogIndex.Zero, ReadRound: 7)));
        Assert.That(core.Commit, Is.EqualTo(new LogIndex(1)), "behind entry 1 the tail may not be the leader's");
    }

    [Test]
    public void A_commit_beyond_the_log_is_taken_as_far_as_the_log_goes_and_nothing_breaks()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [Entry(1, 1)], commit: 1_000_000));
        Assert.That(core.Commit, Is.EqualTo(new LogIndex(1)));
    }

    [Test]
    public void Entries_that_match_stay_when_an_old_append_arrives_late()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [Entry(1, 1), Entry(1, 2), Entry(1, 3)], commit: 0));
        var reply = (Message.AppendReply)Answer(core, 1, Append(EntryId.Zero, [Entry(1, 1)], commit: 0));
        Assert.That(reply.Hint, Is.EqualTo(Id(1, 1)));
        Assert.That(core.Last, Is.EqualTo(Id(1, 3)));
    }

    [Test]
    public void A_real_conflict_replaces_the_tail_from_its_first_entry_on()
    {
        var core = Follower(term: 1, Entry(1, 1), Entry(1, 2), Entry(1, 3));
        core.Receive(From(Leader, 2, Append(Id(1, 1), [Entry(2, 2)], commit: 0)));
        core.TryTakeWork(out var work);
        Assert.That(core.Last, Is.EqualTo(Id(2, 2)));
        Assert.That(work.Append, Is.EqualTo((Entry[])[Entry(2, 2)]), "the disk is given the replacement");
    }

    [Test]
    public void A_disk_that_answers_for_an_entry_that_was_replaced_meanwhile_confirms_nothing()
    {
        var core = Follower(term: 1);
        core.Receive(From(Leader, 1, Append(EntryId.Zero, [Entry(1, 1)], commit: 0)));
        core.TryTakeWork(out _);
        core.Receive(From(Other, 2, Append(EntryId.Zero, [Entry(2, 1)], commit: 1)));
        core.TryTakeWork(out var work);
        core.Appended(Id(1, 1));
        Assert.That(core.Status.Durable, Is.EqualTo(LogIndex.Zero));
        Assert.That(work.Apply, Is.Empty, "committed, but not yet durable here");
        core.Appended(Id(2, 1));
        Assert.That(core.TryTakeWork(out work), Is.True);
        Assert.That(work.Apply, Is.EqualTo((Entry[])[Entry(2, 1)]));
    }

    [Test]
    public void A_leader_that_overwrites_a_committed_entry_halts_the_node()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [Entry(1, 1)], commit: 1));
        Assert.That(
            () => core.Receive(From(Other, 2, Append(EntryId.Zero, [Entry(2, 1)], commit: 0))),
            Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("never truncated"));
    }

    [Test]
    public void Two_leaders_in_one_term_halt_the_node()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [], commit: 0));
        Assert.That(
            () => core.Receive(From(Other, 1, Append(EntryId.Zero, [], commit: 0))),
            Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("one leader"));
    }

    [Test]
    public void Messages_to_others_and_of_its_own_are_dropped()
    {
        var core = Follower(term: 1);
        core.Receive(new Envelope(Leader, Other, new Term(9), Append(EntryId.Zero, [], commit: 0)));
        core.Receive(new Envelope(Me, Me, new Term(9), Append(EntryId.Zero, [], commit: 0)));
        Assert.That(core.Term, Is.EqualTo(new Term(1)));
        Assert.That(core.TryTakeWork(out _), Is.False);
    }

    [Test]
    public void A_stranger_that_leads_is_followed_because_the_own_log_may_be_behind()
    {
        var core = Follower(term: 1);
        core.Receive(new Envelope(new NodeId("n9"), Me, new Term(9), Append(EntryId.Zero, [], commit: 0)));
        Assert.That(core.Leader, Is.EqualTo(new NodeId("n9")));
        Assert.That(core.Term, Is.EqualTo(new Term(9)));
    }

    [Test]
    public void A_strangers_answer_in_a_later_term_moves_nobody()
    {
        var core = Follower(term: 1);
        core.Receive(new Envelope(new NodeId("n9"), Me, new Term(9), new Message.AppendReply(Accepted: false, EntryId.Zero, LogIndex.Zero, 1)));
        Assert.That(core.Term, Is.EqualTo(new Term(1)));
    }

    [TestCase(1, 2, TestName = "Entries_with_a_gap_are_dropped")]
    [TestCase(9, 1, TestName = "Entries_of_a_term_after_the_senders_are_dropped")]
    public void Malformed(long term, long index)
    {
        var core = Follower(term: 1);
        core.Receive(From(Leader, 1, Append(EntryId.Zero, [Entry(term, index)], commit: 0)));
        Assert.That(core.TryTakeWork(out _), Is.False, "no answer");
        Assert.That(core.Last, Is.EqualTo(EntryId.Zero));
    }

    [Test]
    public void A_refusal_points_at_the_last_entry_whose_term_is_not_too_late()
    {
        var core = Follower(term: 5, Entry(1, 1), Entry(2, 2), Entry(4, 3), Entry(4, 4), Entry(4, 5));
        var reply = (Message.AppendReply)Answer(core, 6, Append(Id(3, 4), [], commit: 0));
        Assert.That(reply.Accepted, Is.False);
        Assert.That(reply.Refused, Is.EqualTo(new LogIndex(4)));
        Assert.That(reply.Hint, Is.EqualTo(Id(2, 2)));
    }

    [Test]
    public void A_vote_is_given_once_in_a_term_and_repeated_to_the_same_candidate_only()
    {
        var core = Fresh();
        Assert.That(Ask(core, Leader, 1), Is.True);
        Assert.That(Ask(core, Other, 1), Is.False);
        Assert.That(Ask(core, Leader, 1), Is.True, "the first answer may have been lost");
        Assert.That(Ask(core, Other, 2), Is.True, "another term, another vote");
    }

    [Test]
    public void A_vote_is_part_of_the_work_that_carries_the_answer()
    {
        var core = Fresh();
        core.Receive(From(Leader, 1, new Message.VoteRequest(EntryId.Zero, IsPreVote: false, IsTransfer: false)));
        core.TryTakeWork(out var work);
        Assert.That(work.HardState, Is.EqualTo(new HardState(new Term(1), Leader)));
        Assert.That(work.SendNow, Is.Empty);
        Assert.That(work.SendWhenDurable, Has.Length.EqualTo(1));
        Assert.That(work.NeedsSync, Is.True);
    }

    [Test]
    public void A_candidate_with_an_older_last_term_gets_no_vote_however_long_its_log_is()
    {
        var core = Follower(term: 2, Entry(1, 1), Entry(2, 2));
        for (var i = 0; i < 30; i++) core.Tick();
        core.TryTakeWork(out _);
        Assert.That(Ask(core, Leader, 4, Id(1, 900)), Is.False);
        Assert.That(Ask(core, Other, 4, Id(2, 2)), Is.True);
    }

    [Test]
    public void A_node_that_heard_its_leader_a_moment_ago_votes_for_nobody_and_keeps_its_term()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [], commit: 0));
        Assert.That(Ask(core, Other, 7), Is.False);
        Assert.That(core.Term, Is.EqualTo(new Term(1)));
        for (var i = 0; i < 25; i++) core.Tick();
        Assert.That(Ask(core, Other, 7), Is.True);
    }

    [Test]
    public void A_request_that_the_leader_asked_for_is_heard_at_once()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [], commit: 0));
        core.Receive(From(Other, 2, new Message.VoteRequest(EntryId.Zero, IsPreVote: false, IsTransfer: true)));
        core.TryTakeWork(out var work);
        Assert.That(work.SendWhenDurable[0].Body, Is.EqualTo(new Message.VoteReply(Granted: true, IsPreVote: false)));
    }

    [Test]
    public void A_vote_of_an_earlier_term_that_arrives_late_elects_nobody()
    {
        var core = Follower(term: 1);
        core.Receive(From(Leader, 1, new Message.TimeoutNow()));
        Assert.That(core.Role, Is.EqualTo(RaftRole.Candidate));
        core.Receive(From(Other, 1, new Message.VoteReply(Granted: true, IsPreVote: false)));
        Assert.That(core.Role, Is.EqualTo(RaftRole.Candidate), "it stands in term 2");
        core.Receive(From(Other, 2, new Message.VoteReply(Granted: true, IsPreVote: false)));
        Assert.That(core.Role, Is.EqualTo(RaftRole.Leader));
    }

    [Test]
    public void A_pre_vote_changes_nothing_at_the_node_that_grants_it()
    {
        var core = Fresh();
        core.Receive(From(Leader, 1, new Message.VoteRequest(EntryId.Zero, IsPreVote: true, IsTransfer: false)));
        core.TryTakeWork(out var work);
        Assert.That(work.SendWhenDurable[0].Body, Is.EqualTo(new Message.VoteReply(Granted: true, IsPreVote: true)));
        Assert.That(work.SendWhenDurable[0].Term, Is.EqualTo(new Term(1)), "the term that was asked about");
        Assert.That(work.NeedsSync, Is.False);
        Assert.That(core.Status.VotedFor, Is.Null);
        Assert.That(core.Term, Is.EqualTo(Term.Zero));
    }

    [Test]
    public void When_the_leaders_connection_breaks_its_followers_stand_in_turns_and_no_sooner_than_their_patience_ends()
    {
        Assert.That(TicksToStand(self: "n1", lost: "n2"), Is.EqualTo(27), "the first of n1 and n3, when the other refuses no more");
        Assert.That(TicksToStand(self: "n3", lost: "n2"), Is.EqualTo(27 + 6), "a quarter of 25 later");
        Assert.That(TicksToStand(self: "n3", lost: "n1"), Is.EqualTo(25 + 24), "n1 does not lead: what was drawn counts");
    }

    [Test]
    public void A_leader_that_is_heard_after_its_connection_broke_is_waited_for_as_ever()
    {
        var core = Follower(term: 1);
        Answer(core, 1, Append(EntryId.Zero, [], commit: 0));
        core.LinkLost(Leader);
        Answer(core, 1, Append(EntryId.Zero, [], commit: 0));
        for (var i = 0; i < 48; i++) core.Tick();
        Assert.That(core.Role, Is.EqualTo(RaftRole.Follower));
        core.Tick();
        Assert.That(core.Role, Is.EqualTo(RaftRole.PreCandidate));
    }

    private static int TicksToStand(string self, string lost)
    {
        var core = new RaftCore(Options() with { Self = new(self) }, new HardState(new Term(1), null), []);
        core.Receive(new Envelope(Leader, core.Self, new Term(1), Append(EntryId.Zero, [], commit: 0)));
        core.LinkLost(new(lost));
        var ticks = 0;
        for (; core.Role == RaftRole.Follower; ticks++) core.Tick();
        return ticks;
    }

    private static RaftCore Fresh() => new(Options(), HardState.Initial, []);

    /// <summary>A node that is old enough to have forgotten that it has just started.</summary>
    private static RaftCore Follower(long term, params Entry[] log)
    {
        var core = new RaftCore(Options(), new HardState(new Term(term), null), log);
        for (var i = 0; i < 24; i++) core.Tick();
        return core;
    }

    private static RaftOptions Options() => new() { Self = Me, Voters = [Me, Leader, Other], Draw = bound => bound - 1 };

    private static Message Answer(RaftCore core, long term, Message.Append append)
    {
        core.Receive(From(Leader, term, append));
        Assert.That(core.TryTakeWork(out var work), Is.True);
        if (!work.Append.IsEmpty) core.Appended(work.Append[^1].Id);
        return work.SendWhenDurable[^1].Body;
    }

    private static bool Ask(RaftCore core, NodeId candidate, long term, EntryId last = default)
    {
        core.Receive(From(candidate, term, new Message.VoteRequest(last, IsPreVote: false, IsTransfer: false)));
        Assert.That(core.TryTakeWork(out var work), Is.True);
        return ((Message.VoteReply)work.SendWhenDurable[^1].Body).Granted;
    }

    private static Envelope From(NodeId from, long term, Message body) => new(from, Me, new Term(term), body);

    private static Message.Append Append(EntryId previous, ImmutableArray<Entry> entries, long commit) =>
        new(previous, entries, new LogIndex(commit), ReadRound: 7);

    private static EntryId Id(long term, long index) => new(new Term(term), new LogIndex(index));

    private static Entry Entry(long term, long index) => new(Id(term, index), EntryKind.Command, default);
}
