using Verify.Chaos.Bench;

namespace Verify.Chaos.Tests.Bench;

/// <summary>The numbers of the bench's table.</summary>
public sealed class SpreadTests
{
    [Test]
    public void The_median_of_an_even_count_lies_between_the_two_in_the_middle()
    {
        var spread = Spread.Of([4, 1, 3, 2]);
        Assert.That((spread.Median, spread.Min, spread.Max, spread.Count), Is.EqualTo((2.5, 1.0, 4.0, 4)));
    }

    [Test]
    public void One_outlier_in_a_hundred_and_one_moves_neither_the_median_nor_the_99th_percentile()
    {
        var spread = Spread.Of([.. Enumerable.Range(0, 100).Select(i => (double)i), 10_000]);
        Assert.That((spread.Median, spread.P90, spread.P99, spread.Max), Is.EqualTo((50.0, 90.0, 99.0, 10_000.0)));
    }

    [Test]
    public void A_single_value_is_all_of_its_spread() =>
        Assert.That(Spread.Of([7]), Is.EqualTo(new Spread(7, 7, 7, 7, 7, 1)));

    [Test]
    public void Nothing_has_no_spread() => Assert.Throws<ArgumentException>(() => Spread.Of([]));
}
