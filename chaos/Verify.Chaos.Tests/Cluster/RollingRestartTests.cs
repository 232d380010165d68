using Verify.Chaos.Live.Groups;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>The short form of verify-chaos live rolling-restart.</summary>
[Category("Live")]
[NonParallelizable]
public sealed class RollingRestartTests
{
    [Test]
    public async Task Three_nodes_are_restarted_one_after_the_other_and_no_write_fails_is_lost_or_is_doubled()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await using var group = await LiveGroup.StartAsync(3, TestContext.Progress.WriteLine);
        var outcome = await RollingTurn.PlayAsync(group, program: null, rounds: 1, TestContext.Progress.WriteLine, limit.Token);
        TestContext.Progress.WriteLine(outcome);
        Assert.That(outcome.Troubles, Is.Empty);
        Assert.That((outcome.Failed, outcome.Lost), Is.EqualTo((0, 0)));
        Assert.That(outcome.Writes, Is.GreaterThan(100), "the load was there");
    }
}
