using System.Text.Json;
using Verify.Chaos.Live;
using Verify.Chaos.Live.Groups;
using Verify.Client;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>Real processes with small logs and snapshots in small pieces: a follower that was away for too long, and a member that goes.</summary>
[Category("Live")]
[NonParallelizable]
public sealed class FarBehindTests
{
    private const int Keys = 150, ValueBytes = 8_000;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    [Test]
    public async Task A_follower_that_is_far_behind_gets_a_snapshot_by_itself_also_after_it_was_killed_in_the_middle_of_it_and_a_member_leaves_and_is_told()
    {
        using var limit = new CancellationTokenSource(Limit);
        await using var group = LiveGroup.Begin(TestContext.Progress.WriteLine);
        var places = Enumerable.Range(0, 3).Select(_ => group.Place()).ToList();
        await Task.WhenAll(places.Select(place => group.StartAsync(place, Small(LiveGroup.Founder(place, places)))));
        var leader = await group.WholeAsync(limit.Token);
        var away = group.Nodes.First(n => n != leader);
        await away.KillAsync();
        using (var client = group.Client())
            for (var i = 0; i < Keys; i++) await client.Kv.PutAsync($"k{i:000}", Value(i), cancel: limit.Token);

        // Killed again and again while the pieces come: whatever has arrived is used or thrown away, and never believed.
        for (var kill = 0; kill < 3; kill++)
        {
            await LiveGroup.StartAsync(away);
            await Task.Delay(TimeSpan.FromMilliseconds(400 + (300 * kill)), limit.Token);
            await away.KillAsync();
        }

        await LiveGroup.StartAsync(away);
        await group.WholeAsync(limit.Token);
        using var alone = group.Client([away]);
        await LiveGroup.UntilAsync("the follower has the last key", async () => (await alone.Kv.GetAsync($"k{Keys - 1:000}", Freshness.Stale, limit.Token)).Pair is not null, group.Nodes, limit.Token);
        for (var i = 0; i < Keys; i++) Assert.That((await alone.Kv.GetAsync($"k{i:000}", Freshness.Stale, limit.Token)).Pair?.Value, Is.EqualTo(Value(i)));
        Assert.That(await File.ReadAllTextAsync(away.LogFile, limit.Token), Does.Contain("has taken the place of log and state"), "its log was too short for the entries");

        await AskedByVerifyCtlAsync(group, limit.Token);
        await OneLeavesAsync(group, limit.Token);
    }

    private static async Task AskedByVerifyCtlAsync(LiveGroup group, CancellationToken cancel)
    {
        var leader = (await group.WholeAsync(cancel)).Name;
        using var said = JsonDocument.Parse(await Ctl.RunAsync(group, "cluster", "leader", "--json"));
        var id = said.RootElement.GetProperty("leader_id").GetString()!;
        Assert.That(await Ctl.RunAsync(group, "cluster", "leader"), Does.Contain(id), leader);
        using var stats = JsonDocument.Parse(await Ctl.RunAsync(group, "cluster", "stats", "--json"));
        Assert.That(stats.RootElement.GetProperty("last_snapshot_index").GetInt64(), Is.GreaterThan(Keys / 2));
        using var config = JsonDocument.Parse(await Ctl.RunAsync(group, "cluster", "config", "--json"));
        Assert.That(config.RootElement.GetProperty("autopilot").GetProperty("dead_server_seconds").GetDouble(), Is.Zero, "off by default");
        Assert.That(await Ctl.RunAsync(group, "cluster", "stats"), Does.Contain("last_snapshot_index"));
        Assert.That(await Ctl.RunAsync(group, "cluster", "config"), Does.Contain("autopilot"));
    }

    private static async Task OneLeavesAsync(LiveGroup group, CancellationToken cancel)
    {
        var leader = await group.WholeAsync(cancel);
        var goes = group.Nodes.First(n => n != leader);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var answer = await http.DeleteAsync(new Uri(group.Nodes.First(n => n != leader && n != goes).Http, $"cluster/leave/{Uri.EscapeDataString(await IdOfAsync(goes))}"), cancel);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), await answer.Content.ReadAsStringAsync(cancel));
        await goes.Exited.WaitAsync(cancel);
        Assert.That(await File.ReadAllTextAsync(goes.LogFile, cancel), Does.Contain("stops for good"), "it was told");

        // One of the two that are left goes too, by command: the last has all of it.
        var rest = group.Nodes.Where(n => n != goes).ToList();
        var second = rest.First(n => n != leader);
        await Ctl.RunAsync(group, "cluster", "leave", await IdOfAsync(second));
        await second.Exited.WaitAsync(cancel);
        using var client = group.Client([leader]);
        Assert.That((await client.Kv.GetAsync("k000", cancel: cancel)).Pair?.Value, Is.EqualTo(Value(0)));

        async Task<string> IdOfAsync(LiveNode node) => (await group.AskAsync(node, "cluster/status", cancel))!.Value.GetProperty("node_id").GetString()!;
    }

    private static SortedDictionary<string, object> Small(SortedDictionary<string, object> settings)
    {
        settings["SnapshotThreshold"] = 40;
        settings["RaftTrailingLogs"] = 5;
        settings["SnapshotChunkBytes"] = 4_096;
        return settings;
    }

    private static string Value(int i) => new((char)('a' + (i % 26)), ValueBytes);
}
