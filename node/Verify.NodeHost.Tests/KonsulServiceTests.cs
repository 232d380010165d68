using System.Net;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Services as Konsul's clients use them, against a real node; among them each fault that Konsul has, shown absent.</summary>
public sealed class KonsulServiceTests
{
    private LiveHost _host = null!;

    [SetUp]
    public async Task Start() => _host = await LiveHost.StartAsync();

    [TearDown]
    public async Task Stop() => await _host.DisposeAsync();

    [Test]
    public async Task The_curl_samples_of_Konsuls_documents_are_answered_as_they_say()
    {
        var told = await _host.PutAsync("/register", """{ "name": "auth-service", "address": "10.0.0.1", "port": 8080, "tags": ["env:prod", "http"], "meta": { "team": "platform", "version": "2.1.0" } }""");
        Assert.That(told.GetProperty("message").GetString(), Is.EqualTo("service registered"));
        Assert.That(told.GetProperty("service").GetProperty("name").GetString(), Is.EqualTo("auth-service"));
        Assert.That(told.GetProperty("modify_index").GetInt64(), Is.Positive);
        Assert.That((await _host.PutAsync("/heartbeat/auth-service")).ToString(), Is.EqualTo("""{"message":"heartbeat updated","service":"auth-service"}"""));
        var all = await _host.GetAsync("/services/");
        Assert.That((all.ValueKind, all.GetArrayLength(), all[0].GetProperty("port").GetInt32()), Is.EqualTo((JsonValueKind.Array, 1, 8080)));
        var one = await _host.GetAsync("/services/auth-service?metadata=true");
        Assert.That(one.GetProperty("service").GetProperty("address").GetString(), Is.EqualTo("10.0.0.1"));
        Assert.That((one.GetProperty("expires_at").GetDateTimeOffset() - DateTimeOffset.UtcNow).TotalSeconds, Is.InRange(25, 35), "30 s where nothing is said");
        Assert.That(one.GetProperty("create_index").GetInt64(), Is.EqualTo(one.GetProperty("modify_index").GetInt64()));

        var tagged = await _host.GetAsync("/services/query/tags?tags=env:prod&tags=http");
        Assert.That((tagged.GetProperty("count").GetInt32(), tagged.GetProperty("query").ToString()), Is.EqualTo((1, """{"tags":["env:prod","http"]}""")));
        Assert.That((await _host.GetAsync("/services/query/tags?tags=env:prod&tags=udp")).GetProperty("count").GetInt32(), Is.Zero, "all tags must be there");
        var meta = await _host.GetAsync("/services/query/metadata?team=platform");
        Assert.That((meta.GetProperty("count").GetInt32(), meta.GetProperty("query").ToString()), Is.EqualTo((1, """{"metadata":{"team":"platform"}}""")));
        var both = await _host.GetAsync("/services/query?tags=http&meta.team=platform&meta.version=2.1.0");
        Assert.That((both.GetProperty("count").GetInt32(), both.GetProperty("query").GetProperty("metadata").GetProperty("version").GetString()), Is.EqualTo((1, "2.1.0")));

        Assert.That((await _host.GetAsync("/lb/strategy")).ToString(), Is.EqualTo("""{"strategy":"round-robin"}"""));
        Assert.That((await _host.GetAsync("/lb/service/auth-service")).GetProperty("strategy").GetString(), Is.EqualTo("round-robin"));
        Assert.That((await _host.PutAsync("/lb/strategy", """{ "strategy": "least-connections" }""")).ToString(), Is.EqualTo("""{"message":"strategy updated","strategy":"least-connections"}"""));
        foreach (var path in new[] { "/lb/tags?tags=http", "/lb/metadata?team=platform", "/lb/query?tags=http&meta.team=platform" })
            Assert.That((await _host.GetAsync(path)).GetProperty("service").GetProperty("name").GetString(), Is.EqualTo("auth-service"), path);
        await StatusAsync(HttpMethod.Put, "/lb/strategy", 400, """{ "strategy": "best" }""", "round-robin, random, least-connections");
        await StatusAsync(HttpMethod.Get, "/lb/tags?tags=none", 404, null, "No service instances matching query");

        Assert.That((await _host.OkAsync(HttpMethod.Delete, "/deregister/auth-service")).GetProperty("name").GetString(), Is.EqualTo("auth-service"));
        await StatusAsync(HttpMethod.Get, "/services/auth-service", 404);
        await StatusAsync(HttpMethod.Put, "/heartbeat/auth-service", 404);
        await StatusAsync(HttpMethod.Get, "/lb/service/auth-service", 404);
    }

