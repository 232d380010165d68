using System.Net;
using System.Text.Json;
using Verify.NodeHost.Http.Access;

namespace Verify.NodeHost.Tests;

/// <summary>Who may do what by the replicated rules, and how often.</summary>
public sealed class AclTests
{
    [Test]
    public async Task Nothing_goes_without_a_token_and_each_token_does_what_its_policies_say()
    {
        await using var host = await LiveHost.StartAsync("\"AclEnabled\": true");
        await StatusAsync(host, HttpMethod.Put, "/kv/app/a", 403, "", """{ "value": "1" }""");
        var root = (await host.OkAsync(HttpMethod.Put, "/acl/bootstrap")).GetProperty("secret").GetString()!;
        await StatusAsync(host, HttpMethod.Put, "/acl/bootstrap", 403, "");
        await StatusAsync(host, HttpMethod.Put, "/v1/acl/bootstrap", 403, root);
        await StatusAsync(host, HttpMethod.Get, "/kv/app/a", 403, "a-wrong-token");
        await OkAsync(host, HttpMethod.Put, "/acl/policies/app", root, """
            { "description": "the app", "kv": [{ "path": "app/*", "capabilities": ["read", "write"] }, { "path": "app/secret/*", "capabilities": ["deny"] }, { "path": "shared", "capabilities": ["read"] }],
              "service": [{ "name": "web*", "capabilities": ["read", "register"] }, { "name": "db", "capabilities": ["read"] }] }
            """);
        var made = await OkAsync(host, HttpMethod.Put, "/acl/tokens", root, """{ "description": "app", "policies": ["app"] }""");
        var app = made.GetProperty("secret").GetString()!;

        await OkAsync(host, HttpMethod.Put, "/kv/app/a", app, """{ "value": "1" }""");
        await OkAsync(host, HttpMethod.Get, "/v1/kv/app/a", app);
        foreach (var path in new[] { "/kv/app/secret/x", "/KV/app/secret/x", "/v1/kv/app/secret/x", "/kv/other", "/V1/KV/other", "/touch/other", "/lock/shared" })
            await StatusAsync(host, HttpMethod.Put, path, 403, app, """{ "value": "1" }""");
        await StatusAsync(host, HttpMethod.Get, "/kv/shared", 404, app);
        foreach (var path in new[] { "/kv/?prefix=app/", "/v1/kv/app/?recurse", "/kv/", "/export", "/EXPORT/", "/cluster/export", "/backups", "/acl/tokens", "/v1/session/list", "/watch/app/**?index=1", "/watch/app/?prefix&index=1", "/kv/watch/**?index=1" }) await StatusAsync(host, HttpMethod.Get, path, 403, app);
        await OkAsync(host, HttpMethod.Get, "/v1/kv/app/a?keys", app);
        await StatusAsync(host, HttpMethod.Post, "/batch/kv/set", 403, app, """{ "items": { "app/a": "2" } }""");
        await StatusAsync(host, HttpMethod.Post, "/backup", 403, app, "");

        await OkAsync(host, HttpMethod.Put, "/register", app, """{ "name": "web", "address": "h", "port": 1 }""");
        await StatusAsync(host, HttpMethod.Put, "/register", 403, app, """{ "name": "db", "address": "h", "port": 1 }""");
        await OkAsync(host, HttpMethod.Put, "/register", root, """{ "name": "db", "address": "h", "port": 1 }""");
        await OkAsync(host, HttpMethod.Put, "/register", root, """{ "name": "billing", "address": "h", "port": 1, "checks": [{ "id": "b", "name": "b", "ttl": "10m" }] }""");
        await StatusAsync(host, HttpMethod.Put, "/register", 403, app, """{ "name": "web", "id": "db", "address": "evil", "port": 1 }""");
        foreach (var path in new[] { "/v1/agent/service/deregister/db", "/v1/agent/check/fail/b", "/v1/agent/service/maintenance/billing?enable=true" }) await StatusAsync(host, HttpMethod.Put, path, 403, app);
        await StatusAsync(host, HttpMethod.Delete, "/deregister/db", 403, app);
        await StatusAsync(host, HttpMethod.Delete, "/deregister/web?id=db", 403, app);
        Assert.That((await OkAsync(host, HttpMethod.Get, "/v1/catalog/services", app)).ToString(), Is.EqualTo("""{"db":[],"web":[]}"""), "what may not be read is not seen");
        Assert.That((await OkAsync(host, HttpMethod.Get, "/services/", app)).GetArrayLength(), Is.EqualTo(2));
        await StatusAsync(host, HttpMethod.Get, "/lb/service/billing", 403, app);
        await StatusAsync(host, HttpMethod.Get, "/v1/health/service/billing", 403, app);
        await StatusAsync(host, HttpMethod.Put, "/lb/strategy", 403, app, """{ "strategy": "random" }""");
        Assert.That((await host.SendAsync(HttpMethod.Get, "/cluster/status")).Status, Is.EqualTo(HttpStatusCode.OK), "of the node itself AuthenticationMethod decides");

        var test = await OkAsync(host, HttpMethod.Post, "/acl/test", root, """{ "policies": ["app"], "resource": "kv", "path": "app/x", "capability": "delete" }""");
        Assert.That(test.GetProperty("allowed").GetBoolean(), Is.True);
        var tokens = (await OkAsync(host, HttpMethod.Get, "/acl/tokens", root)).ToString();
        Assert.That(tokens, Does.Contain("\"description\":\"app\"").And.Not.Contain(app).And.Not.Contain(root));
        await OkAsync(host, HttpMethod.Put, "/acl/tokens/anonymous", root, """{ "policies": ["app"] }""");
        await OkAsync(host, HttpMethod.Get, "/kv/app/a", "");
        await OkAsync(host, HttpMethod.Delete, $"/acl/tokens/{made.GetProperty("accessor_id").GetString()}", root);
        await StatusAsync(host, HttpMethod.Get, "/kv/app/a", 403, app);
        await OkAsync(host, HttpMethod.Delete, "/acl/policies/app", root);
        await StatusAsync(host, HttpMethod.Get, "/kv/app/a", 403, "");
    }

