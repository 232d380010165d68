using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Watching keys over HTTP on real nodes: long poll, server-sent events, WebSocket, and Consul's blocking queries.</summary>
[NonParallelizable]
public sealed class WatchTests
{
    private HttpGroup _group = null!;

    [OneTimeSetUp]
    public async Task Start() => _group = await HttpGroup.StartAsync(3);

    [OneTimeTearDown]
    public async Task Stop() => await _group.DisposeAsync();

    [Test]
    public async Task A_blocking_query_of_Consul_waits_for_a_change_and_for_nothing_else_on_a_follower_too()
    {
        var (_, follower) = await _group.RolesAsync();
        var index = await PutAsync("block/a", "1");
        var watch = Stopwatch.StartNew();
        var (status, _, unchanged) = await _group.SendAsync(follower, HttpMethod.Get, $"/v1/kv/block/a?index={index}&wait=300ms");
        Assert.That((status, IndexOf(unchanged), watch.ElapsedMilliseconds >= 290), Is.EqualTo((200, index, true)), "nothing changed: the same index after the time");
        var waiting = _group.SendAsync(follower, HttpMethod.Get, $"/v1/kv/block/a?index={index}&wait=1m");
        var listing = _group.SendAsync(follower, HttpMethod.Get, $"/v1/kv/block/?recurse&index={index}&wait=1m");
        await PutAsync("elsewhere", "x");
        await Task.Delay(200);
        Assert.That((waiting.IsCompleted, listing.IsCompleted), Is.EqualTo((false, false)));
        var changed = await PutAsync("block/a", "2");
        var (_, body, response) = await waiting;
        Assert.That((body[0].GetProperty("Value").GetString(), IndexOf(response)), Is.EqualTo(("Mg==", changed)));
        Assert.That(IndexOf((await listing).Response), Is.GreaterThanOrEqualTo(changed));
    }