    /// <summary>Found by playing Konsul's documents with curl: the body was not read, and a check that said "critical" went on passing, with a 200.</summary>
    [Test]
    public async Task A_check_that_says_in_the_body_that_it_is_critical_is_critical()
    {
        await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1, "checks": [{ "id": "alive", "name": "alive", "ttl": "10m" }] }""");
        await _host.PutAsync("/health/check/alive", """{ "status": "critical", "output": "gone" }""");
        var check = (await _host.GetAsync("/health/service/web"))[0];
        Assert.That((check.GetProperty("status").GetString(), check.GetProperty("output").GetString()), Is.EqualTo(("critical", "gone")));
        await StatusAsync(HttpMethod.Put, "/health/check/alive", 400, """{ "status": "ill" }""", "status must be passing, warning or critical, not 'ill'");
        await _host.PutAsync("/health/check/alive");
        Assert.That((await _host.GetAsync("/health/service/web"))[0].GetProperty("status").GetString(), Is.EqualTo("passing"));
    }

    [Test]
    public async Task A_compare_and_set_that_does_not_hold_is_a_409_and_no_success_with_index_0()
    {
        var index = (await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1, "cas": 0 }""")).GetProperty("modify_index").GetInt64();
        var conflict = await StatusAsync(HttpMethod.Put, "/register", 409, """{ "name": "web", "address": "a", "port": 2, "cas": 0 }""", "CAS conflict");
        Assert.That(conflict.GetProperty("modify_index").GetInt64(), Is.EqualTo(index));
        Assert.That((await _host.GetAsync("/services/web")).GetProperty("port").GetInt32(), Is.EqualTo(1));
        var next = (await _host.PutAsync("/register", $$"""{ "name": "web", "address": "a", "port": 2, "cas": {{index}} }""")).GetProperty("modify_index").GetInt64();
        Assert.That(next, Is.GreaterThan(index));
        await StatusAsync(HttpMethod.Delete, $"/deregister/web?cas={index}", 409);
        await _host.GetAsync("/services/web");
        await _host.OkAsync(HttpMethod.Delete, $"/deregister/web?cas={next}");
        await StatusAsync(HttpMethod.Get, "/services/web", 404);
    }

    [Test]
    public async Task The_modify_index_is_the_logs_and_does_not_go_back_after_a_removal()
    {
        var first = (await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1 }""")).GetProperty("modify_index").GetInt64();
        await _host.OkAsync(HttpMethod.Delete, "/deregister/web");
        var second = (await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1 }""")).GetProperty("modify_index").GetInt64();
        var key = await _host.PutAsync("/kv/a", """{ "value": "1" }""");
        Assert.That(second, Is.GreaterThan(first + 1));
        Assert.That(key.GetProperty("modify_index").GetInt64(), Is.GreaterThan(second), "one index for keys and services");
    }

    [Test]
    public async Task A_name_has_several_instances_and_a_client_that_knows_one_still_finds_one()
    {
        await _host.PutAsync("/register", """{ "name": "web", "id": "web-1", "address": "a", "port": 1, "ttl": "0" }""");
        await _host.PutAsync("/register", """{ "name": "web", "id": "web-2", "address": "b", "port": 2, "checks": [{ "name": "alive", "ttl": "10s", "status": "critical" }] }""");
        var one = await _host.GetAsync("/services/web");
        Assert.That((one.GetProperty("id").GetString(), one.GetProperty("instances").GetArrayLength()), Is.EqualTo(("web-1", 2)));
        Assert.That((await _host.GetAsync("/services/web?id=web-2")).GetProperty("status").GetString(), Is.EqualTo("critical"));
        for (var i = 0; i < 4; i++) Assert.That((await _host.GetAsync("/lb/service/web")).GetProperty("service").GetProperty("id").GetString(), Is.EqualTo("web-1"), "only what passes is given out");
        await StatusAsync(HttpMethod.Put, "/heartbeat/web", 400, null, "?id=");
        await _host.PutAsync("/heartbeat/web?id=web-2&connections=4");
        await _host.OkAsync(HttpMethod.Delete, "/deregister/web?id=web-1");
        await StatusAsync(HttpMethod.Get, "/lb/service/web", 404);
        Assert.That((await _host.GetAsync("/services/web")).GetProperty("connections").GetInt64(), Is.EqualTo(4));
    }

    [Test]
    public async Task A_TTL_check_passes_until_nobody_says_so_any_more_and_its_end_is_everybodys()
    {
        await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1, "checks": [{ "id": "alive", "name": "alive", "ttl": "400ms" }] }""");
        Assert.That((await _host.PutAsync("/health/check/alive")).ToString(), Is.EqualTo("""{"message":"TTL check updated","check_id":"alive"}"""));
        var checks = await _host.GetAsync("/health/service/web");
        Assert.That((checks[0].GetProperty("status").GetString(), checks[0].GetProperty("ttl").GetInt64()), Is.EqualTo(("passing", 400_000_000L)));
        await Until.AsyncOf("the check to be critical", async () => (await _host.GetAsync("/health/checks"))[0].GetProperty("status").GetString() is "critical" ? "yes" : null);
        await StatusAsync(HttpMethod.Get, "/lb/service/web", 404);
        await StatusAsync(HttpMethod.Get, "/health/service/none", 404);
        await StatusAsync(HttpMethod.Put, "/health/check/none", 404);
        await StatusAsync(HttpMethod.Put, "/health/check/alive?status=well", 400);
    }

    [Test]
    public async Task Health_looks_before_it_says_ready()
    {
        Assert.That((await _host.GetAsync("/health/live")).GetProperty("status").GetString(), Is.EqualTo("alive"));
        Assert.That((await _host.GetAsync("/health/ready")).GetProperty("status").GetString(), Is.EqualTo("ready"));
        var health = await _host.GetAsync("/health");
        Assert.That((health.GetProperty("status").GetString(), health.GetProperty("services").GetProperty("total").GetInt32(), health.GetProperty("kv_store").GetProperty("total_keys").GetInt32()), Is.EqualTo(("healthy", 0, 0)));
    }

    [Test]
    public async Task A_batch_of_registrations_is_one_entry_and_one_wrong_one_stops_all()
    {
        var done = await _host.OkAsync(HttpMethod.Post, "/batch/services/register", """{ "services": [{ "name": "a", "address": "h", "port": 1 }, { "name": "b", "address": "h", "port": 2 }] }""");
        Assert.That((done.GetProperty("count").GetInt32(), done.GetProperty("registered").ToString()), Is.EqualTo((2, """["a","b"]""")));
        await StatusAsync(HttpMethod.Post, "/batch/services/register", 400, """{ "services": [{ "name": "c", "address": "h", "port": 1 }, { "name": "d", "port": 70000 }] }""", "registration 2");
        var got = await _host.OkAsync(HttpMethod.Post, "/batch/services/get", """{ "names": ["a", "c"] }""");
        Assert.That((got.GetProperty("found").GetProperty("a").GetProperty("port").GetInt32(), got.GetProperty("not_found").ToString()), Is.EqualTo((1, """["c"]""")));
        var gone = await _host.OkAsync(HttpMethod.Post, "/batch/services/deregister", """{ "names": ["a", "b", "c"] }""");
        Assert.That((gone.GetProperty("count").GetInt32(), gone.GetProperty("not_found").ToString()), Is.EqualTo((2, """["c"]""")));
    }

    [TestCase("""{ "address": "a" }""", "name is missing")]
    [TestCase("""{ "name": "web", "port": "x" }""", "port must be a whole number")]
    [TestCase("""{ "name": "web", "color": 1 }""", "color is not known here")]
    [TestCase("""{ "name": "web", "checks": [{ "grpc": "h:1" }] }""", "checks[0].grpc is not built here")]
    [TestCase("""{ "name": "web", "checks": [{ "http": "https://h/" }] }""", "https is not built")]
    [TestCase("""{ "name": "web", "checks": [{ "name": "x" }] }""", "its TTL")]
    [TestCase("""{ "name": "web", "checks": [{ "ttl": "1s", "interval": "often" }] }""", "interval must be a time")]
    [TestCase("[]", "must be a JSON object")]
    [TestCase("{", "not JSON")]
    public Task What_cannot_be_registered_is_refused_with_its_place(string body, string words) => StatusAsync(HttpMethod.Put, "/register", 400, body, words);

    [Test]
    public async Task A_backup_is_listed_and_restored_and_brings_keys_and_services_back_as_they_were()
    {
        await _host.PutAsync("/kv/a", """{ "value": "1", "flags": 42 }""");
        await _host.PutAsync("/register", """{ "name": "web", "id": "web-1", "address": "a", "port": 1, "tags": ["x"], "meta": { "k": "v" }, "ttl": "10m", "checks": [{ "id": "c", "name": "c", "tcp": "127.0.0.1:1", "interval": "1m" }] }""");
        var before = (await _host.GetAsync("/services/web")).GetProperty("checks").ToString();
        var made = await _host.OkAsync(HttpMethod.Post, "/backup");
        var name = made.GetProperty("backup_path").GetString();
        Assert.That((made.GetProperty("pairs").GetInt32(), made.GetProperty("services").GetInt32()), Is.EqualTo((1, 1)));
        Assert.That((await _host.GetAsync("/backups")).GetProperty("backups")[0].GetProperty("name").GetString(), Is.EqualTo(name));
        await _host.PutAsync("/kv/a", """{ "value": "2" }""");
        await _host.PutAsync("/kv/b", """{ "value": "new" }""");
        await _host.OkAsync(HttpMethod.Delete, "/deregister/web");
        await _host.PutAsync("/register", """{ "name": "late", "address": "a", "port": 1 }""");

        await _host.OkAsync(HttpMethod.Post, "/restore", $$"""{ "backup_path": "{{name}}" }""");
        var pair = await _host.GetAsync("/kv/a");
        Assert.That((pair.GetProperty("value").GetString(), pair.GetProperty("flags").GetInt32()), Is.EqualTo(("1", 42)));
        await StatusAsync(HttpMethod.Get, "/kv/b", 404);
        await StatusAsync(HttpMethod.Get, "/services/late", 404);
        var web = await _host.GetAsync("/services/web");
        Assert.That((web.GetProperty("id").GetString(), web.GetProperty("meta").ToString(), web.GetProperty("checks").ToString()), Is.EqualTo(("web-1", """{"k":"v"}""", before)));

        await StatusAsync(HttpMethod.Post, "/restore", 404, """{ "backup_path": "none.ndjson" }""");
        foreach (var path in new[] { "../data/x", "/etc/passwd", "", ".hidden" }) await StatusAsync(HttpMethod.Post, "/restore", 400, JsonSerializer.Serialize(new { backup_path = path }));
    }

    [Test]
    public async Task An_export_in_Konsuls_shape_is_imported_again_bytes_and_all()
    {
        await _host.PutAsync("/kv/text", """{ "value": "one" }""");
        using (var bytes = await _host.Http.PutAsync("/v1/kv/bytes", new ByteArrayContent([0xFF, 0x00, 0x80]))) Assert.That(bytes.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1 }""");
        var export = await _host.GetAsync("/export");
        Assert.That((export.GetProperty("kv").GetProperty("text").GetString(), export.GetProperty("kv_base64").GetProperty("bytes").GetString()), Is.EqualTo(("one", "/wCA")));
        await _host.OkAsync(HttpMethod.Delete, "/kv/text");
        await _host.OkAsync(HttpMethod.Delete, "/kv/bytes");
        await _host.OkAsync(HttpMethod.Delete, "/deregister/web");
        var done = await _host.OkAsync(HttpMethod.Post, "/import", export.ToString());
        Assert.That((done.GetProperty("message").GetString(), done.GetProperty("pairs").GetInt32(), done.GetProperty("services").GetInt32()), Is.EqualTo(("Data imported successfully", 2, 1)));
        Assert.That(await _host.Http.GetByteArrayAsync("/v1/kv/bytes?raw"), Is.EqualTo(new byte[] { 0xFF, 0x00, 0x80 }));
        await _host.GetAsync("/services/web");
        await _host.OkAsync(HttpMethod.Post, "/import", """{ "kv": { "k": "v" }, "services": { "old": { "service": { "name": "old", "address": "h", "port": 9 }, "expires_at": "2025-01-01T00:00:00Z", "modify_index": 3 } } }""");
        await _host.GetAsync("/services/old");
        foreach (var (body, words) in new[] { ("""{ "keys": {} }""", "keys"), ("""{ "kv": { "a": 1 } }""", "kv.a must be a text"), ("""{ "services": { "x": {} } }""", "name is missing") })
            await StatusAsync(HttpMethod.Post, "/import", 400, body, words);
    }

    [Test]
    public async Task An_export_as_lines_holds_services_too_and_a_changed_one_is_refused_before_the_first_write()
    {
        await _host.PutAsync("/kv/a", """{ "value": "1" }""");
        await _host.PutAsync("/register", """{ "name": "web", "address": "a", "port": 1 }""");
        var lines = await _host.Http.GetStringAsync("/cluster/export");
        Assert.That(lines.Split('\n')[0], Does.Contain("\"version\":2").And.Contain("\"services\":1"));
        await _host.OkAsync(HttpMethod.Delete, "/deregister/web");
        await StatusAsync(HttpMethod.Post, "/cluster/import", 400, lines.Replace("\"port\":1", "\"port\":2", StringComparison.Ordinal), "checksum");
        await StatusAsync(HttpMethod.Get, "/services/web", 404);
        var done = await _host.OkAsync(HttpMethod.Post, "/cluster/import", lines);
        Assert.That((done.GetProperty("imported").GetInt32(), done.GetProperty("skipped").GetInt32(), done.GetProperty("services").GetInt32()), Is.EqualTo((0, 1, 1)));
        await _host.GetAsync("/services/web");
    }

    private async Task<JsonElement> StatusAsync(HttpMethod method, string path, int status, string? body = null, string words = "")
    {
        var (was, found, _) = await _host.SendAsync(method, path, body);
        Assert.That(((int)was, found.ToString()), Is.EqualTo((status, found.ToString())), $"{method} {path}");
        Assert.That(found.ToString(), Does.Contain(words));
        return found;
    }
}
