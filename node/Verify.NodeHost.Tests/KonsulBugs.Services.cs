using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Those on services, their checks, and joining.</summary>
public sealed partial class KonsulBugs
{
    private const string WriteToken = "0123456789abcdef", LookToken = "fedcba9876543210";

    /// <summary>1, for services: every write on a follower was answered with 500, with a compare-and-set with 503.</summary>
    [Test]
    public async Task Bug_1_writes_on_services_at_a_follower_are_done_and_not_answered_with_500()
    {
        var (leader, follower) = await _group.RolesAsync();
        var (status, made) = await SendAsync(follower, HttpMethod.Put, "/register", Service("bug1", port: 1));
        Assert.That((status, made.GetProperty("modify_index").GetInt64() > 0), Is.EqualTo((200, true)), made.ToString());
        Assert.That((await SendAsync(follower, HttpMethod.Put, "/heartbeat/bug1")).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(follower, HttpMethod.Put, "/health/check/bug1-alive", new { status = "warning" })).Status, Is.EqualTo(200));
        Assert.That(await StatusOfAsync(leader, "bug1"), Is.EqualTo("warning"));
        var index = await IndexOfAsync(follower, "bug1");
        Assert.That((await SendAsync(follower, HttpMethod.Put, "/register", Service("bug1", port: 2, index))).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(leader, HttpMethod.Get, "/services/bug1")).Body.GetProperty("port").GetInt32(), Is.EqualTo(2));
        index = await IndexOfAsync(follower, "bug1");
        Assert.That((await SendAsync(follower, HttpMethod.Delete, $"/deregister/bug1?cas={index}")).Status, Is.EqualTo(200));
        Assert.That((await SendAsync(leader, HttpMethod.Get, "/services/bug1")).Status, Is.EqualTo(404));
        foreach (var (method, path) in new[] { (HttpMethod.Delete, "/deregister/bug1"), (HttpMethod.Put, "/heartbeat/bug1"), (HttpMethod.Put, "/health/check/bug1-alive") })
            Assert.That((await SendAsync(follower, method, path)).Status, Is.EqualTo(404), $"{path}: what is not there is told as such");
    }

    /// <summary>2: a registration that did not hold was a success with modify_index 0, a removal that did not hold a success too.</summary>
    [Test]
    public async Task Bug_2_a_compare_and_set_on_a_service_that_does_not_hold_is_a_409_on_every_node_and_nothing_is_done()
    {
        var (leader, follower) = await _group.RolesAsync();
        foreach (var node in new[] { leader, follower })
        {
            await SendAsync(node, HttpMethod.Delete, "/deregister/bug2");
            var (status, made) = await SendAsync(node, HttpMethod.Put, "/register", Service("bug2", port: 1, cas: 0));
            var index = made.GetProperty("modify_index").GetInt64();
            Assert.That((status, index > 0), Is.EqualTo((200, true)));
            foreach (var cas in new[] { 0, index + 1 })
            {
                (status, var refused) = await SendAsync(node, HttpMethod.Put, "/register", Service("bug2", port: 2, cas));
                Assert.That((status, refused.GetProperty("error").GetString(), refused.GetProperty("modify_index").GetInt64()), Is.EqualTo((409, "CAS conflict", index)));
            }

            Assert.That((await SendAsync(node, HttpMethod.Delete, $"/deregister/bug2?cas={index + 1}")).Status, Is.EqualTo(409));
            var (_, found) = await SendAsync(node, HttpMethod.Get, "/services/bug2?consistent=true");
            Assert.That((found.GetProperty("port").GetInt32(), await IndexOfAsync(node, "bug2")), Is.EqualTo((1, index)), "nothing was done");
        }
    }

    /// <summary>4, for services: each replica gave a service a new lifetime when it replayed its log, so that a restart revived what had expired.</summary>
    [Test]
    public async Task Bug_4_a_service_expires_on_all_nodes_with_the_same_entry_and_a_restart_revives_none()
    {
        await using var group = await HttpGroup.StartAsync(3);
        var (_, follower) = await group.RolesAsync();
        foreach (var (name, ttl) in new[] { ("kept", "10m"), ("gone", "400ms") })
            Assert.That((await group.SendAsync(follower, HttpMethod.Put, "/register", new { name, address = "h", port = 1, ttl })).Status, Is.EqualTo(200));
        for (var node = 0; node < 3; node++) await SeesAsync(group, node, "gone", 404);
        Assert.That((await Task.WhenAll(Enumerable.Range(0, 3).Select(node => CatalogueIndexAsync(group, node)))).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(1), "one entry ended it everywhere");

        // One node comes back from a snapshot, the others replay their logs.
        Assert.That((await group.SendAsync(0, HttpMethod.Post, "/cluster/snapshot")).Status, Is.EqualTo(200));
        var applied = Enumerable.Range(0, 3).Max(node => group.StateOf(node).Applied);
        await group.RestartAsync();
        for (var node = 0; node < 3; node++)
        {
            var at = node;
            await Until.AsyncOf("the old entries", () => Task.FromResult(group.StateOf(at).Applied >= applied ? "applied" : null));
            Assert.That((await group.SendAsync(node, HttpMethod.Get, "/services/gone?stale")).Status, Is.EqualTo(404), $"n{node}");
            Assert.That((await group.SendAsync(node, HttpMethod.Get, "/services/kept?stale")).Status, Is.EqualTo(200), $"n{node}");
            Assert.That((await group.SendAsync(node, HttpMethod.Put, "/heartbeat/gone")).Status, Is.EqualTo(404), $"n{node}");
        }
    }

    /// <summary>5: checks were local to each node; what was reported to one was not known to the others.</summary>
    [Test]
    public async Task Bug_5_a_report_to_one_node_is_seen_on_all_nodes_with_the_same_index()
    {
        for (var reporter = 0; reporter < 3; reporter++)
        {
            await SendAsync(0, HttpMethod.Put, "/register", Service("bug5", port: 1));
            var output = $"said to n{reporter}";
            Assert.That((await SendAsync(reporter, HttpMethod.Put, "/health/check/bug5-alive", new { status = "critical", output })).Status, Is.EqualTo(200));
            var seen = new List<long>();
            for (var node = 0; node < 3; node++)
            {
                var at = node;
                seen.Add((await Until.AsyncOf($"n{node} to know it by itself", async () =>
                {
                    var (_, checks) = await SendAsync(at, HttpMethod.Get, "/health/service/bug5?stale");
                    return checks.ValueKind == JsonValueKind.Array && checks[0].GetProperty("output").GetString() == output && checks[0].GetProperty("status").GetString() == "critical"
                        ? new Seen(checks[0].GetProperty("modify_index").GetInt64()) : null;
                })).Index);
                Assert.That((await SendAsync(node, HttpMethod.Get, "/lb/service/bug5?stale")).Status, Is.EqualTo(404), "and gives it out no more");
            }

            Assert.That(seen.Distinct().Count(), Is.EqualTo(1), string.Join(", ", seen));
        }
    }

    /// <summary>7: as it came, Konsul let in whoever reached its port, and knew no token. Here another machine needs a token for that.</summary>
    [Test]
    public async Task Bug_7_without_authentication_another_machine_joins_with_a_token_only_and_cannot_draw_one()
    {
        var (leader, follower) = await _group.RolesAsync();
        foreach (var node in new[] { leader, follower })
        {
            foreach (var (path, body) in new[] { ("/cluster/join", Joining("stranger")), ("/cluster/join", Joining("stranger", "id.guessed")), ("/cluster/token", "{}") })
                Assert.That(await FromElsewhereAsync(node, path, body), Is.EqualTo(403), $"{path} {body}");
            Assert.That(await FromElsewhereAsync(node, "/cluster/join", Joining("stranger"), proxied: true), Is.EqualTo(403), "a proxy on this machine does not make it ours");
            Assert.That(await MembersAsync(node), Is.EqualTo("n0 n1 n2"));
        }

        var token = (await SendAsync(follower, HttpMethod.Post, "/cluster/token")).Body.GetProperty("token").GetString()!;
        Assert.That(await FromElsewhereAsync(follower, "/cluster/join", Joining("invited", token)), Is.EqualTo(200));
        Assert.That(await FromElsewhereAsync(follower, "/cluster/join", Joining("second", token)), Is.EqualTo(403), "a token lets in one");
        Assert.That((await SendAsync(follower, HttpMethod.Post, "/cluster/join", new { node_id = "ours", address = "127.0.0.1:2" })).Status, Is.EqualTo(200), "an operator on the machine itself");
        Assert.That(await MembersAsync(leader), Is.EqualTo("invited n0 n1 n2 ours"));
        foreach (var name in new[] { "invited", "ours" }) Assert.That((await SendAsync(follower, HttpMethod.Delete, $"/cluster/leave/{name}")).Status, Is.EqualTo(200));
    }

    [TestCase("\"RaftJoinWithoutAuthentication\": true", "", 200)]
    [TestCase("\"AuthenticationMethod\": \"token\", \"HTTPAuthTokens\": [\"write:0123456789abcdef\", \"readonly:fedcba9876543210\"]", "", 401)]
    [TestCase("\"AuthenticationMethod\": \"token\", \"HTTPAuthTokens\": [\"write:0123456789abcdef\", \"readonly:fedcba9876543210\"]", LookToken, 403)]
    [TestCase("\"AuthenticationMethod\": \"token\", \"HTTPAuthTokens\": [\"write:0123456789abcdef\", \"readonly:fedcba9876543210\"]", WriteToken, 200)]
    public async Task Bug_7_joining_needs_the_write_role_where_clients_say_who_they_are_and_nothing_where_that_was_asked_for(string settings, string token, int status)
    {
        await using var group = await HttpGroup.StartAsync(1, settings: settings, authorization: $"Bearer {WriteToken}");
        Assert.That(await FromElsewhereAsync(group, 0, "/cluster/join", Joining("late"), token), Is.EqualTo(status));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/cluster/peers") { Headers = { { "Authorization", $"Bearer {WriteToken}" } } };
        using var peers = await group[0].SendAsync(request);
        Assert.That((await peers.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("count").GetInt32(), Is.EqualTo(status == 200 ? 2 : 1));
    }

    private static object Service(string name, int port, long? cas = null)
    {
        var checks = new[] { new { id = $"{name}-alive", name = "alive", ttl = "10m" } };
        return cas is { } expected ? new { name, address = "h", port, ttl = "10m", checks, cas = expected } : new { name, address = "h", port, ttl = "10m", checks };
    }

    private static string Joining(string name, string? token = null) => JsonSerializer.Serialize(token is null ? (object)new { node_id = name, address = "127.0.0.1:1" } : new { node_id = name, address = "127.0.0.1:1", token });

    private async Task<string?> StatusOfAsync(int node, string service) =>
        (await SendAsync(node, HttpMethod.Get, $"/health/service/{service}?consistent=true")).Body[0].GetProperty("status").GetString();

    private async Task<long> IndexOfAsync(int node, string service) =>
        (await SendAsync(node, HttpMethod.Get, $"/services/{service}?metadata=true&consistent=true")).Body.GetProperty("modify_index").GetInt64();

    private async Task<string> MembersAsync(int node) => string.Join(' ', (await SendAsync(node, HttpMethod.Get, "/cluster/peers")).Body.GetProperty("peers").EnumerateArray()
        .Select(peer => peer.GetProperty("id").GetString()!).Order(StringComparer.Ordinal));

    private static async Task<string> CatalogueIndexAsync(HttpGroup group, int node)
    {
        using var answer = await group[node].GetAsync("/services/?stale");
        return answer.Headers.GetValues("X-Consul-Index").Single();
    }

    private static Task<string> SeesAsync(HttpGroup group, int node, string service, int status) =>
        Until.AsyncOf($"n{node}: {service} {status}", async () => (await group.SendAsync(node, HttpMethod.Get, $"/services/{service}?stale")).Status == status ? "yes" : null);

    private Task<int> FromElsewhereAsync(int node, string path, string body, bool proxied = false) => FromElsewhereAsync(_group, node, path, body, "", proxied);

    /// <summary>A POST whose connection comes from another machine, or from a proxy on this one.</summary>
    private static async Task<int> FromElsewhereAsync(HttpGroup group, int node, string path, string body, string token, bool proxied = false)
    {
        var answer = await group.Server(node).SendAsync(context =>
        {
            (context.Connection.RemoteIpAddress, context.Connection.LocalIpAddress) = (IPAddress.Parse(proxied ? "127.0.0.1" : "192.0.2.7"), IPAddress.Parse("192.0.2.1"));
            (context.Request.Method, context.Request.Path, context.Request.ContentType) = ("POST", path, "application/json");
            if (proxied) context.Request.Headers["X-Forwarded-For"] = "192.0.2.7";
            if (token.Length > 0) context.Request.Headers.Authorization = $"Bearer {token}";
            context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
            context.Request.ContentLength = body.Length;
        });
        return answer.Response.StatusCode;
    }

    private sealed record Seen(long Index);
}
