using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Fleet.Tests.Servers;

/// <summary>Real servers of both flavours: how they start, end, freeze and come back.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
[Category("Live")]
public sealed class RealServerTests(Flavor flavor)
{
    [Test]
    public async Task Three_servers_start_in_seconds_on_addresses_of_their_own()
    {
        var program = await LiveMachine.ServerAsync(flavor);
        await using var run = LiveMachine.Begin();
        await using var host = new ServerHost(run, program);
        for (var dc = 0; dc < 3; dc++) host.Add($"db{dc + 1}", dc);
        var begin = TimeProvider.System.GetTimestamp();
        await host.StartAllAsync(LiveMachine.StartDeadline);
        TestContext.Out.WriteLine($"{program.Version}: three together {TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds:0} ms");
        foreach (var server in host.Servers)
        {
            TestContext.Out.WriteLine($"{server.Name} on {server.Endpoint}: {server.LastStart.TotalMilliseconds:0} ms");
            Assert.That(server.IsRunning);
        }

        var one = host.Servers[0];
        await one.KillAsync();
        Assert.That(one.IsRunning, Is.False);
        await one.StartAsync(LiveMachine.StartDeadline);
        TestContext.Out.WriteLine($"after kill -9: {one.LastStart.TotalMilliseconds:0} ms");
        Assert.That(await one.StopAsync(TimeSpan.FromSeconds(30)), Is.True, "an orderly shutdown on SIGTERM");
    }
}
