using Verify.Chaos.Worlds;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Faults of disks, and those of processes and clocks that are many small deeds.</summary>
public sealed partial class Nemesis
{
    /// <summary>How long a fault of many deeds goes on that nobody ends before everything is healed.</summary>
    private static readonly TimeSpan WithoutEnd = TimeSpan.FromSeconds(5);

    private static TimeSpan EndOf(Step step) => step.Until ?? step.At + WithoutEnd;

    private async ValueTask<Wound> HurtDisksAsync(Step step, string name) => step.Fault switch
    {
        Fault.SlowDisk(var target, var factor) => await EachAsync(step, name, await NodesAsync(target), n => world.SlowDiskAsync(n, factor), n => world.SlowDiskAsync(n, 1)),
        Fault.FailWrites(var target) => await DiskAsync(step, name, target, DiskHurt.FailedWrite),
        Fault.FailSyncs(var target) => await DiskAsync(step, name, target, DiskHurt.FailedSync),
        Fault.Misdirect(var target) => await DiskAsync(step, name, target, DiskHurt.MisdirectedWrite),
        Fault.BitRot(var target) => await DiskAsync(step, name, target, DiskHurt.Rot),
        Fault.TornSector(var target) => await DiskAsync(step, name, target, DiskHurt.TornSector),
        Fault.LostDisk(var target) => await EachAsync(step, name, await NodesAsync(target), world.LoseDiskAsync, world.ComeBackEmptyAsync),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Damage at rest is done to a node that is down; a node whose writes fail or go astray runs on until it notices. In the end each is
    /// started anew, so that it has to read what its disk holds.</summary>
    private async ValueTask<Wound> DiskAsync(Step step, string name, Target target, DiskHurt hurt)
    {
        var members = await NodesAsync(target);
        var before = 0L;
        foreach (var member in members) before += await world.DiskHurtsAsync(member, hurt);
        foreach (var member in members)
        {
            if (hurt is DiskHurt.Rot or DiskHurt.TornSector) await world.KillAsync(member);
            await world.HurtDiskAsync(member, hurt);
        }

        Begun(step, name, string.Join(",", members));
        return new(step, name, string.Join(",", members), async () =>
        {
            var after = 0L;
            foreach (var member in members)
            {
                after += await world.DiskHurtsAsync(member, hurt);
                await world.MendDiskAsync(member);
                if (hurt == DiskHurt.MisdirectedWrite) await world.KillAsync(member);
                await world.StartAgainAsync(member);
            }

            return Proven(step, name, after - before);
        });
    }

    private async ValueTask<Wound> HurtOverTimeAsync(Step step, string name) => step.Fault switch
    {
        Fault.ClockStep(var target, var by) => await EachAsync(step, name, await NodesAsync(target), n => world.StepClockAsync(n, by), n => world.StepClockAsync(n, -by)),
        Fault.ClockStrobe(var target, var by, var every) => await StrobeAsync(step, name, target, by, every),
        Fault.RestartStorm(var target, var every) => await StormAsync(step, name, target, every),
        Fault.RollingRestart(var down, var every) => Roll(step, name, down, every),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private async ValueTask<Wound> StrobeAsync(Step step, string name, Target target, TimeSpan by, TimeSpan every)
    {
        var members = await NodesAsync(target);
        var (jumps, isAway) = (0L, false);
        async ValueTask JumpAsync()
        {
            isAway = !isAway;
            jumps++;
            foreach (var member in members) await world.StepClockAsync(member, isAway ? by : -by);
        }

        await JumpAsync();
        Begun(step, name, string.Join(",", members));
        for (var at = step.At + every; at < EndOf(step); at += every) Due(at, Begins, JumpAsync);
        return new(step, name, string.Join(",", members), async () =>
        {
            if (isAway) await JumpAsync();
            return jumps;
        });
    }

    private async ValueTask<Wound> StormAsync(Step step, string name, Target target, TimeSpan every)
    {
        var members = await NodesAsync(target);
        var (kills, isOver) = (0L, false);
        async ValueTask RestartAsync()
        {
            if (isOver) return;
            foreach (var member in members)
            {
                await world.KillAsync(member);
                await world.StartAgainAsync(member);
                kills++;
            }
        }

        Begun(step, name, string.Join(",", members));
        await RestartAsync();
        for (var at = step.At + every; at < EndOf(step); at += every) Due(at, Begins, RestartAsync);
        return new(step, name, string.Join(",", members), () =>
        {
            isOver = true;
            return ValueTask.FromResult(kills);
        });
    }

    private Wound Roll(Step step, string name, TimeSpan down, TimeSpan every)
    {
        string? victim = null;
        var (restarts, isOver) = (0L, false);
        async ValueTask EndTurnAsync()
        {
            if (victim is null) return;
            await world.StartAgainAsync(victim);
            victim = null;
            restarts++;
        }

        Begun(step, name, string.Join(",", world.Nodes.Keys.Order(StringComparer.Ordinal)));
        var at = step.At;
        foreach (var node in world.Nodes.Keys.Order(StringComparer.Ordinal))
        {
            Due(at, Begins, async () =>
            {
                if (isOver) return;
                await world.KillAsync(victim = node);
            });
            Due(at + down, Ends, EndTurnAsync);
            at += every;
        }

        return new(step, name, "all nodes", async () =>
        {
            isOver = true;
            await EndTurnAsync();
            return restarts;
        });
    }
}
