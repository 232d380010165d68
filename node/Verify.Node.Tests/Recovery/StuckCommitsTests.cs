using Verify.MySql;
using Verify.Node.Recovery;

namespace Verify.Node.Tests.Recovery;

public sealed class StuckCommitsTests
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [TestCase("waiting for handler commit")]
    [TestCase("Commit")]
    [TestCase("Updating status")]
    public void The_same_commit_at_two_looks_is_stuck_since_the_first(string state)
    {
        var commits = Saw((1, [(7, "1", state)]));
        Assert.That(commits.Since(Seconds(1), Seconds(2)), Is.Null, "one look");
        commits.Saw(Table([(7, "2", state), (8, "1", state)]), Seconds(2));
        Assert.That(commits.Since(Seconds(3), Seconds(2)), Is.EqualTo(Seconds(1)));
        Assert.That(commits.Since(Seconds(4.1), Seconds(2)), Is.Null, "the last look is too old");
    }

    [Test]
    public void Commits_that_come_and_go_are_none() =>
        Assert.That(Saw((1, [(7, "1", "Commit")]), (2, [(8, "1", "Commit")])).Since(Seconds(2), Seconds(2)), Is.Null);

    [TestCase("0", "Commit", TestName = "A_commit_of_this_second")]
    [TestCase("9", "Waiting for global read lock", TestName = "One_that_waits_for_a_backup")]
    [TestCase("9", "Waiting for semi-sync ACK from replica", TestName = "One_that_waits_for_a_replica")]
    [TestCase("9", "", TestName = "One_that_does_nothing")]
    public void Others_are_none(string time, string state) =>
        Assert.That(Saw((1, [(7, time, state)]), (2, [(7, time, state)])).Since(Seconds(2), Seconds(2)), Is.Null);

    private static StuckCommits Saw(params (double At, (long Id, string Time, string State)[] Sessions)[] looks)
    {
        var commits = new StuckCommits();
        foreach (var (at, sessions) in looks) commits.Saw(Table(sessions), Seconds(at));
        return commits;
    }

    private static ResultTable Table((long Id, string Time, string State)[] sessions) =>
        new(["Id", "Time", "State"], [.. sessions.Select(s => new[] { $"{s.Id}", s.Time, s.State })], 0);
}