    [TestCase("""{ "kv": [{ "capabilities": ["read"] }] }""", "without a path")]
    [TestCase("""{ "kv": [{ "path": "a" }] }""", "capabilities are missing")]
    [TestCase("""{ "kv": [{ "path": "a", "capabilities": ["fly"] }] }""", "'fly' is no capability")]
    [TestCase("""{ "keys": [] }""", "keys is not known here")]
    public async Task A_policy_that_means_nothing_is_refused(string body, string words)
    {
        await using var host = await LiveHost.StartAsync();
        var (status, found, _) = await host.SendAsync(HttpMethod.Put, "/acl/policies/p", body);
        Assert.That(((int)status, found.ToString()), Is.EqualTo((400, found.ToString())));
        Assert.That(found.ToString(), Does.Contain(words));
    }

    [Test]
    public async Task A_default_of_allow_takes_away_only_what_a_rule_denies()
    {
        await using var host = await LiveHost.StartAsync("\"AclEnabled\": true, \"AclDefaultPolicy\": \"allow\"");
        await OkAsync(host, HttpMethod.Put, "/kv/a", "", """{ "value": "1" }""");
        await OkAsync(host, HttpMethod.Put, "/acl/policies/p", "", """{ "kv": [{ "path": "a", "capabilities": ["deny"] }] }""");
        await OkAsync(host, HttpMethod.Put, "/acl/tokens/anonymous", "", """{ "policies": ["p"] }""");
        await StatusAsync(host, HttpMethod.Get, "/kv/a", 403, "");
        await StatusAsync(host, HttpMethod.Get, "/kv/b", 404, "");
    }

