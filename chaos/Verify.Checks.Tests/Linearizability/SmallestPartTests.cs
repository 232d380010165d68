using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>The smallest part of a history that fails has a time of its own, and whoever reads it is told when that was over.</summary>
[TestFixture]
internal sealed class SmallestPartTests
{
    /// <summary>Forty writes one after the other, each read, and then a read of the first.</summary>
    private static readonly string Stale = string.Concat(Enumerable.Range(1, 40).Select(n => Call("write", n) + Call("read", n))) + Call("read", 1);

    [Test]
    public void With_time_it_is_three_calls()
    {
        var judged = new HistoryJudge("register", new SearchLimits()).Judge(Stale, "h");
        Assert.That((judged.Verdict, judged.IsSmallestMinimal, judged.Smallest.Count), Is.EqualTo((Verdict.Invalid, true, 3)));
    }

    [Test]
    public void Without_time_the_verdict_stands_and_the_part_is_not_called_the_smallest()
    {
        var judged = new HistoryJudge("register", new SearchLimits { SmallestTime = TimeSpan.Zero }).Judge(Stale, "h");
        Assert.That((judged.Verdict, judged.IsSmallestMinimal), Is.EqualTo((Verdict.Invalid, false)));
        Assert.That(judged.Smallest, Has.Count.GreaterThan(3));
    }

    [Test]
    public void A_minute_at_the_most_whatever_the_search_may_take() => Assert.That(new SearchLimits { Time = TimeSpan.FromHours(1) }.SmallestTime, Is.EqualTo(TimeSpan.FromMinutes(1)));

    private static string Call(string f, int value) => $"{{:process 0, :type :invoke, :f :{f}{(f == "write" ? $", :value {value}" : "")}}}\n{{:process 0, :type :ok, :f :{f}, :value {value}}}\n";
}
