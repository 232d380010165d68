using System.Collections.Immutable;

namespace Verify.Raft.Tests.Rules;

/// <summary>What the core refuses to start from, in sentences that name the place.</summary>
public sealed class StartTests
{
    private static readonly RaftOptions Good = new() { Self = new("n1"), Voters = [new("n1"), new("n2"), new("n3")], Draw = _ => 0 };

    private static IEnumerable<TestCaseData> BadOptions()
    {
        yield return new TestCaseData(Good with { Voters = default }, "Voters must not be missing");
        yield return new TestCaseData(Good with { TrailingEntries = -1 }, "TrailingEntries must not be negative");
        yield return new TestCaseData(Good with { Voters = [new("n2"), new("n1")] }, "sorted and distinct; n1 is out of place");
        yield return new TestCaseData(Good with { Voters = [new("n1"), new("n1")] }, "sorted and distinct");
        yield return new TestCaseData(Good with { Self = new("n9") }, "must contain this node (n9)");
        yield return new TestCaseData(Good with { HeartbeatTicks = 0 }, "HeartbeatTicks must be at least 1");
        yield return new TestCaseData(Good with { HeartbeatTicks = 25 }, "ElectionTicks must be more than HeartbeatTicks");
        yield return new TestCaseData(Good with { LeaseMarginTicks = 0 }, "LeaseMarginTicks must be at least 1");
        yield return new TestCaseData(Good with { AppendEntriesMax = 0 }, "AppendEntriesMax");
        yield return new TestCaseData(Good with { AppendBytesMax = 0 }, "AppendBytesMax");
        yield return new TestCaseData(Good with { InflightMax = 0 }, "InflightMax");
        yield return new TestCaseData(Good with { UncommittedEntriesMax = 0 }, "UncommittedEntriesMax");
    }

    [TestCaseSource(nameof(BadOptions))]
    public void Options_that_no_group_can_work_with_are_refused(RaftOptions options, string sentence) =>
        Assert.That(
            () => new RaftCore(options, HardState.Initial, []),
            Throws.TypeOf<InvalidRaftOptionsException>().With.Message.Contains(sentence));

    [Test]
    public void A_log_with_a_gap_is_refused() =>
        Refused(new HardState(new Term(1), null), [Entry(1, 1), Entry(1, 3)], "1.3 where index 2 belongs");

    [Test]
    public void A_log_whose_terms_fall_is_refused() =>
        Refused(new HardState(new Term(3), null), [Entry(3, 1), Entry(2, 2)], "2.2 after 3.1: terms never fall");

    [Test]
    public void A_log_that_is_ahead_of_the_stored_term_is_refused() =>
        Refused(new HardState(new Term(1), null), [Entry(2, 1)], "the term must be durable first");

    [Test]
    public void A_vote_for_somebody_who_is_no_member_here_is_taken_because_the_own_log_may_be_behind()
    {
        var core = new RaftCore(Good, new HardState(new Term(1), new NodeId("n7")), []);
        Assert.That(core.Status.VotedFor, Is.EqualTo(new NodeId("n7")));
    }

    [Test]
    public void A_good_disk_is_taken_as_it_is()
    {
        var core = new RaftCore(Good, new HardState(new Term(2), new NodeId("n3")), [Entry(1, 1), Entry(2, 2)]);
        var status = core.Status;
        Assert.Multiple(() =>
        {
            Assert.That(status.Term, Is.EqualTo(new Term(2)));
            Assert.That(status.VotedFor, Is.EqualTo(new NodeId("n3")));
            Assert.That(status.Last, Is.EqualTo(new EntryId(new Term(2), new LogIndex(2))));
            Assert.That(status.Durable, Is.EqualTo(new LogIndex(2)));
            Assert.That(status.Commit, Is.EqualTo(LogIndex.Zero));
            Assert.That(core.TryTakeWork(out _), Is.False, "a start is no reason to do anything");
        });
    }

    private static void Refused(HardState hardState, ImmutableArray<Entry> log, string sentence) =>
        Assert.That(() => new RaftCore(Good, hardState, log), Throws.ArgumentException.With.Message.Contains(sentence));

    private static Entry Entry(long term, long index) =>
        new(new EntryId(new Term(term), new LogIndex(index)), EntryKind.Command, default);
}
