using System.Collections.Immutable;
using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Rules;

/// <summary>What a snapshot may replace, what it must not, and what a log means whose beginning is gone.</summary>
public sealed class SnapshotTests
{
    private static readonly NodeId Me = new("n1"), Leader = new("n2"), Other = new("n3");
    private static readonly Membership Three = Membership.OfVoters([Me, Leader, Other]);

    [Test]
    public void A_snapshot_that_arrives_when_more_is_committed_is_dropped_and_the_leader_hears_how_far_this_node_is()
    {
        var core = Follower(term: 2, Entry(1, 1));
        var piece = Piece(core, term: 2, Id(2, 3));
        Answer(core, 2, Append(Id(1, 1), [Entry(2, 2), Entry(2, 3), Entry(2, 4)], commit: 4));
        core.SnapshotArrived(piece, new SnapshotMark(Id(2, 3), Three));
        core.TryTakeWork(out var work);
        Assert.That(work.Install, Is.Null);
        Assert.That(core.Last, Is.EqualTo(Id(2, 4)));
        Assert.That(work.SendWhenDurable.Single().Body, Is.EqualTo(new Message.AppendReply(Accepted: true, Id(2, 4), LogIndex.Zero, 0)));
    }

    [Test]
    public void A_snapshot_of_an_entry_that_the_log_holds_moves_the_commit_and_leaves_the_tail_alone()
    {
        var core = Follower(term: 2, Entry(1, 1), Entry(2, 2), Entry(2, 3));
        core.Receive(From(Leader, 2, Chunk(Id(2, 2))));
        core.TryTakeWork(out var work);
        Assert.That(work.SnapshotPieces, Is.Empty, "nothing of it is needed");
        Assert.That(work.Apply.Select(e => e.Id), Is.EqualTo((EntryId[])[Id(1, 1), Id(2, 2)]));
        Assert.That(work.SendWhenDurable.Single().Body, Is.EqualTo(new Message.AppendReply(Accepted: true, Id(2, 2), LogIndex.Zero, 0)));
        Assert.That(core.Last, Is.EqualTo(Id(2, 3)));
    }

    [Test]
    public void A_snapshot_replaces_a_log_that_contradicts_it_and_a_write_that_was_under_way_confirms_nothing_any_more()
    {
        var core = Follower(term: 1, Entry(1, 1));
        Receive(core, 1, Append(Id(1, 1), [Entry(1, 2), Entry(1, 3), Entry(1, 4), Entry(1, 5)], commit: 1));
        var piece = Piece(core, term: 2, Id(2, 3));
        core.SnapshotArrived(piece, new SnapshotMark(Id(2, 3), Three));
        core.TryTakeWork(out var installed);
        Receive(core, 2, Append(Id(2, 3), [Entry(2, 4)], commit: 4));
        core.TryTakeWork(out var next);
        Assert.Multiple(() =>
        {
            Assert.That(installed.Install?.Last, Is.EqualTo(Id(2, 3)));
            Assert.That(installed.NeedsSync, Is.True);
            Assert.That(installed.Apply, Is.Empty, "entry 1.1 is in the snapshot");
            Assert.That(next.Apply, Is.Empty, "entry 2.4 is not durable yet");
        });
        core.Appended(Id(1, 5));
        Assert.That(core.Status.Durable, Is.EqualTo(new LogIndex(3)), "1.5 was written to a log that is no more");
        core.Appended(Id(2, 4));
        core.TryTakeWork(out var work);
        Assert.That(work.Apply.Single().Id, Is.EqualTo(Id(2, 4)));
        core.Applied(new LogIndex(1));
        Assert.That(core.Status.Applied, Is.EqualTo(new LogIndex(3)), "the snapshot has overtaken what was being applied");
    }

    [Test]
    public void Who_the_members_were_before_an_installed_snapshot_is_known_until_the_state_has_followed()
    {
        var two = Membership.OfVoters([Me, Leader]);
        var core = Follower(term: 1);
        var change = new Entry(Id(1, 2), EntryKind.Membership, MembershipCodec.Encode(two));
        Receive(core, 1, Append(EntryId.Zero, [Entry(1, 1), change], commit: 1));
        core.TryTakeWork(out _);
        core.Appended(Id(1, 2));
        core.SnapshotArrived(Piece(core, term: 2, Id(2, 9)), new SnapshotMark(Id(2, 9), Three with { Learners = [new("n4")] }));
        Assert.That(core.MembershipAt(new LogIndex(1)), Is.EqualTo(Three));
        Assert.That(core.MembershipAt(new LogIndex(8)), Is.EqualTo(Three), "the change of entry 2 was not committed, and is not in the log any more");
        Assert.That(core.MembershipAt(new LogIndex(9)).ToString(), Is.EqualTo("voters=(n1 n2 n3) learners=(n4)"));
    }