    [Test]
    public async Task Who_asks_too_often_is_told_when_to_come_again()
    {
        await using var host = await LiveHost.StartAsync("\"RateLimitEnabled\": true, \"RateLimitRequestsPerSecond\": 1, \"RateLimitBurst\": 3, \"AuthExemptPaths\": [\"/health/live\"]");
        for (var i = 0; i < 3; i++) Assert.That((await host.SendAsync(HttpMethod.Get, "/services/")).Status, Is.EqualTo(HttpStatusCode.OK));
        var (status, _, answer) = await host.SendAsync(HttpMethod.Get, "/services/");
        Assert.That((status, answer.Headers.RetryAfter!.Delta), Is.EqualTo((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(1))));
        Assert.That((await host.SendAsync(HttpMethod.Get, "/health/live")).Status, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("true", 200)]
    [TestCase("false", 429)]
    public async Task Where_clients_are_told_apart_by_token_one_that_asks_too_often_takes_nothing_from_the_others(string byToken, int others)
    {
        await using var host = await LiveHost.StartAsync($"\"RateLimitEnabled\": true, \"RateLimitRequestsPerSecond\": 1, \"RateLimitBurst\": 3, \"RateLimitByToken\": {byToken}");
        for (var i = 0; i < 3; i++) await StatusAsync(host, "/services/", 200, "busy");
        await StatusAsync(host, "/services/", 429, "busy");
        await StatusAsync(host, "/services/", others, "another");
        await StatusAsync(host, "/services/", others, "", "its address is a client of its own");

        static async Task StatusAsync(LiveHost host, string path, int status, string token, string why = "")
        {
            var (was, _, answer) = await host.SendAsync(HttpMethod.Get, path, null, request => With(request, token));
            Assert.That(((int)was, answer.Headers.RetryAfter is not null), Is.EqualTo((status, status == 429)), $"{token} {why}");
        }
    }

    [Test]
    public async Task Throttle_checks_are_counted_only_where_that_was_asked_for()
    {
        const string limit = "\"RateLimitEnabled\": true, \"RateLimitRequestsPerSecond\": 1, \"RateLimitBurst\": 2";
        await using var free = await LiveHost.StartAsync(limit);
        for (var i = 0; i < 5; i++) Assert.That((await free.SendAsync(HttpMethod.Get, "/check/app/mysql/none")).Status, Is.Not.EqualTo(HttpStatusCode.TooManyRequests));
        await using var counted = await LiveHost.StartAsync(limit + ", \"RateLimitChecks\": true");
        for (var i = 0; i < 2; i++) Assert.That((await counted.SendAsync(HttpMethod.Get, "/check/app/mysql/none")).Status, Is.Not.EqualTo(HttpStatusCode.TooManyRequests));
        var (status, _, answer) = await counted.SendAsync(HttpMethod.Get, "/check/app/mysql/none");
        Assert.That((status, answer.Headers.RetryAfter!.Delta), Is.EqualTo((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(1))));
    }

    [Test]
    public void A_bucket_fills_at_its_rate_on_the_monotonic_clock_and_each_client_has_its_own()
    {
        var time = new ManualTime();
        var limit = new RateLimit(new(IsEnabled: true, 10, 2, ByToken: false, []), time, refused: null);
        Assert.That((limit.Take("a").Wait, limit.Take("a").Wait, limit.Take("a").Wait, limit.Take("b").Wait), Is.EqualTo(((TimeSpan?)null, (TimeSpan?)null, (TimeSpan?)TimeSpan.FromMilliseconds(100), (TimeSpan?)null)));
        time.Advance(TimeSpan.FromMilliseconds(99));
        Assert.That(limit.Take("a").Wait, Is.Not.Null);
        time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.That(limit.Take("a").Wait, Is.Null);
        time.Advance(TimeSpan.FromHours(1));
        Assert.That((limit.Take("a").Wait, limit.Take("a").Wait, limit.Take("a").Wait is null), Is.EqualTo(((TimeSpan?)null, (TimeSpan?)null, false)), "no more than a burst is kept");
    }

    private static Task<JsonElement> OkAsync(LiveHost host, HttpMethod method, string path, string token, string? body = null) =>
        host.OkAsync(method, path, body, request => With(request, token));

    private static async Task StatusAsync(LiveHost host, HttpMethod method, string path, int status, string token, string? body = null)
    {
        var (was, found, _) = await host.SendAsync(method, path, body, request => With(request, token));
        Assert.That(((int)was, found.ToString()), Is.EqualTo((status, found.ToString())), $"{method} {path}");
    }

    private static void With(HttpRequestMessage request, string token)
    {
        if (token.Length == 0) return;
        if (token.Length % 2 == 0) request.Headers.Add("X-Consul-Token", token);
        else request.Headers.Authorization = new("Bearer", token);
    }
}