    [Test]
    public async Task A_blocking_query_hears_of_a_deletion_and_of_a_key_that_comes_into_being()
    {
        var index = await PutAsync("gone/a", "1");
        var listing = _group.SendAsync(0, HttpMethod.Get, $"/v1/kv/gone/?recurse&index={index}&wait=1m");
        var single = _group.SendAsync(0, HttpMethod.Get, $"/v1/kv/gone/a?index={index}&wait=1m");
        await Task.Delay(100);
        await _group.SendAsync(1, HttpMethod.Delete, "/v1/kv/gone/a");
        Assert.That(((await listing).Status, (await single).Status), Is.EqualTo((404, 404)));
        var missing = IndexOf((await single).Response);
        var born = _group.SendAsync(0, HttpMethod.Get, $"/v1/kv/gone/a?index={missing}&wait=1m");
        await Task.Delay(100);
        await PutAsync("gone/a", "2");
        Assert.That((await born).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task A_long_poll_gets_what_happened_meanwhile_in_order_and_goes_on_from_there_on_another_node()
    {
        var from = await PutAsync("poll/a", "1") - 1;
        await PutAsync("poll/b", "2");
        var last = await PutAsync("poll/a", "3");
        await Until.AsyncOf("all nodes to have it", () => Task.FromResult(Enumerable.Range(0, 3).All(n => _group.StateOf(n).Applied >= last) ? "yes" : null));
        var (_, body, _) = await _group.SendAsync(0, HttpMethod.Get, $"/watch/poll/?prefix&index={from}&wait=1s");
        Assert.That(body.GetProperty("changes").EnumerateArray().Select(c => $"{c.GetProperty("key")}={c.GetProperty("value")}"), Is.EqualTo(new[] { "poll/a=1", "poll/b=2", "poll/a=3" }));
        var next = body.GetProperty("index").GetInt64();
        var (_, quiet, _) = await _group.SendAsync(1, HttpMethod.Get, $"/watch/poll/?prefix&index={next}&wait=100ms");
        Assert.That((quiet.GetProperty("changes").GetArrayLength(), quiet.GetProperty("index").GetInt64() >= next), Is.EqualTo((0, true)));
        Assert.That((await _group.SendAsync(1, HttpMethod.Get, "/watch/poll/?prefix")).Status, Is.EqualTo(400), "from where on is not said");
        Assert.That((await _group.SendAsync(1, HttpMethod.Get, "/watch/a?index=x")).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task Server_sent_events_begin_with_what_is_there_and_resume_where_they_were_broken_off()
    {
        await PutAsync("sse/a", "1");
        await PutAsync("sse/deep/b", "1");
        var (events, last) = await EventsAsync(1, "/kv/watch/sse/*", null, 3, async () =>
        {
            await PutAsync("sse/c", "2");
            await PutAsync("sse/deep/b", "not in this pattern");
            await _group.SendAsync(0, HttpMethod.Delete, "/kv/sse/a");
        });
        Assert.That(events, Is.EqualTo(new[] { "set sse/a", "set sse/c", "delete sse/a" }));
        await PutAsync("sse/d", "while nobody listens");
        (events, _) = await EventsAsync(2, "/watch/sse/**", last, 2, async () => await PutAsync("sse/deep/e", "3"));
        Assert.That(events, Is.EqualTo(new[] { "set sse/d", "set sse/deep/e" }));
    }

    [Test]
    public async Task A_web_socket_gets_each_change_with_its_index_and_may_leave()
    {
        var from = await PutAsync("ws/a", "0");
        var client = _group.Server(1).CreateWebSocketClient();
        using var socket = await client.ConnectAsync(new($"ws://localhost/kv/watch/ws/a?index={from}"), CancellationToken.None);
        var index = await PutAsync("ws/a", "1");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[4_096];
        var got = await socket.ReceiveAsync(buffer, limit.Token);
        var change = JsonDocument.Parse(Encoding.UTF8.GetString(buffer, 0, got.Count)).RootElement;
        Assert.That((change.GetProperty("type").GetString(), change.GetProperty("value").GetString(), change.GetProperty("index").GetInt64()), Is.EqualTo(("set", "1", index)));
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token);

        // While it was away, something happened; it comes back to another node with the last index that it saw.
        await PutAsync("ws/a", "2");
        await _group.SendAsync(0, HttpMethod.Delete, "/kv/ws/a");
        Assert.That(await MessagesAsync(2, $"/kv/watch/ws/a?index={index}", 2), Is.EqualTo(new[] { "set ws/a", "delete ws/a" }));
    }

    [Test]
    public async Task What_is_too_old_is_answered_with_gone_and_by_Consuls_query_with_the_state_of_now()
    {
        var from = await PutAsync("old/a", "1");
        for (var i = 0; i < 34; i++)
        {
            await Until.AsyncOf("a large write", async () =>
            {
                using var written = await _group[0].PutAsync($"/v1/kv/filler/{i}", new ByteArrayContent(new byte[1 << 20]));
                return written.IsSuccessStatusCode ? "yes" : null;
            });
        }

        var (status, gone, _) = await _group.SendAsync(0, HttpMethod.Get, $"/watch/old/?prefix&index={from}");
        Assert.That((status, gone.GetProperty("error").GetString(), gone.GetProperty("oldest_index").GetInt64() > from), Is.EqualTo((410, "gone", true)));
        var (events, _) = await EventsAsync(0, "/watch/old/**", from, 1, () => Task.CompletedTask);
        Assert.That(events, Is.EqualTo(new[] { "gone" }));
        Assert.That(await MessagesAsync(0, $"/watch/old/**?index={from}", 2), Is.EqualTo(new[] { "gone", "closed: gone" }), "a web socket is told the same, and closed");
        var (listed, body, response) = await _group.SendAsync(0, HttpMethod.Get, $"/v1/kv/old/?recurse&index={from}&wait=1m");
        Assert.That((listed, body.GetArrayLength(), IndexOf(response) > from), Is.EqualTo((200, 1, true)), "at once, and never again with an index that is too old");
        await _group.SendAsync(0, HttpMethod.Delete, "/v1/kv/filler/?recurse");
    }

    private async Task<long> PutAsync(string key, string value) =>
        (await _group.SendAsync(0, HttpMethod.Put, $"/kv/{key}", new { value })).Body.GetProperty("modify_index").GetInt64();

    /// <summary>What a web socket receives, without the keep-alives: type and key, and how it was closed.</summary>
    private async Task<string[]> MessagesAsync(int node, string path, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var socket = await _group.Server(node).CreateWebSocketClient().ConnectAsync(new($"ws://localhost{path}"), limit.Token);
        var (messages, buffer) = (new List<string>(), new byte[4_096]);
        while (messages.Count < count)
        {
            var got = await socket.ReceiveAsync(buffer, limit.Token);
            if (got.MessageType == WebSocketMessageType.Close)
            {
                messages.Add($"closed: {got.CloseStatusDescription}");
                break;
            }

            var message = JsonDocument.Parse(Encoding.UTF8.GetString(buffer, 0, got.Count)).RootElement;
            var type = message.GetProperty("type").GetString()!;
            if (type is not "index") messages.Add(message.TryGetProperty("key", out var key) ? $"{type} {key.GetString()}" : type);
        }

        return [.. messages];
    }

    private async Task<(string[] Events, long? Last)> EventsAsync(int node, string path, long? lastEventId, int count, Func<Task> meanwhile)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastEventId is { } last) request.Headers.Add("Last-Event-ID", $"{last}");
        using var response = await _group[node].SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
        var (events, id, name) = (new List<string>(), (long?)null, "");
        var begun = lastEventId is not null;
        if (begun) await meanwhile();
        while (events.Count < count && await reader.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = long.Parse(line[4..]);
            if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                var data = JsonDocument.Parse(line[6..]).RootElement;
                events.Add(name == "kv-change" ? $"{data.GetProperty("type")} {data.GetProperty("key")}" : name);
            }

            if (begun || !line.StartsWith(": keep-alive", StringComparison.Ordinal)) continue;
            begun = true;
            await meanwhile();
        }

        return ([.. events], id);
    }

    private static long IndexOf(HttpResponseMessage response) => long.Parse(response.Headers.GetValues("X-Consul-Index").Single());
}
