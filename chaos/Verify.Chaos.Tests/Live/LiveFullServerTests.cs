using System.Diagnostics;
using System.Text.Json;
using Verify.Chaos.Live;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>A primary that has no connection left is told from a dead one: it turns questions down (1040), which is a sign of life.</summary>
[Category("Live")]
public sealed class LiveFullServerTests
{
    private const string Votes = "/api/replication-analysis-votes", Recoveries = "/api/audit-recovery";
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(60), SeenLimit = TimeSpan.FromSeconds(12), Step = TimeSpan.FromSeconds(4);

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task Two_nodes_that_start_while_the_primary_takes_no_connection_any_more_say_that_it_turns_them_down_and_nobody_replaces_it(Flavor flavor)
    {
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions { Flavor = flavor });
        var world = fleet.World;
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole");

        // More sessions than MariaDB's least limit of 10; then nobody gets another one, not even an administrator. The session that set the limit takes it away.
        var sleep = SqlText.Of($"DO SLEEP({(int)Step.TotalSeconds})");
        var crowd = Enumerable.Range(0, 10).Select(_ => world.RunAsync("db1", [.. Enumerable.Repeat(sleep, 6)])).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(1));
        var full = world.RunAsync("db1", [SqlText.Of($"SET GLOBAL max_connections = 1"), .. Enumerable.Repeat(sleep, 5), SqlText.Of($"SET GLOBAL max_connections = 151")]);
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.That(async () => await world.RunAsync("db1", sleep), Throws.InstanceOf<Exception>().With.Message.Contains("onnections"), "the primary is full");

        // Not n1, which guards the primary: the feeds of its dead-man switch are asked for over a session that stays.
        foreach (var node in new[] { "n2", "n3" })
        {
            await world.KillAsync(node);
            await world.StartAgainAsync(node);
        }

        var seen = await UntilAsync(fleet, SeenLimit, primary => primary.GetProperty("Condition").GetString() == "turns down");
        TestContext.Out.WriteLine(seen);
        Assert.That(seen.GetProperty("Votes").EnumerateArray().Select(v => v.GetProperty("Vote").GetString()), Is.All.EqualTo("up"), "a sign of life");
        Assert.That(seen.GetProperty("Votes").EnumerateArray().Count(v => v.GetProperty("Detail").GetString()!.Contains("1040", StringComparison.Ordinal)), Is.EqualTo(2), "and what n2 and n3 were told");
        await full;
        await Task.WhenAll(crowd);

        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole again");
        await UntilAsync(fleet, SeenLimit, primary => primary.GetProperty("Condition").GetString() == "answers");
        Assert.That((await AskLeaderAsync(fleet, Recoveries)).GetArrayLength(), Is.Zero, "nobody was replaced");
    }

    private static async Task<JsonElement> UntilAsync(ThrottledFleet fleet, TimeSpan limit, Func<JsonElement, bool> condition)
    {
        var last = default(JsonElement);
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < limit; await Task.Delay(100))
        {
            last = (await AskLeaderAsync(fleet, Votes)).EnumerateArray().FirstOrDefault(e => e.GetProperty("AnalyzedInstanceKey").GetProperty("Hostname").GetString() == "db1");
            if (last.ValueKind == JsonValueKind.Object && condition(last)) return last;
        }

        throw new AssertionException($"not within {limit.TotalSeconds:0} s; last: {last}");
    }

    private static async Task<JsonElement> AskLeaderAsync(ThrottledFleet fleet, string path)
    {
        var (status, body) = await fleet.AskAsync(fleet.World.Http[await fleet.LeaderAsync()], path);
        var answer = JsonSerializer.Deserialize<JsonElement>(status == 200 ? body : "[]");
        return answer.ValueKind == JsonValueKind.Object ? answer.GetProperty("Details") : answer;
    }
}
