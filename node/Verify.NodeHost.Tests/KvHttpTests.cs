using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Keys, transactions, sessions and locks over HTTP, on a real node, as the usual clients ask for them.</summary>
[NonParallelizable]
public sealed class KvHttpTests
{
    private HttpGroup _group = null!;

    [OneTimeSetUp]
    public async Task Start() => _group = await HttpGroup.StartAsync(1);

    [OneTimeTearDown]
    public async Task Stop() => await _group.DisposeAsync();

    [SetUp]
    public async Task Empty() => await SendAsync(HttpMethod.Delete, "/v1/kv/?recurse");

    [Test]
    public async Task Consul_keys_with_a_separator_show_folders_once()
    {
        foreach (var key in new[] { "web/a/1", "web/a/2", "web/b", "other" }) await SendAsync(HttpMethod.Put, $"/v1/kv/{key}", "v");
        var (_, body) = await SendAsync(HttpMethod.Get, "/v1/kv/web/?keys&separator=/");
        Assert.That(body.GetRawText(), Is.EqualTo("""["web/a/","web/b"]"""));
        var (_, pairs) = await SendAsync(HttpMethod.Get, "/v1/kv/web/?recurse");
        Assert.That(pairs.EnumerateArray().Select(p => p.GetProperty("Key").GetString()), Is.EqualTo(new[] { "web/a/1", "web/a/2", "web/b" }));
        var (_, konsul) = await SendAsync(HttpMethod.Get, "/kv/?prefix=web/&separator=/");
        Assert.That(konsul.GetProperty("keys").GetRawText(), Is.EqualTo("""["web/a/","web/b"]"""));
        var (_, values) = await SendAsync(HttpMethod.Get, "/kv/?prefix=web/a/&values=true");
        Assert.That(values.GetProperty("pairs").EnumerateArray().Select(p => p.GetProperty("value").GetString()), Is.EqualTo(new[] { "v", "v" }));
    }

    [Test]
    public async Task A_prefix_is_deleted_by_both_kinds_of_clients()
    {
        foreach (var key in new[] { "a/1", "a/2", "b" }) await SendAsync(HttpMethod.Put, $"/v1/kv/{key}", "v");
        var (status, body) = await SendAsync(HttpMethod.Delete, "/kv/a/?recurse=true");
        Assert.That((status, body.GetProperty("count").GetInt64()), Is.EqualTo((200, 2L)));
        Assert.That((await SendAsync(HttpMethod.Delete, "/v1/kv/")).Status, Is.EqualTo(400), "everything only with recurse");
        Assert.That((await SendAsync(HttpMethod.Delete, "/v1/kv/?recurse&cas=1")).Status, Is.EqualTo(400));
        Assert.That((await SendAsync(HttpMethod.Delete, "/v1/kv/?recurse")).Body.GetRawText(), Is.EqualTo("true"));
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/kv/?keys")).Status, Is.EqualTo(404));
    }

