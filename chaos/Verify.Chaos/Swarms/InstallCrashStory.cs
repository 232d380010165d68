using Verify.Node.Seam;
using Verify.Sim;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>A directed strategy for the installation of snapshots: one node lags until only a snapshot helps; its disk is slow, and it dies
/// somewhere between the first piece and the first entry behind the snapshot, again and again.</summary>
internal sealed class InstallCrashStory(StoryParts parts)
{
    public static ClusterSwarmOptions Draw(Dice dice) => new()
    {
        Voters = 3, Clients = 3, Keys = 1 + dice.Next(3), Duration = TimeSpan.FromMilliseconds(600 + dice.Next(2_000)), SnapshotEntries = 3 + dice.Next(12),
        TrailingEntries = dice.Next(3), PieceBytes = 1_024 << dice.Next(5), SegmentBytes = 4_096, LatencyMicros = 200 + dice.Next(2_000), JitterMicros = dice.Next(1_000),
    };

    public async Task RunAsync()
    {
        var (world, promises, dice) = (parts.World, parts.Promises, parts.Dice);
        var sim = world.Sim;
        world.Start();
        for (var round = 0; round < 2 + dice.Next(3) && promises.Broken is null; round++)
        {
            if (!await parts.Ending.ConvergesAsync()) return;
            var until = sim.Now + parts.Options.Duration;
            bool Goes() => sim.Now < until && promises.Broken is null;
            var work = Enumerable.Range(0, parts.Options.Clients).Select(i => parts.Client((round * 10) + i).WorkAsync(Goes)).ToList();
            await PassAsync(200);
            var laggard = sim.Hosts[dice.Next(sim.Hosts.Count)];
            parts.Tell?.Invoke($"{sim.Now}: {laggard.Name} lags");
            sim.Isolate(laggard.Name);
            // Newer snapshots are made while an older one is on its way, or nothing happens any more.
            var goesOn = dice.Chance(500);
            if (!goesOn) foreach (var one in work) await one;
            else await PassAsync((int)parts.Options.Duration.TotalMilliseconds / 2);
            laggard.Disk.SetTiming(DiskTiming.Flash.Times(20 + dice.Next(180)));
            sim.HealAll();
            var crashesMax = goesOn ? dice.Next(2) : 1 + dice.Next(4);
            for (var crashes = 0; crashes < crashesMax && promises.Broken is null; crashes++)
            {
                await PassAsync(5 + dice.Next(600));
                parts.Tell?.Invoke($"{sim.Now}: {laggard.Name} dies");
                sim.Restart(laggard, dice.Chance(500) ? Crash.Power : Crash.Machine);
            }

            foreach (var one in work) await one;
            laggard.Disk.SetTiming(DiskTiming.Flash);
        }

        if (promises.Broken is null) await parts.Ending.ConcludeAsync(parts.Client(99));
    }

    private Task PassAsync(int ms) => Task.Delay(TimeSpan.FromMilliseconds(ms), parts.World.Time, CancellationToken.None);
}
