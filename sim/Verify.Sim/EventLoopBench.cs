using Verify.Node.Seam;
using Verify.Sim.Hosts;

namespace Verify.Sim;

/// <summary>What the event loop did in a measurement.</summary>
public sealed record EventLoopFigures(long Events, double SimulatedSeconds, double WallSeconds)
{
    public double EventsPerSecond => Events / WallSeconds;
    public double SimulatedPerWall => SimulatedSeconds / WallSeconds;
}

/// <summary>How fast the bare world is: hosts that tick every 10 ms, each tick a frame to every other host that is answered,
/// with a write and a sync to disk every 100 ms. An upper bound for anything that does more.</summary>
public static class EventLoopBench
{
    private const int Port = 7000;
    private const int FrameBytes = 120;
    private const int SyncEveryTicks = 10;

    /// <param name="wall">The real clock; the simulator has none.</param>
    public static EventLoopFigures Run(TimeProvider wall, int hosts = 6, int simulatedSeconds = 60, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(wall);
        return WorldThread.Run(() =>
        {
            using var world = SimWorld.FromSeed(seed);
            var names = Enumerable.Range(1, hosts).Select(i => $"h{i}").ToArray();
            foreach (var name in names) world.AddHost(name, $"dc{name}", host => TickAsync(host, names));
            world.Start();
            var began = wall.GetTimestamp();
            world.RunFor(TimeSpan.FromSeconds(simulatedSeconds));
            return new EventLoopFigures(world.Step, world.Now.TotalSeconds, wall.GetElapsedTime(began).TotalSeconds);
        });
    }

    private static async ValueTask TickAsync(SimHost host, string[] names)
    {
        var seam = host.Seam;
        _ = AnswerAllAsync(seam.Network.Listen(new Endpoint(host.Name, Port)));
        await Task.Delay(TimeSpan.FromMilliseconds(1), seam.Time);
        var streams = new List<Stream>();
        foreach (var name in names)
            if (!string.Equals(name, host.Name, StringComparison.Ordinal)) streams.Add(await seam.Network.ConnectAsync(new Endpoint(name, Port), CancellationToken.None));
        foreach (var stream in streams) _ = ReadAllAsync(stream, isAnswering: false);
        var frame = new byte[FrameBytes];
        var file = seam.Disk.Open("log", create: true);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10), seam.Time);
        for (var tick = 0L; await timer.WaitForNextTickAsync(); tick++)
        {
            foreach (var stream in streams) await stream.WriteAsync(frame);
            if (tick % SyncEveryTicks != 0) continue;
            await file.WriteAsync(frame, 0);
            await file.SyncAsync();
        }
    }

    private static async Task AnswerAllAsync(IListener listener)
    {
        while (await listener.AcceptAsync() is { } stream) _ = ReadAllAsync(stream, isAnswering: true);
    }

    private static async Task ReadAllAsync(Stream stream, bool isAnswering)
    {
        var buffer = new byte[4_096];
        while (await stream.ReadAsync(buffer) is > 0 and var read)
            if (isAnswering) await stream.WriteAsync(buffer.AsMemory(0, read));
    }
}
