using System.Diagnostics;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>Throttle checks that rest on what real replicas say (of themselves, or to a query of the operator's), asked at every node, also while a real
/// failover is under way and while the leader is alone.</summary>
[Category("Live")]
public sealed class LiveThrottleTests
{
    private const string Check = ThrottledFleet.Check, IfExists = "/check-if-exists/live/mysql/main", NowhereIfExists = "/check-if-exists/live/mysql/nowhere";

    /// <summary>freno's words for a lag above the threshold. A replica whose threads are just being restarted is refused for another reason.</summary>
    private const string Lags = "Threshold exceeded";
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(60), Limit = ThrottledFleet.Limit, SampleAgeMax = TimeSpan.FromSeconds(1);

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task A_replica_that_applies_late_or_not_at_all_throttles_at_every_node_until_it_has_caught_up(Flavor flavor)
    {
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions { Flavor = flavor });
        var world = fleet.World;
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole");
        Assert.That(await world.SessionsOfNodesAsync("db3"), Is.LessThanOrEqualTo(world.Nodes.Count), "samples come over the prober's session");

        await world.StopSqlThreadAsync("db2");
        var said = await fleet.UntilAsync(429, Limit, "a replica that applies nothing");
        Assert.That(said, Does.Contain("db2"), "and which one it is");
        await world.StartSqlThreadAsync("db2");
        await fleet.UntilAsync(200, Limit, "it applies again");

        await world.DelayApplierAsync("db3", TimeSpan.FromSeconds(5));
        using (var writing = new CancellationTokenSource())
        {
            var writer = WriteAsync(world, writing.Token);
            await fleet.UntilAsync(429, Limit, "a replica that applies five seconds late", because: Lags);
            await world.DelayApplierAsync("db3", TimeSpan.Zero);
            await fleet.UntilAsync(200, Limit, "it has caught up, under writes");
            await writing.CancelAsync();
            Assert.That(await writer, Is.GreaterThan(10), "rows were written meanwhile");
        }
    }

    /// <summary>What freno's users write as MetricQuery: the age of a heartbeat that the primary writes, and a variable of the server.</summary>
    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task A_query_of_the_operators_says_how_late_a_replica_is(Flavor flavor)
    {
        var stores = new
        {
            MySQL = new
            {
                ThrottleThreshold = 2, MetricQuery = "select timestampdiff(microsecond, ts, utc_timestamp(6)) / 1000000\n from app.heartbeat;",
                Clusters = new
                {
                    main = new { IgnoreHostsCount = 0 },
                    room = (object)new { ThrottleThreshold = 1e6, MetricQuery = "show global variables like 'max_connections'", StaticHostsSettings = new { Hosts = new[] { "db2", "db3" } } },
                },
            },
        };
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions { Flavor = flavor, Stores = stores });
        var world = fleet.World;
        await fleet.UntilAsync(429, WholeLimit, "no heartbeat yet", because: "the metric query was refused: ");
        using (var beating = new CancellationTokenSource())
        {
            var heart = BeatAsync(world, beating.Token);
            await fleet.UntilAsync(200, WholeLimit, "a heart that beats");
            await world.DelayApplierAsync("db2", TimeSpan.FromSeconds(5));
            await fleet.UntilAsync(429, Limit, "a heartbeat that reaches one replica five seconds late", because: $"{Lags}: db2:3306 is at ");
            await world.DelayApplierAsync("db2", TimeSpan.Zero);
            await fleet.UntilAsync(200, Limit, "it has caught up");
            await beating.CancelAsync();
            await heart;
        }

        await fleet.UntilAsync(429, Limit, "a heart that stands still", because: Lags);
        await world.RunAsync("db3", SqlText.Of($"SET GLOBAL max_connections = 321"));
        await fleet.UntilAsync(200, Limit, "the largest of two variables", because: "\"Value\":321,", path: "/check-read/live/mysql/room/321");
        await world.RunAsync("db3", SqlText.Of($"SET GLOBAL max_connections = 322"));
        await fleet.UntilAsync(429, Limit, "one more than is allowed", because: "db3:3306 is at 322", path: "/check-read/live/mysql/room/321");
        Assert.That(await world.SessionsOfNodesAsync("db3"), Is.LessThanOrEqualTo(world.Nodes.Count), "queries go over the prober's session");
    }

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task While_a_failover_is_under_way_every_node_says_429_with_its_reason(Flavor flavor)
    {
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions { Flavor = flavor });
        var world = fleet.World;
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole");

        await world.KillAsync("db1");
        var told = new SortedSet<string>(StringComparer.Ordinal);
        var start = Stopwatch.GetTimestamp();
        var isOver = false;
        while (!isOver && Stopwatch.GetElapsedTime(start) < WholeLimit)
        {
            var answers = await Task.WhenAll(world.Http.SelectMany(n => new[] { Check, IfExists }.Select(async path => (n.Key, Said: await fleet.AskAsync(n.Value, path)))));
            foreach (var (node, said) in answers)
            {
                if (said.Body.Contains(" of main is open (", StringComparison.Ordinal) && said.Status == 429) told.Add(node);
                if (told.Count > 0) Assert.That(said.Status, Is.Not.EqualTo(200), $"{node} lets writers go on after a recovery was seen open, with db1 dead: {said.Body}");
            }

            // The dead server is a replica now, which is another reason to wait.
            isOver = told.Count == world.Nodes.Count && answers.All(a => a.Said.Status == 429 && a.Said.Body.Contains("db1:3306: it does not answer", StringComparison.Ordinal));
        }

        Assert.That((told.Count, isOver), Is.EqualTo((world.Nodes.Count, true)), $"told of the recovery by {string.Join(", ", told)}");
        Assert.That((await world.ObserveAsync()).Primary, Is.Not.EqualTo("db1"));
        await world.StartAgainAsync("db1");
        await fleet.UntilAsync(200, WholeLimit, "it follows the new primary");
    }

    /// <summary>The others are stopped (SIGSTOP), so that their sockets stay open and nobody hangs up on the leader.</summary>
    [Test]
    public async Task A_leader_that_has_lost_its_majority_lets_no_writer_go_on_longer_than_a_sample_may_be_old()
    {
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions());
        var world = fleet.World;
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole");
        await fleet.UntilAsync(200, Limit, "no such store, asked for if it exists", path: NowhereIfExists);

        var leader = await fleet.LeaderAsync();
        foreach (var other in world.Nodes.Keys.Where(n => n != leader)) await world.PauseAsync(other);
        var (start, asked, lastOk) = (Stopwatch.GetTimestamp(), 0, TimeSpan.Zero);
        while (Stopwatch.GetElapsedTime(start) is var at && at < TimeSpan.FromSeconds(6))
        {
            var answers = await Task.WhenAll(new[] { Check, IfExists, NowhereIfExists }.Select(path => fleet.AskAsync(world.Http[leader], path)));
            asked++;
            if (answers.Any(a => a.Status == 200)) lastOk = at;
        }

        TestContext.Progress.WriteLine($"{asked} times asked; the last 200 to a question {lastOk.TotalMilliseconds:0} ms after the others had stopped");
        Assert.That(lastOk, Is.LessThan(SampleAgeMax));
        Assert.That(asked, Is.GreaterThan(5));
        foreach (var other in world.Nodes.Keys.Where(n => n != leader)) await world.ResumeAsync(other);
        await fleet.UntilAsync(200, WholeLimit, "a majority again");
    }

    /// <summary>As pt-heartbeat does it, ten times a second.</summary>
    private static async Task BeatAsync(LiveWorld world, CancellationToken stop)
    {
        await world.RunAsync("db1", SqlText.Of($"CREATE TABLE IF NOT EXISTS app.heartbeat (id INT NOT NULL PRIMARY KEY, ts DATETIME(6) NOT NULL)"));
        while (!stop.IsCancellationRequested)
        {
            await world.RunAsync("db1", SqlText.Of($"REPLACE INTO app.heartbeat (id, ts) VALUES (1, UTC_TIMESTAMP(6))"));
            await Task.Delay(100, CancellationToken.None);
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
}
