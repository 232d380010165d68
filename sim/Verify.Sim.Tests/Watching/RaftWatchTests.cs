using Verify.Sim.Hosts;
using Verify.Sim.Tests.Nodes;
using Verify.Sim.Watching;

namespace Verify.Sim.Tests.Watching;

/// <summary>The promises of Raft, judged on line at whole nodes with real frames and files.</summary>
public sealed class RaftWatchTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Test]
    public void Whole_nodes_that_are_killed_in_every_way_keep_all_promises_and_every_commit_and_sync_was_looked_at()
    {
        for (var seed = 1UL; seed <= 10; seed++)
        {
            string? broken = null;
            var watch = new RaftWatch((promise, what) => broken = $"{promise}: {what}");
            Play(seed, watch);
            Assert.That(broken, Is.Null, $"seed {seed}");
            Assert.That(watch.Commits, Is.GreaterThan(20), "a watch that sees nothing proves nothing");
            Assert.That(watch.SyncsSeen, Is.GreaterThan(40));
        }
    }

    [Test]
    public void Who_watches_changes_nothing()
    {
        for (var seed = 1UL; seed <= 3; seed++)
            Assert.That(Play(seed, new RaftWatch((_, _) => { })), Is.EqualTo(Play(seed, watch: null)), $"seed {seed}: the trace with and without a watch");
    }

    [Test]
    public void A_disk_that_says_that_it_has_synced_and_has_not_breaks_Persist_at_once()
    {
        var broken = new List<string>();
        var watch = new RaftWatch((promise, _) => broken.Add(promise));
        using var world = SimWorld.FromSeed(1);
        world.WitnessOf = watch.WitnessOf;
        world.Run(
            async () =>
            {
                var fleet = new NodeFleet(world, 3);
                var leader = await fleet.LeaderAsync();
                Assert.That(broken, Is.Empty);
                leader.Disk.LiesAboutSyncs = true;
                await fleet.PutAsync(() => leader, "k", "v");
            },
            Limit);
        Assert.That(broken, Is.EqualTo(new[] { "Persist" }));
    }

    /// <summary>Two leaders die, one by the power; returns the hash of the trace.</summary>
    private static ulong Play(ulong seed, RaftWatch? watch)
    {
        using var world = SimWorld.FromSeed(seed);
        if (watch is not null) world.WitnessOf = watch.WitnessOf;
        world.Run(
            async () =>
            {
                var fleet = new NodeFleet(world, 3);
                foreach (var crash in new[] { Crash.Process, Crash.Power })
                {
                    var leader = await fleet.LeaderAsync();
                    for (var i = 0; i < 10; i++) await fleet.PutAsync(() => leader, $"{crash} {i}", "v");
                    world.Kill(leader, crash);
                    var next = await fleet.LeaderAsync(leader);
                    await fleet.PutAsync(() => next, $"after {crash}", "v");
                    world.Start(leader);
                    await Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
                }
            },
            Limit);
        return world.Trace.Hash;
    }
}
