using System.Globalization;
using System.Text.Json;
using Verify.Chaos.Live;
using Verify.Chaos.Live.Groups;
using Verify.Client;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>The life of a group of real processes: one node with data becomes three, loses members, gets others, and takes in what an old
/// node has. One story in order, because each chapter needs the one before.</summary>
[Category("Live")]
[NonParallelizable]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class GroupLifeTests
{
    private const int Keys = 60;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly SortedDictionary<string, GroupPlace> _places = new(StringComparer.Ordinal);
    private LiveGroup _group = null!;
    private CancellationTokenSource _limit = null!;

    [OneTimeSetUp]
    public async Task BeginAsync()
    {
        _group = LiveGroup.Begin(TestContext.Progress.WriteLine);
        var first = NewPlace();
        await _group.StartAsync(first, Named(LiveGroup.Alone(first), first));
        await _group.WholeAsync(CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _group.DisposeAsync();

    [SetUp]
    public void LimitTime() => _limit = new(Limit);

    [TearDown]
    public void ForgetLimit() => _limit.Dispose();

    [Test]
    public async Task A_single_node_with_data_becomes_three_in_place_one_by_its_token_and_one_by_command()
    {
        using var client = _group.Client();
        for (var i = 0; i < Keys; i++) await client.Kv.PutAsync(Key(i), $"value {i}");

        // The second asks by itself, with a token; the third waits until somebody lets it in.
        var token = (await Ctl.RunAsync(_group, "cluster", "token", "--valid-for", "5m")).Trim();
        var second = NewPlace();
        var settings = Named(LiveGroup.Alone(second), second);
        settings["RaftJoin"] = new[] { _places["n1"].Peer };
        settings["RaftJoinToken"] = token;
        await _group.StartAsync(second, settings);
        await VotersAsync("n1", "n2");
        var third = NewPlace();
        settings = Named(LiveGroup.Alone(third), third);
        settings["RaftBootstrap"] = false;
        await _group.StartAsync(third, settings);
        await Ctl.RunAsync(_group, "cluster", "join", "n3", third.Peer, "--wait");
        await VotersAsync("n1", "n2", "n3");

        // A token lets one node in, once.
        var fourth = NewPlace();
        settings = Named(LiveGroup.Alone(fourth), fourth);
        settings["RaftJoin"] = new[] { _places["n1"].Peer };
        settings["RaftJoinToken"] = token;
        settings["RaftJoinGiveUpSeconds"] = 2;
        var refused = await _group.StartAsync(fourth, settings);
        Assert.That(await refused.Exited.WaitAsync(_limit.Token), Is.Not.Zero);
        Assert.That(await File.ReadAllTextAsync(refused.LogFile), Does.Contain("was not let into the group").And.Contain("token").And.Not.Contain(token.Split('.')[1]));
        await VotersAsync("n1", "n2", "n3");
    }

    [Test]
    [DependsOnTest(nameof(A_single_node_with_data_becomes_three_in_place_one_by_its_token_and_one_by_command))]
    public async Task The_leader_is_killed_and_nothing_is_lost()
    {
        using var client = _group.Client(Running("n1", "n2", "n3"));
        var leader = await _group.WholeAsync(Running("n1", "n2", "n3"), _limit.Token);
        await leader.KillAsync();
        await client.Kv.PutAsync("after-the-kill", "1", cancel: _limit.Token);
        await EverythingIsThereAsync(client);
        await LiveGroup.StartAsync(leader);
        await _group.WholeAsync(Running("n1", "n2", "n3"), _limit.Token);
    }

    [Test]
    [DependsOnTest(nameof(The_leader_is_killed_and_nothing_is_lost))]
    public async Task All_are_killed_at_once_and_nobody_has_forgotten_who_is_in_the_group()
    {
        var all = Running("n1", "n2", "n3");
        await Task.WhenAll(all.Select(n => n.KillAsync()));

        // The files of the first still say that it is alone: the log knows better.
        await Task.WhenAll(all.Select(LiveGroup.StartAsync));
        await _group.WholeAsync(all, _limit.Token);
        await VotersAsync("n1", "n2", "n3");
        using var client = _group.Client(all);
        await EverythingIsThereAsync(client);
    }

    [Test]
    [DependsOnTest(nameof(All_are_killed_at_once_and_nobody_has_forgotten_who_is_in_the_group))]
    public async Task A_node_is_replaced_by_one_command_and_the_old_one_is_told_and_stops()
    {
        var old = Running("n2").Single();
        var place = NewPlace();
        var settings = Named(LiveGroup.Alone(place), place);
        settings["RaftBootstrap"] = false;
        await _group.StartAsync(place, settings);
        var said = await Ctl.RunAsync(_group, "cluster", "replace", "n2", place.Name, place.Peer);
        Assert.That(said, Does.Contain($"{place.Name} votes in the place of n2"));
        await old.Exited.WaitAsync(_limit.Token);
        Assert.That(await File.ReadAllTextAsync(old.LogFile), Does.Contain("stops for good"));
        await VotersAsync("n1", "n3", place.Name);
        using var client = _group.Client(Running("n1", "n3", place.Name));
        await EverythingIsThereAsync(client);

        // It has the data itself, and not only the way to it.
        using var alone = _group.Client(Running(place.Name));
        Assert.That((await alone.Kv.GetAsync(Key(1), Freshness.Stale, _limit.Token)).Pair?.Value, Is.EqualTo("value 1"));
    }

    [Test]
    [DependsOnTest(nameof(A_node_is_replaced_by_one_command_and_the_old_one_is_told_and_stops))]
    public async Task What_an_old_single_node_has_is_exported_and_imported_into_the_group()
    {
        await using var old = LiveGroup.Begin(TestContext.Progress.WriteLine);
        var place = old.Place();
        await old.StartAsync(place, LiveGroup.Alone(place));
        await old.WholeAsync(_limit.Token);
        using (var client = old.Client())
        {
            for (var i = 0; i < Keys; i++) await client.Kv.PutAsync($"old/{i}", $"old {i}", flags: (ulong)i, cancel: _limit.Token);
            await client.Kv.PutAsync(Key(0), "must not win", cancel: _limit.Token);
        }

        var file = Path.Combine(_group.Run.Directory, "export.ndjson");
        await Ctl.RunAsync(old, "cluster", "export", "--out", file);
        using var answer = JsonDocument.Parse(await Ctl.RunAsync(_group, "cluster", "import", file, "--json"));
        Assert.That((answer.RootElement.GetProperty("imported").GetInt64(), answer.RootElement.GetProperty("skipped").GetInt64()), Is.EqualTo(((long)Keys, 1L)));
        using var group = _group.Client();
        await EverythingIsThereAsync(group);
        for (var i = 0; i < Keys; i++)
        {
            var pair = (await group.Kv.GetAsync($"old/{i}", cancel: _limit.Token)).Pair!;
            Assert.That((pair.Value, pair.Flags), Is.EqualTo(($"old {i}", (ulong)i)));
        }

        // A file that was changed is refused as a whole.
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("old/1\"", "old/x\"", StringComparison.Ordinal));
        Assert.That((await Ctl.TryAsync(_group, "cluster", "import", file)).Code, Is.EqualTo(1));
        Assert.That((await group.Kv.GetAsync("old/x", cancel: _limit.Token)).Pair, Is.Null);
    }

    [Test]
    [DependsOnTest(nameof(What_an_old_single_node_has_is_exported_and_imported_into_the_group))]
    public async Task Leadership_is_handed_over_by_command_and_the_health_of_all_is_good()
    {
        var wanted = (await _group.WholeAsync(Running("n1", "n3"), _limit.Token)).Name == "n3" ? "n1" : "n3";
        Assert.That(await Ctl.RunAsync(_group, "cluster", "transfer", "--to", wanted), Does.Contain($"{wanted} leads now"));
        string health = "";
        await LiveGroup.UntilAsync("the group is healthy", async () =>
        {
            var run = await Ctl.TryAsync(_group, "cluster", "health");
            health = run.Output;
            return run.Code == 0;
        }, _group.Nodes, _limit.Token);
        Assert.That(health, Does.Contain("healthy; 1 more voter(s) may fail"));
        Assert.That(await Ctl.RunAsync(_group, "cluster", "snapshot", "--all"), Does.Match("n1 .*[1-9]"));
    }

    private static string Key(int i) => string.Create(CultureInfo.InvariantCulture, $"grown/{i:000}");

    private static SortedDictionary<string, object> Named(SortedDictionary<string, object> settings, GroupPlace place)
    {
        settings["RaftNodeId"] = place.Name;
        settings["AutopilotStableMilliseconds"] = 300;
        return settings;
    }

    private GroupPlace NewPlace()
    {
        var place = _group.Place();
        _places[place.Name] = place;
        return place;
    }

    private List<LiveNode> Running(params string[] names) => [.. _group.Nodes.Where(n => names.Contains(n.Name, StringComparer.Ordinal))];

    private async Task EverythingIsThereAsync(VerifyClient client)
    {
        for (var i = 0; i < Keys; i++) Assert.That((await client.Kv.GetAsync(Key(i), cancel: _limit.Token)).Pair?.Value, Is.EqualTo($"value {i}"), Key(i));
    }

    /// <summary>Every node of the group has the same voters, and no others.</summary>
    private async Task VotersAsync(params string[] names)
    {
        var wanted = string.Join(' ', names.Order(StringComparer.Ordinal));
        var members = Running(names);
        await LiveGroup.UntilAsync($"each knows the voters {wanted}", async () =>
        {
            foreach (var node in members)
            {
                if (await _group.AskAsync(node, "cluster/peers", _limit.Token) is not { } answer) return false;
                var voters = answer.GetProperty("peers").EnumerateArray().Where(p => p.GetProperty("state").GetString() == "Voter").Select(p => p.GetProperty("id").GetString()!);
                if (string.Join(' ', voters.Order(StringComparer.Ordinal)) != wanted || answer.GetProperty("peers").GetArrayLength() != names.Length) return false;
            }

            return true;
        }, members, _limit.Token);
    }
}