    [Test]
    public void A_snapshot_that_a_former_leader_sent_is_installed_and_not_answered()
    {
        var core = Follower(term: 1);
        var piece = Piece(core, term: 2, Id(1, 3));
        Receive(core, 3, Append(EntryId.Zero, [], commit: 0), from: Other);
        core.TryTakeWork(out _);
        core.SnapshotPieceStored(piece, 8);
        core.SnapshotArrived(piece, new SnapshotMark(Id(1, 3), Three));
        core.TryTakeWork(out var work);
        Assert.That(work.Install?.Last, Is.EqualTo(Id(1, 3)), "what it holds is committed, whoever sent it");
        Assert.That(work.SendWhenDurable, Is.Empty);
    }

    [Test]
    public void An_append_that_begins_before_what_was_discarded_fits_and_deletes_nothing()
    {
        var core = Shortened(upTo: 3, Entry(1, 1), Entry(1, 2), Entry(1, 3), Entry(1, 4), Entry(1, 5));
        var reply = (Message.AppendReply)Answer(core, 1, Append(Id(1, 1), [Entry(1, 2), Entry(1, 3), Entry(1, 4)], commit: 5));
        Assert.That(reply, Is.EqualTo(new Message.AppendReply(Accepted: true, Id(1, 4), LogIndex.Zero, 7)));
        Assert.That(core.Last, Is.EqualTo(Id(1, 5)));
        reply = (Message.AppendReply)Answer(core, 1, Append(Id(1, 1), [Entry(1, 2)], commit: 5));
        Assert.That(reply.Hint, Is.EqualTo(Id(1, 5)), "of 1.2 nobody knows the term any more; all that is committed fits");
    }

    [Test]
    public void The_entry_before_the_first_one_keeps_its_term()
    {
        var core = Shortened(upTo: 2, Entry(1, 1), Entry(1, 2), Entry(2, 3));
        Assert.That(core.First, Is.EqualTo(new LogIndex(3)));
        var reply = (Message.AppendReply)Answer(core, 2, Append(Id(1, 2), [], commit: 0));
        Assert.That(reply.Accepted, Is.True);
        reply = (Message.AppendReply)Answer(core, 2, Append(Id(2, 2), [], commit: 0));
        Assert.That(reply.Accepted, Is.False);
        Assert.That(reply.Hint, Is.EqualTo(Id(1, 2)));
    }

    [Test]
    public void What_is_discarded_is_said_once_and_leaves_the_trailing_entries()
    {
        var core = Follower(1, Options() with { TrailingEntries = 2 }, Entry(1, 1), Entry(1, 2), Entry(1, 3), Entry(1, 4));
        ApplyAll(core, 1, Id(1, 4));
        core.SnapshotTaken(new SnapshotMark(Id(1, 4), core.MembershipAt(new LogIndex(4))));
        core.TryTakeWork(out var work);
        Assert.That(work.DiscardUpTo, Is.EqualTo(new LogIndex(2)));
        Assert.That(core.Status.Snapshot, Is.EqualTo(Id(1, 4)));
        core.SnapshotTaken(new SnapshotMark(Id(1, 3), Three));
        Assert.That(core.TryTakeWork(out _), Is.False, "an older one changes nothing");
    }

    [Test]
    public void A_snapshot_of_what_was_not_applied_or_under_another_name_halts_the_node()
    {
        var core = Follower(term: 2, Entry(1, 1), Entry(1, 2), Entry(2, 3));
        ApplyAll(core, 2, Id(1, 2));
        Assert.That(() => core.SnapshotTaken(new(Id(2, 3), Three)), Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("only what was applied"));
        Assert.That(() => core.SnapshotTaken(new(Id(2, 2), Three)), Throws.TypeOf<InvariantBrokenException>().With.Message.Contains("named after"));
    }

    [Test]
    public void A_transfer_goes_on_when_the_leader_makes_a_newer_snapshot_as_long_as_the_log_begins_early_enough()
    {
        var group = new TestGroup(3, (_, options) => options with { TrailingEntries = 4 });
        var n1 = group.Elect("n1");
        group.Cut("n3");
        for (var i = 0; i < 8; i++) group.Propose("n1", "x");
        group.Run(3);
        group.Snapshot("n1");
        group.Run(12);
        group.Heal();
        group.Tick("n1", 2);
        while (!group.Network.Any(e => e.Body is Message.SnapshotReply)) group.DeliverAll();
        for (var i = 0; i < 3; i++) group.Propose("n1", "y");
        group.Cut("n3");
        group.Settle();
        group.Heal();
        group.Snapshot("n1");
        Assert.That(n1.Core.First, Is.LessThanOrEqualTo(new LogIndex(10)), "the first snapshot ends at 9");
        group.Run(30);
        Assert.That(group["n3"].Applied[^1].Id, Is.EqualTo(n1.Core.Last));
    }

