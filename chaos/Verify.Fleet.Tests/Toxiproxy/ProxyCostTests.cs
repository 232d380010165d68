using System.Diagnostics;
using Verify.Fleet.Toxiproxy;

namespace Verify.Fleet.Tests.Toxiproxy;

/// <summary>What a proxy costs. The figures go to the test's output; the bounds only catch a proxy that is slower by an order of
/// magnitude than it should be, on a machine that is busy with other things.</summary>
[NonParallelizable]
public sealed class ProxyCostTests
{
    private const int WarmUp = 1000;
    private const int RoundTrips = 4000;
    private const int Blocks = 200;

    [Test]
    public async Task A_proxy_adds_microseconds_not_milliseconds_and_carries_more_than_the_fleet_will_ever_ask_for()
    {
        await using var echo = new EchoServer();
        await using var server = ToxiproxyServer.Start();
        using var client = new ToxiproxyClient(server.Url);
        var proxy = await client.AddAsync("p", "127.0.0.1:0", echo.Address);
        var direct = await MeasureAsync("direct", echo.Address);
        var through = await MeasureAsync("proxy", proxy.Listen);
        Assert.That(through.MedianUs - direct.MedianUs, Is.LessThan(2000));
        Assert.That(through.MegabytesPerSecond, Is.GreaterThan(5));
    }

    private static async Task<(double MedianUs, double MegabytesPerSecond)> MeasureAsync(string name, string address)
    {
        using var one = await EchoClient.ConnectAsync(address);
        var word = new byte[100];
        var times = new List<double>();
        for (var i = 0; i < WarmUp + RoundTrips; i++)
        {
            var begin = Stopwatch.GetTimestamp();
            await one.EchoAsync(word);
            if (i >= WarmUp) times.Add(Stopwatch.GetElapsedTime(begin).TotalMicroseconds);
        }

        times.Sort();
        var bytes = new byte[256 * 1024];
        var watch = Stopwatch.StartNew();
        var receiving = ReceiveAsync(one, bytes.Length);
        for (var i = 0; i < Blocks; i++) await one.SendAsync(bytes);
        await receiving;
        var rate = Blocks * bytes.Length / 1e6 / watch.Elapsed.TotalSeconds;
        TestContext.Out.WriteLine($"{name}: round trip p50 {times[times.Count / 2]:0} us, p99 {times[times.Count * 99 / 100]:0} us; {rate:0} MB/s each way");
        return (times[times.Count / 2], rate);
    }

    private static async Task ReceiveAsync(EchoClient client, int length)
    {
        for (var i = 0; i < Blocks; i++) await client.ReceiveAsync(length);
    }
}
