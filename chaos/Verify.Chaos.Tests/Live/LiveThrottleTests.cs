using System.Diagnostics;
using Verify.Chaos.Commands;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>Throttle checks that rest on what real replicas say of themselves (SHOW REPLICA STATUS), asked at every node.</summary>
[Category("Live")]
public sealed class LiveThrottleTests
{
    private const string Check = "/check/live/mysql/main";

    /// <summary>freno's words for a lag above the threshold. A replica whose threads are just being restarted is refused for another reason.</summary>
    private const string Lags = "Threshold exceeded";
    private const string Fleet = """
        name: live-throttle
        story: Replicas stop and lag; clients ask whether they may write.
        fleet:
          nodes: { east: [n1], west: [n2], north: [n3] }
          mysql: { east: [db1], west: [db2], north: [db3] }
          primary: db1
        workload: { clients: 1, for: 1s, mix: { kvGet: 1 } }
        steps: []
        expect: [singleLeader]
        """;
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(60), Limit = TimeSpan.FromSeconds(20);

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task A_replica_that_applies_late_or_not_at_all_throttles_at_every_node_until_it_has_caught_up(Flavor flavor)
    {
        await RealServers.NeedAsync(flavor);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        await using var world = await LiveWorld.BuildAsync(ScenarioFiles.Parse(Fleet, "live throttle"), new LiveOptions { Flavor = flavor }, TestContext.Progress.WriteLine, limit.Token);
        await world.StartAsync(limit.Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(3) };
        await UntilAsync(http, world, 200, WholeLimit, "a fleet that is whole");
        Assert.That(await world.SessionsOfNodesAsync("db3"), Is.LessThanOrEqualTo(world.Nodes.Count), "samples come over the prober's session");

        await world.StopSqlThreadAsync("db2");
        var said = await UntilAsync(http, world, 429, Limit, "a replica that applies nothing");
        Assert.That(said, Does.Contain("db2"), "and which one it is");
        await world.StartSqlThreadAsync("db2");
        await UntilAsync(http, world, 200, Limit, "it applies again");

        await world.DelayApplierAsync("db3", TimeSpan.FromSeconds(5));
        using (var writing = new CancellationTokenSource())
        {
            var writer = WriteAsync(world, writing.Token);
            await UntilAsync(http, world, 429, Limit, "a replica that applies five seconds late", because: Lags);
            await world.DelayApplierAsync("db3", TimeSpan.Zero);
            await UntilAsync(http, world, 200, Limit, "it has caught up, under writes");
            await writing.CancelAsync();
            Assert.That(await writer, Is.GreaterThan(10), "rows were written meanwhile");
        }
    }

    private static async Task<int> WriteAsync(LiveWorld world, CancellationToken stop)
    {
        await using ISqlClient client = world.Sql(client: 1, "east");
        var written = 0;
        for (var row = 0; !stop.IsCancellationRequested; row++)
        {
            if ((await client.InsertAsync($"throttle-{row}")).Outcome == Checks.OpOutcome.Ok) written++;
            await Task.Delay(50, CancellationToken.None);
        }

        return written;
    }

    /// <returns>What the last node said.</returns>
    private static async Task<string> UntilAsync(HttpClient http, LiveWorld world, int status, TimeSpan limit, string what, string because = "")
    {
        var (start, last) = (Stopwatch.GetTimestamp(), "");
        while (Stopwatch.GetElapsedTime(start) < limit)
        {
            var answers = await Task.WhenAll(world.Http.Select(n => AskAsync(http, n.Value)));
            if (answers.All(a => a.Status == status && a.Body.Contains(because, StringComparison.Ordinal))) return answers[^1].Body;
            last = string.Join("; ", answers.Select(a => $"{a.Status} {a.Body}"));
            await Task.Delay(50);
        }

        throw new AssertionException($"{what}: not every node said {status} within {limit.TotalSeconds:0} s; last: {last}");
    }

    private static async Task<(int Status, string Body)> AskAsync(HttpClient http, Uri node)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(node, Check));
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return (0, e.Message);
        }
    }
}