    [Test]
    public async Task A_lifetime_is_set_touched_and_ends()
    {
        var (status, _) = await SendAsync(HttpMethod.Put, "/kv/t", new { value = "v", ttl = "300ms" });
        Assert.That(status, Is.EqualTo(200));
        Assert.That((await SendAsync(HttpMethod.Get, "/kv/t")).Body.GetProperty("ttl_ms").GetInt64(), Is.EqualTo(300));
        Assert.That((await SendAsync(HttpMethod.Put, "/touch/t?ttl=400ms")).Status, Is.EqualTo(200));
        await Until.AsyncOf("its end", async () => (await SendAsync(HttpMethod.Get, "/kv/t")).Status == 404 ? "gone" : null);
        Assert.That((await SendAsync(HttpMethod.Put, "/touch/t")).Status, Is.EqualTo(404));
        Assert.That((await SendAsync(HttpMethod.Put, "/kv/t", new { value = "v", ttl = "soon" })).Status, Is.EqualTo(400));
        Assert.That((await SendAsync(HttpMethod.Put, "/v1/kv/t?ttl=0s", "v")).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task Consuls_lock_dance_acquire_refuse_release_with_rising_tokens()
    {
        var (one, two) = (await SessionAsync("""{ "TTL": "10s", "LockDelay": "0s" }"""), await SessionAsync("""{ "Name": "two", "LockDelay": 0 }"""));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/kv/lock?acquire={one}", "one")).Body.GetRawText(), Is.EqualTo("true"));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/kv/lock?acquire={two}", "two")).Body.GetRawText(), Is.EqualTo("false"));
        var held = (await SendAsync(HttpMethod.Get, "/v1/kv/lock")).Body[0];
        Assert.That((held.GetProperty("Session").GetString(), held.GetProperty("LockIndex").GetInt64(), Text(held)), Is.EqualTo((one, 1L, "one")));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/kv/lock?release={two}", "")).Body.GetRawText(), Is.EqualTo("false"));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/kv/lock?release={one}", "")).Body.GetRawText(), Is.EqualTo("true"));
        var again = await _group.SendAsync(0, HttpMethod.Put, $"/v1/kv/lock?acquire={two}", "two");
        Assert.That(long.Parse(again.Response.Headers.GetValues("X-Verify-Fencing-Token").Single()), Is.GreaterThan(held.GetProperty("FencingToken").GetInt64()));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/session/destroy/{two}")).Body.GetRawText(), Is.EqualTo("true"));
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/kv/lock")).Body[0].TryGetProperty("Session", out _), Is.False);
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/kv/lock?acquire={two}", "two")).Status, Is.EqualTo(404), "the session has ended");
    }

    /// <summary>The shape of Consul's HTTP API, "List Sessions"; what is for health checks is there and empty, because sessions end by time here.</summary>
    [Test]
    public async Task Consuls_list_of_sessions_has_each_with_all_its_fields_until_it_ends()
    {
        var one = await SessionAsync("""{ "Name": "mine", "Node": "db7", "TTL": "90s", "LockDelay": "2s", "Behavior": "delete" }""");
        var two = await SessionAsync("{}");
        var (status, list) = await SendAsync(HttpMethod.Get, "/v1/session/list");
        Assert.That((status, list.ValueKind), Is.EqualTo((200, JsonValueKind.Array)));
        var shown = list.EnumerateArray().Single(s => s.GetProperty("ID").GetString() == one);
        var index = shown.GetProperty("CreateIndex").GetInt64();
        Assert.That(index, Is.Positive);
        Assert.That(shown.GetRawText().Split(",\"Index\"")[0], Is.EqualTo($$"""{"ID":"{{one}}","Name":"mine","Node":"db7","LockDelay":2000000000,"Behavior":"delete","TTL":"90s","NodeChecks":[],"ServiceChecks":null,"CreateIndex":{{index}},"ModifyIndex":{{index}}"""));
        Assert.That(list.EnumerateArray().Single(s => s.GetProperty("ID").GetString() == two).GetProperty("LockDelay").GetInt64(), Is.EqualTo(15_000_000_000L));
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/session/node/db7")).Body.EnumerateArray().Select(s => s.GetProperty("ID").GetString()), Is.EqualTo(new[] { one }));
        foreach (var id in new[] { one, two }) await SendAsync(HttpMethod.Put, $"/v1/session/destroy/{id}");
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/session/list")).Body.EnumerateArray().Select(s => s.GetProperty("ID").GetString()), Has.None.EqualTo(one).And.None.EqualTo(two));
    }

    [Test]
    public async Task Konsul_style_locks_say_who_holds_and_give_the_token()
    {
        var (_, made) = await SendAsync(HttpMethod.Put, "/session", new { ttl = "10s", lock_delay = "5s" });
        var id = made.GetProperty("id").GetString()!;
        var (_, locked) = await SendAsync(HttpMethod.Put, $"/lock/k?session={id}", new { value = "mine" });
        Assert.That(locked.GetProperty("fencing_token").GetInt64(), Is.EqualTo(locked.GetProperty("modify_index").GetInt64()));
        var other = await SessionAsync("{}");
        var (status, refused) = await SendAsync(HttpMethod.Put, $"/lock/k?session={other}");
        Assert.That((status, refused.GetProperty("error").GetString(), refused.GetProperty("message").GetString()), Is.EqualTo((409, "lock held", $"'k': session {id} holds the lock")));
        Assert.That((await SendAsync(HttpMethod.Put, $"/session/renew/{id}")).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(HttpMethod.Delete, $"/session/{id}")).Status, Is.EqualTo(200));
        (status, refused) = await SendAsync(HttpMethod.Put, $"/lock/k?session={other}");
        Assert.That((status, refused.GetProperty("error").GetString()), Is.EqualTo((409, "lock delay")));
        Assert.That((await SendAsync(HttpMethod.Put, "/lock/k")).Status, Is.EqualTo(400), "no session is named");
    }

    [Test]
    public async Task Consuls_session_endpoints_have_its_shapes()
    {
        var id = await SessionAsync("""{ "Name": "my-lock", "Node": "web1", "TTL": "15s", "Behavior": "delete", "LockDelay": "20s", "Checks": ["serfHealth"] }""");
        var info = (await SendAsync(HttpMethod.Get, $"/v1/session/info/{id}")).Body[0];
        Assert.That(new[] { "ID", "Name", "Node", "TTL", "Behavior" }.Select(name => info.GetProperty(name).GetString()), Is.EqualTo(new[] { id, "my-lock", "web1", "15s", "delete" }));
        Assert.That(info.GetProperty("LockDelay").GetInt64(), Is.EqualTo(20_000_000_000));
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/session/node/web1")).Body.EnumerateArray().Select(s => s.GetProperty("ID").GetString()), Has.Member(id));
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/session/renew/{id}")).Body[0].GetProperty("ID").GetString(), Is.EqualTo(id));
        await SendAsync(HttpMethod.Put, $"/v1/session/destroy/{id}");
        Assert.That((await SendAsync(HttpMethod.Put, $"/v1/session/renew/{id}")).Status, Is.EqualTo(404));
        Assert.That((await SendAsync(HttpMethod.Get, $"/v1/session/info/{id}")).Body.GetRawText(), Is.EqualTo("[]"));
        Assert.That((await SendAsync(HttpMethod.Put, "/v1/session/create", """{ "Checks": ["service:web"] }""")).Status, Is.EqualTo(400));
        Assert.That((await SendAsync(HttpMethod.Put, "/v1/session/create", """{ "Checks": [{}] }""")).Status, Is.EqualTo(400), "http decoder, seed 1, input 160193: 500");
        Assert.That((await SendAsync(HttpMethod.Put, "/v1/session/create", """{ "TTL": "30h" }""")).Body.GetProperty("message").GetString(), Does.Contain("24 h"));
    }

    [Test]
    public async Task Consuls_transactions_are_all_or_nothing()
    {
        var set = """[{"KV":{"Verb":"set","Key":"a","Value":"MQ==","Flags":7}},{"KV":{"Verb":"get","Key":"a"}},{"KV":{"Verb":"check-not-exists","Key":"b"}},{"KV":{"Verb":"set","Key":"b","Value":"Mg=="}}]""";
        var (status, body) = await SendAsync(HttpMethod.Put, "/v1/txn", set);
        Assert.That((status, body.GetProperty("Errors").ValueKind), Is.EqualTo((200, JsonValueKind.Null)));
        Assert.That(body.GetProperty("Results").EnumerateArray().Select(r => r.GetProperty("KV").GetProperty("Value").GetString()), Is.EqualTo(new[] { null, "MQ==", null }));
        (status, body) = await SendAsync(HttpMethod.Put, "/v1/txn", """[{"KV":{"Verb":"delete-tree","Key":""}},{"KV":{"Verb":"cas","Key":"a","Value":"","Index":1}}]""");
        Assert.That((status, body.GetProperty("Errors")[0].GetProperty("OpIndex").GetInt32()), Is.EqualTo((409, 1)));
        Assert.That((await SendAsync(HttpMethod.Get, "/v1/kv/?keys")).Body.GetRawText(), Is.EqualTo("""["a","b"]"""));
        foreach (var (wrong, why) in new[] { ("""[{"KV":{"Verb":"put","Key":"a"}}]""", "operation 1: Verb 'put'"), ("""[{"Node":{}}]""", "operation 1"), ("""[{"KV":{"Verb":"lock","Key":"a"}}]""", "Session"), ("{}", "array"), ("[]", "empty") })
        {
            (status, body) = await SendAsync(HttpMethod.Put, "/v1/txn", wrong);
            Assert.That((status, body.GetProperty("message").GetString()!.Contains(why, StringComparison.Ordinal)), Is.EqualTo((400, true)), $"{wrong}: {body}");
        }
    }

    [Test]
    public async Task What_is_too_large_is_refused_with_the_limit()
    {
        foreach (var path in new[] { "/v1/kv/big", $"/v1/kv/big?acquire={await SessionAsync("{}")}" })
        {
            var (status, body) = await SendAsync(HttpMethod.Put, path, new string('x', (1 << 20) + 1));
            Assert.That((status, body.GetProperty("message").GetString()), Is.EqualTo((413, "the value is too large: at most 1048576 bytes")));
        }

        var (batch, said) = await SendAsync(HttpMethod.Post, "/batch/kv/set", new { items = Enumerable.Range(0, 5).ToDictionary(i => $"k{i}", _ => new string('x', 1_000_000), StringComparer.Ordinal) });
        Assert.That((batch, said.GetProperty("message").GetString()!.Contains("at most 4194304", StringComparison.Ordinal)), Is.EqualTo((413, true)));
        (batch, said) = await SendAsync(HttpMethod.Put, "/v1/kv/" + new string('k', 1_025), "v");
        Assert.That((batch, said.GetProperty("message").GetString()!.Contains("1024", StringComparison.Ordinal)), Is.EqualTo((400, true)), $"{said}");
    }

    [Test]
    public async Task Bytes_that_are_no_text_come_back_as_they_were()
    {
        var put = await _group[0].PutAsJsonAsync("/kv/bin", new { value_base64 = Convert.ToBase64String([0, 255, 1]) });
        Assert.That(put.IsSuccessStatusCode, Is.True);
        Assert.That((await SendAsync(HttpMethod.Get, "/kv/bin")).Body.GetProperty("value_base64").GetString(), Is.EqualTo("AP8B"));
        Assert.That(await _group[0].GetByteArrayAsync("/v1/kv/bin?raw"), Is.EqualTo(new byte[] { 0, 255, 1 }));
    }

    private async Task<(int Status, JsonElement Body)> SendAsync(HttpMethod method, string path, object? body = null)
    {
        var (status, said, response) = await _group.SendAsync(0, method, path, body);
        response.Dispose();
        return (status, said);
    }

    private async Task<string> SessionAsync(string body) => (await SendAsync(HttpMethod.Put, "/v1/session/create", body)).Body.GetProperty("ID").GetString()!;

    private static string Text(JsonElement pair) => Encoding.UTF8.GetString(pair.GetProperty("Value").GetBytesFromBase64());
}
