using Verify.Chaos.Bench;

namespace Verify.Chaos.Tests.Bench;

/// <summary>What bench fleet plays is what issue 5 asks to be measured. Times are for the bench's table and not for a test.</summary>
[TestFixture]
public sealed class FleetBenchTests
{
    [Test]
    public async Task Every_server_of_a_large_cluster_is_reached_and_analysed_before_anything_is_measured()
    {
        var figures = await new FleetBench().RunAsync(new() { Quick = true }, TestContext.Out.WriteLine, CancellationToken.None);
        var analyses = figures.Where(f => f.Unit == "ms").ToArray();
        Assert.That(analyses.Select(f => f.What), Is.EqualTo(new[]
        {
            "replication-analysis of 3 servers, 3 of them in one cluster, from question to answer", "replication-analysis of 300 servers, 300 of them in one cluster, from question to answer",
        }));
        Assert.That(analyses.Select(f => f.Values.Count), Is.All.EqualTo(1_000));
    }
}
