using Verify.Chaos.Bench;
using Verify.Chaos.Bench.Consensus;

namespace Verify.Chaos.Tests.Bench;

/// <summary>When planned transfers count as quick enough.</summary>
public sealed class TransferTallyTests
{
    [TestCase(49, 0, true)]
    [TestCase(49, 1, false)]
    [TestCase(300, 0, false, Description = "the median of the ten would be 10 ms")]
    public void One_slow_transfer_or_one_failed_write_among_many_misses_the_goal(double slowestMs, int failed, bool reaches) =>
        Assert.That(TransferTally.Reaches(Spread.Of([.. Enumerable.Repeat(10.0, 9), slowestMs]), failed), Is.EqualTo(reaches));

    [Test]
    public void What_several_loads_saw_of_one_transfer_is_added_up()
    {
        var (one, other) = (new LoadResult(), new LoadResult());
        one.LatenciesMs.AddRange([1, 2]);
        other.LatenciesMs.Add(7);
        other.Refused("status 503");
        Assert.That(TransferSeen.Of(0.02, [one, other]), Is.EqualTo(new TransferSeen(0.02, Writes: 4, Failed: 1, "status 503", LongestMs: 7)));
    }
}
