using Verify.Sim;

namespace Verify.Chaos.Drawn;

/// <summary>Draws the simulated world: delays of links, disks and timers, and how often connections get lost.</summary>
internal static class DrawnWorld
{
    public static SimOptions Draw(Knobs knobs)
    {
        var minMicros = knobs.From("one-way delay, least (us)", 200, 20_000);
        var jitterMicros = knobs.From("one-way delay, jitter (us)", 0, 20_000);
        var slowDisk = knobs.OneOf("disk slower than flash by", 1, 1, 1, 4, 10);
        return new SimOptions
        {
            BetweenDataCenters = new(TimeSpan.FromMicroseconds(minMicros), TimeSpan.FromMicroseconds(jitterMicros)),
            TimerLatenessMax = TimeSpan.FromMicroseconds(knobs.From("timers late by up to (us)", 0, 3_000)),
            SplitDeliveriesPerMille = knobs.From("split deliveries (per mille)", 0, 100),
            LostConnectionsPerMillion = knobs.Switch("lost connections", 300) ? knobs.From("lost per million segments", 5, 400) : 0,
            InFlightBytesMax = 1 << knobs.From("bytes in flight, 2 to the", 13, 20),
            CrashKeepsSomeWrites = knobs.Switch("crashes keep some writes", 800),
            Disk = DiskTiming.Flash.Times(slowDisk),
        };
    }
}
