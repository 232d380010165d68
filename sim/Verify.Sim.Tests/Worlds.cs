using Verify.Node.Seam;
using Verify.Sim.Hosts;

namespace Verify.Sim.Tests;

/// <summary>Small worlds for tests, with everything exact that a test does not ask to vary.</summary>
internal static class Worlds
{
    public static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>No jitter, no lateness, no split deliveries, no simultaneity: times in a test are numbers one can write down.</summary>
    public static SimOptions Exact { get; } = new()
    {
        SimultaneousWithin = TimeSpan.Zero,
        TimerLatenessMax = TimeSpan.Zero,
        SplitDeliveriesPerMille = 0,
        WithinDataCenter = new LinkShape(Ms(1), TimeSpan.Zero),
        BetweenDataCenters = new LinkShape(Ms(10), TimeSpan.Zero),
    };

    public static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    public static Endpoint At(string host, int port = 80) => new(host, port);

    /// <summary>Two clients' places a and b, in data centres of their own, both running.</summary>
    public static (SimHost A, SimHost B) Pair(SimWorld world)
    {
        var (a, b) = (world.AddHost("a", "east"), world.AddHost("b", "west"));
        world.Start();
        return (a, b);
    }

    /// <summary>An open connection from a to b: a's end and b's end.</summary>
    public static async Task<(Stream A, Stream B)> Connected(SimHost a, SimHost b, int port = 80)
    {
        var listener = b.Seam.Network.Listen(At(b.Name, port));
        var accepting = listener.AcceptAsync();
        var mine = await a.Seam.Network.ConnectAsync(At(b.Name, port), CancellationToken.None);
        var theirs = await accepting;
        return (mine, theirs!);
    }

    public static async Task<string> ReadText(Stream stream, int bytes)
    {
        var buffer = new byte[bytes];
        var read = await stream.ReadAtLeastAsync(buffer, bytes, throwOnEndOfStream: false);
        return System.Text.Encoding.ASCII.GetString(buffer, 0, read);
    }

    public static ValueTask WriteText(Stream stream, string text) => stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text));
}
