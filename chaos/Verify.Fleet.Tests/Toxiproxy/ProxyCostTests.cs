using System.Diagnostics;
using Verify.Fleet.Toxiproxy;

namespace Verify.Fleet.Tests.Toxiproxy;

/// <summary>What a proxy costs: added latency and throughput on loopback, measured on demand
/// (dotnet test --filter FullyQualifiedName~ProxyCostTests -- NUnit.Where=...).</summary>
[Explicit("a measurement")]
[NonParallelizable]
public sealed class ProxyCostTests
{
    [Test]
    public async Task Added_latency_and_throughput()
    {
        await using var echo = new EchoServer();
        await using var server = ToxiproxyServer.Start();
        using var client = new ToxiproxyClient(server.Url);
        var proxy = await client.AddAsync("p", "127.0.0.1:0", echo.Address);
        foreach (var (name, address) in new[] { ("direct", echo.Address), ("proxy", proxy.Listen), ("direct", echo.Address), ("proxy", proxy.Listen) })
        {
            using var one = await EchoClient.ConnectAsync(address);
            var word = new byte[100];
            var times = new List<double>();
            for (var i = 0; i < 12_000; i++)
            {
                var begin = Stopwatch.GetTimestamp();
                await one.EchoAsync(word);
                if (i >= 2000) times.Add(Stopwatch.GetElapsedTime(begin).TotalMicroseconds);
            }

            times.Sort();
            var bytes = new byte[256 * 1024];
            var watch = Stopwatch.StartNew();
            const int Rounds = 800;
            var receiving = Task.Run(async () => { for (var i = 0; i < Rounds; i++) await one.ReceiveAsync(bytes.Length); });
            for (var i = 0; i < Rounds; i++) await one.SendAsync(bytes);
            await receiving;
            var rate = Rounds * bytes.Length / 1e6 / watch.Elapsed.TotalSeconds;
            TestContext.Out.WriteLine($"{name}: round trip p50 {times[times.Count / 2]:0} us, p99 {times[times.Count * 99 / 100]:0} us; echo {rate:0} MB/s each way");
        }
    }
}
