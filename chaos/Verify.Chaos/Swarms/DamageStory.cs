using Verify.Checks;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>A directed strategy for storage: one node lags behind while the other two acknowledge writes; something happens to the disk of
/// one of the two; the third stays away; and the damaged node and the laggard must go on without losing anything, or refuse to.</summary>
internal sealed class DamageStory(StoryParts parts)
{
    private enum Damage { PowerCut, FullDisk, FailingSync, Rot, LateSync }

    public static ClusterSwarmOptions Draw(Dice dice) => new()
    {
        Voters = 3, Clients = 3, Keys = 1 + dice.Next(3), Duration = TimeSpan.FromMilliseconds(300 + dice.Next(1_500)), LeaseReads = dice.Chance(300),
        SnapshotEntries = dice.Chance(600) ? 4 + dice.Next(30) : 8_192, TrailingEntries = dice.Next(8), PieceBytes = 64 + dice.Next(400),
        SegmentBytes = dice.Chance(500) ? 4_096 : 1 << 20, LatencyMicros = 200 + dice.Next(3_000), JitterMicros = dice.Next(3_000),
    };

    public async Task RunAsync()
    {
        var (world, options, dice, promises, ending, history) = (parts.World, parts.Options, parts.Dice, parts.Promises, parts.Ending, parts.History);
        world.Start();
        var sim = world.Sim;
        for (var round = 0; round < 1 + dice.Next(3) && promises.Broken is null; round++)
        {
            var hosts = sim.Hosts.OrderBy(_ => dice.Next(1_000)).ToArray();
            var (damaged, healthy, laggard) = (hosts[0], hosts[1], hosts[2]);
            if (!await ending.ConvergesAsync()) return;
            sim.Isolate(laggard.Name);
            var until = sim.Now + options.Duration;
            bool Goes() => sim.Now < until && promises.Broken is null;
            var work = Enumerable.Range(0, options.Clients).Select(i => new ClusterClient(world, options, (round * 10) + i, dice.Fork($"client {round} {i}"), history).WorkAsync(Goes)).ToList();
            var damage = (Damage)dice.Next(5);
            parts.Tell?.Invoke($"{sim.Now}: {laggard.Name} lags; {damaged.Name}: {damage}");
            await Task.Delay(options.Duration * 0.7, world.Time, CancellationToken.None);
            await StrikeAsync(damaged, damage, Goes);
            foreach (var host in new[] { damaged, healthy }) sim.Kill(host, Crash.Power);
            Mend(damaged);
            if (damage == Damage.Rot) Turn(damaged);
            // The laggard and the damaged one, without the third; a while later all three.
            sim.HealAll();
            sim.Start(damaged);
            parts.Tell?.Invoke($"{sim.Now}: {healthy.Name} stays away");
            await Task.Delay(TimeSpan.FromMilliseconds(500 + dice.Next(2_000)), world.Time, CancellationToken.None);
            foreach (var one in work) await one;
            sim.Start(healthy);
        }

        if (promises.Broken is null) await ending.ConcludeAsync(new ClusterClient(world, options, 99, dice.Fork("reader"), history));
    }

    private async Task StrikeAsync(SimHost host, Damage damage, Func<bool> goes)
    {
        var dice = parts.Dice;
        switch (damage)
        {
            case Damage.FullDisk:
                host.Disk.SetCapacity(host.Disk.UsedBytes + dice.Next(300));
                break;
            case Damage.FailingSync:
                parts.Promises.Excuse(host.Name);
                host.Disk.FailNextSyncs(1);
                break;
            case Damage.LateSync:
                host.Disk.SetTiming(DiskTiming.Flash.Times(20 + dice.Next(200)));
                break;
            default:
                break;
        }

        while (goes()) await Task.Delay(TimeSpan.FromMilliseconds(1 + dice.Next(20)), parts.World.Time, CancellationToken.None);
    }

    private static void Mend(SimHost host)
    {
        host.Disk.Empty();
        host.Disk.SetTiming(DiskTiming.Flash);
        host.Disk.FailNextSyncs(0);
    }

    private void Turn(SimHost host) => parts.Nemesis.RotAt(host);
}
