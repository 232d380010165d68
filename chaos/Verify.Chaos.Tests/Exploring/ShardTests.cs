using Verify.Chaos.Exploring;

namespace Verify.Chaos.Tests.Exploring;

/// <summary>Seeds dealt out to machines: each is played by exactly one.</summary>
public sealed class ShardTests
{
    [TestCase("1..1000", 16, 4)]
    [TestCase("1..1000", 128, 3)]
    [TestCase("0..7", 1, 5)]
    [TestCase("5..9,100..300,4711", 18, 7)]
    [TestCase("18446744073709551000..18446744073709551615", 128, 3)]
    public void Shards_are_disjoint_and_complete(string seeds, int blockSize, int count)
    {
        var asked = SeedSpans.Parse(seeds);
        var all = Enumerable.Range(0, count).SelectMany(i => new Shard(i, count).Blocks(asked, blockSize)).ToArray();
        Assert.That(SeedSpans.Overlaps(all), Is.Empty);
        Assert.That(SeedSpans.Text(SeedSpans.Join(all)), Is.EqualTo(SeedSpans.Text(asked)));
        Assert.That(all.Select(b => (b.From / (ulong)blockSize, b.To / (ulong)blockSize)), Has.All.Matches<(ulong, ulong)>(b => b.Item1 == b.Item2), "no block is cut in two");
    }

    [Test]
    public void Seeds_without_an_end_are_dealt_out_as_they_come()
    {
        var first = new Shard(1, 3).Blocks(SeedSpans.Parse("1.."), 10).Take(3).Select(b => b.ToString());
        Assert.That(first, Is.EqualTo(new[] { "10..19", "40..49", "70..79" }));
    }

    [TestCase("4/4")]
    [TestCase("-1/4")]
    [TestCase("0")]
    [TestCase("a/b")]
    public void What_is_no_shard_is_refused(string text) => Assert.That(() => Shard.Parse(text), Throws.TypeOf<FormatException>());

    [TestCase("9..1")]
    [TestCase("nine")]
    [TestCase("")]
    [TestCase("1..10,5")]
    public void What_is_no_range_is_refused(string text) => Assert.That(() => SeedSpans.Parse(text), Throws.TypeOf<FormatException>());

    [Test]
    public void Gaps_and_overlaps_are_named()
    {
        var all = SeedSpans.Parse("1..100");
        Assert.That(SeedSpans.Text(SeedSpans.Without(all, SeedSpans.Parse("1..10,20..30,90..200"))), Is.EqualTo("11..19,31..89"));
        Assert.That(SeedSpans.Text(SeedSpans.Without(all, all)), Is.Empty);
        Assert.That(SeedSpans.Text(SeedSpans.Overlaps([new(1, 10), new(8, 20), new(15, 16), new(30, 40)])), Is.EqualTo("8..10,15..16"));
    }
}
