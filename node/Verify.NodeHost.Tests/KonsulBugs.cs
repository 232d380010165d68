using System.Net;
using System.Text.Json;
using Verify.Node.Api;

namespace Verify.NodeHost.Tests;

/// <summary>The seven bugs that were found by reading Konsul (commit dd7ee9f2), each with a test that shows it absent on a real group of three. Here
/// those on keys, batches and indexes; those on services, checks and joining stand in KonsulBugs.Services.cs.</summary>
[NonParallelizable]
public sealed partial class KonsulBugs
{
    private HttpGroup _group = null!;

    [OneTimeSetUp]
    public async Task Start() => _group = await HttpGroup.StartAsync(3);

    [OneTimeTearDown]
    public async Task Stop() => await _group.DisposeAsync();

    /// <summary>1: a write on a follower was answered with 500 (its redirect was overwritten), a compare-and-set there with 503.</summary>
    [Test]
    public async Task Bug_1_a_write_on_a_follower_is_done_and_not_answered_with_500()
    {
        var (_, follower) = await _group.RolesAsync();
        var (status, body) = await SendAsync(follower, HttpMethod.Put, "/kv/bug1", new { value = "v" });
        Assert.That(status, Is.EqualTo(200));
        var index = body.GetProperty("modify_index").GetInt64();
        Assert.That((await SendAsync(follower, HttpMethod.Put, "/kv/bug1", new { value = "w", cas = index })).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(follower, HttpMethod.Put, "/kv/bug1", new { value = "x", cas = index })).Status, Is.EqualTo(409));
        Assert.That((await SendAsync(follower, HttpMethod.Delete, "/kv/bug1")).Status, Is.EqualTo(200));
    }

    /// <summary>2, for batches: what the state machine answered was looked at as another type, and a conflict counted as success.</summary>
    [Test]
    public async Task Bug_2_a_conflict_in_a_batch_is_told_and_nothing_of_it_is_done()
    {
        var (leader, follower) = await _group.RolesAsync();
        foreach (var node in new[] { leader, follower })
        {
            await SendAsync(node, HttpMethod.Post, "/batch/kv/delete", new { keys = new[] { "b2/a", "b2/b" } });
            var (_, set) = await SendAsync(node, HttpMethod.Post, "/batch/kv/set-cas", Cas(("b2/a", 0), ("b2/b", 0)));
            var index = set.GetProperty("new_indices").GetProperty("b2/a").GetInt64();
            Assert.That(set.GetProperty("count").GetInt32(), Is.EqualTo(2));
            var (status, refused) = await SendAsync(node, HttpMethod.Post, "/batch/kv/set-cas", Cas(("b2/a", index), ("b2/b", index + 1)));
            Assert.That((status, refused.GetProperty("error").GetString(), refused.GetProperty("operation").GetInt32()), Is.EqualTo((409, "CAS conflict", 1)));
            (status, refused) = await SendAsync(node, HttpMethod.Post, "/batch/kv/delete-cas", new { keys = new[] { "b2/a", "b2/b" }, expected_indices = Indices(("b2/a", index), ("b2/b", 1)) });
            Assert.That(status, Is.EqualTo(409));
            var (_, got) = await SendAsync(node, HttpMethod.Post, "/batch/kv/get", new { keys = new[] { "b2/a", "b2/b", "b2/c" } });
            Assert.That((got.GetProperty("found").GetRawText(), got.GetProperty("not_found").GetRawText()), Is.EqualTo(("""{"b2/a":"v","b2/b":"v"}""", """["b2/c"]""")));
        }
    }

    /// <summary>3: "not the leader" was compared with another package's error, and became 500.</summary>
    [Test]
    public async Task Bug_3_batches_on_a_follower_are_done_and_without_a_leader_are_answered_with_503_and_a_time()
    {
        var (_, follower) = await _group.RolesAsync();
        Assert.That((await SendAsync(follower, HttpMethod.Post, "/batch/kv/set", new { items = new { a = "1", b = "2" } })).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(follower, HttpMethod.Post, "/batch/kv/delete", new { keys = new[] { "a", "b" } })).Status, Is.EqualTo(200));
        await using var alone = new ScriptedHttp(new ApiReply.NoLeader(TimeSpan.FromMilliseconds(250)));
        foreach (var (path, body) in new (string, object)[] { ("/batch/kv/set", new { items = new { a = "1" } }), ("/batch/kv/delete", new { keys = new[] { "a" } }), ("/batch/kv/get", new { keys = new[] { "a" } }) })
        {
            using var response = await alone.PostAsync(path, body);
            Assert.That((response.StatusCode, response.Headers.RetryAfter?.ToString()), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "1")), path);
        }
    }

    /// <summary>4, for keys and sessions: each replica counted lifetimes on its own wall clock, dropped by itself, and began anew after a restart.</summary>
    [Test]
    public async Task Bug_4_what_ends_by_itself_ends_on_all_nodes_with_the_same_entry()
    {
        var (leader, follower) = await _group.RolesAsync();
        var (_, put) = await SendAsync(follower, HttpMethod.Put, "/kv/bug4", new { value = "v", ttl = "400ms" });
        var from = put.GetProperty("modify_index").GetInt64();
        var ends = new List<long>();
        for (var node = 0; node < 3; node++)
        {
            var reply = await _group.AskAsync(node, new ApiRequest.KvWatch("bug4", IsPrefix: false, from, TimeSpan.FromSeconds(2)));
            ends.Add(((ApiReply.Changes)reply).Items.Single(change => change.Pair is null).Index);
        }

        Assert.That(ends.Distinct().Count(), Is.EqualTo(1), $"leader {leader}: {string.Join(", ", ends)}");
    }

    /// <summary>6: modify_index came from a counter of each replica's own, and differed after deletes and snapshots.</summary>
    [Test]
    public async Task Bug_6_modify_index_is_the_index_of_the_log_and_the_same_on_all_nodes()
    {
        foreach (var key in new[] { "b6/a", "b6/b", "b6/c" }) await SendAsync(0, HttpMethod.Put, $"/kv/{key}", new { value = key });
        await SendAsync(1, HttpMethod.Delete, "/kv/b6/c");
        await SendAsync(2, HttpMethod.Post, "/cluster/snapshot");
        var (_, last) = await SendAsync(1, HttpMethod.Put, "/kv/b6/a", new { value = "again" });
        var seen = new List<string>();
        for (var node = 0; node < 3; node++)
        {
            var (_, pairs) = await SendAsync(node, HttpMethod.Get, "/kv/?prefix=b6/&values=true&consistent=true");
            seen.Add(string.Join(' ', pairs.GetProperty("pairs").EnumerateArray().Select(p => $"{p.GetProperty("key")}@{p.GetProperty("create_index")}-{p.GetProperty("modify_index")}")));
        }

        Assert.That(seen.Distinct(StringComparer.Ordinal), Has.Exactly(1).Items);
        Assert.That(seen[0], Does.Contain($"-{last.GetProperty("modify_index").GetInt64()} "));
        await Until.AsyncOf("equal states", () => Task.FromResult(Enumerable.Range(0, 3).Select(_group.StateOf).Distinct().Count() == 1 ? "equal" : null));
    }

    /// <summary>A consistent read wrote a barrier into the log each time, and only the leader had one.</summary>
    [Test]
    public async Task A_consistent_read_is_had_on_a_follower_too_and_writes_nothing_into_the_log()
    {
        var (leader, follower) = await _group.RolesAsync();
        await SendAsync(leader, HttpMethod.Put, "/kv/read", new { value = "v" });
        var before = _group.StateOf(leader).Applied;
        for (var i = 0; i < 5; i++) Assert.That((await SendAsync(follower, HttpMethod.Get, "/kv/read?consistent=true")).Body.GetProperty("value").GetString(), Is.EqualTo("v"));
        Assert.That(_group.StateOf(leader).Applied, Is.LessThan(before + 5), "an election on a busy machine writes an entry; each read would write one");
    }

    private static object Cas(params (string Key, long Index)[] keys) => new
    {
        items = keys.ToDictionary(key => key.Key, _ => "v", StringComparer.Ordinal), expected_indices = Indices(keys),
    };

    private static Dictionary<string, long> Indices(params (string Key, long Index)[] keys) => keys.ToDictionary(key => key.Key, key => key.Index, StringComparer.Ordinal);

    private async Task<(int Status, JsonElement Body)> SendAsync(int node, HttpMethod method, string path, object? body = null)
    {
        var (status, said, response) = await _group.SendAsync(node, method, path, body);
        response.Dispose();
        return (status, said);
    }
}