    private static IEnumerable<TestCaseData> BadStarts()
    {
        yield return new TestCaseData(Id(1, 3), (Entry[])[Entry(1, 5)], "begins with 1.5, but the snapshot ends with 1.3");
        yield return new TestCaseData(Id(1, 3), (Entry[])[Entry(1, 1), Entry(1, 2)], "does not contain the snapshot's last entry 1.3: cut it first");
        yield return new TestCaseData(Id(2, 2), (Entry[])[Entry(1, 1), Entry(1, 2), Entry(1, 3)], "does not contain the snapshot's last entry 2.2");
        yield return new TestCaseData(Id(2, 2), (Entry[])[Entry(1, 3)], "1.3 after 2.2: terms never fall");
        yield return new TestCaseData(Id(9, 2), (Entry[])[], "the stored term is 3");
        yield return new TestCaseData(Id(0, 0), (Entry[])[], "which is no entry");
        yield return new TestCaseData(null, (Entry[])[Entry(1, 2)], "there is no snapshot that could hold what is missing");
    }

    [TestCaseSource(nameof(BadStarts))]
    public void A_snapshot_and_a_log_that_do_not_fit_are_refused(EntryId? snapshot, Entry[] log, string sentence) =>
        Assert.That(
            () => new RaftCore(Options(), new HardState(new Term(3), null), snapshot is { } last ? new SnapshotMark(last, Three) : null, log),
            Throws.ArgumentException.With.Message.Contains(sentence));

    [Test]
    public void A_log_that_begins_inside_the_snapshot_is_taken_and_its_first_entry_is_where_it_begins()
    {
        Entry[] log = [Entry(1, 2), Entry(1, 3), Entry(2, 4)];
        var core = new RaftCore(Options(), new HardState(new Term(3), null), new SnapshotMark(Id(1, 3), Three), log);
        Assert.That((core.First, core.Commit, core.Last), Is.EqualTo((new LogIndex(3), new LogIndex(3), Id(2, 4))));
        Assert.That(core.TryTakeWork(out _), Is.False, "what is in the snapshot is not applied again");
    }

    private static RaftCore Shortened(long upTo, params Entry[] log)
    {
        var core = Follower(log[^1].Term.Value, Options() with { TrailingEntries = 0 }, log);
        ApplyAll(core, log[^1].Term.Value, log[^1].Id);
        core.SnapshotTaken(new SnapshotMark(log[(int)upTo - 1].Id, Three));
        core.TryTakeWork(out _);
        return core;
    }

    private static void ApplyAll(RaftCore core, long term, EntryId last)
    {
        Receive(core, term, Append(last, [], commit: last.Index.Value));
        core.TryTakeWork(out var work);
        core.Applied(work.Apply[^1].Index);
    }

    private static SnapshotPiece Piece(RaftCore core, long term, EntryId last)
    {
        core.Receive(From(Leader, term, Chunk(last)));
        core.TryTakeWork(out var work);
        return work.SnapshotPieces.Single();
    }

    private static Message.SnapshotChunk Chunk(EntryId last) => new(new SnapshotId(last, 8, 0), Three, 0, new byte[8], ReadRound: 0);

    private static RaftCore Follower(long term, params Entry[] log) => Follower(term, Options(), log);

    private static RaftCore Follower(long term, RaftOptions options, params Entry[] log) => new(options, new HardState(new Term(term), null), log);

    private static RaftOptions Options() => new() { Self = Me, Voters = Three.Voters, Draw = bound => bound - 1 };

    private static void Receive(RaftCore core, long term, Message body, NodeId? from = null)
    {
        core.Receive(From(from ?? Leader, term, body));
    }

    private static Message Answer(RaftCore core, long term, Message.Append append)
    {
        Receive(core, term, append);
        Assert.That(core.TryTakeWork(out var work), Is.True);
        if (!work.Append.IsEmpty) core.Appended(work.Append[^1].Id);
        return work.SendWhenDurable[^1].Body;
    }

    private static Envelope From(NodeId from, long term, Message body) => new(from, Me, new Term(term), body);

    private static Message.Append Append(EntryId previous, ImmutableArray<Entry> entries, long commit) =>
        new(previous, entries, new LogIndex(commit), ReadRound: 7);

    private static EntryId Id(long term, long index) => new(new Term(term), new LogIndex(index));

    private static Entry Entry(long term, long index) => new(Id(term, index), EntryKind.Command, default);
}
