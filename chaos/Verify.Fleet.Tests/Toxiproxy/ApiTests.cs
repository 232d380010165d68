using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Verify.Fleet.Toxiproxy;

namespace Verify.Fleet.Tests.Toxiproxy;

/// <summary>The API as any Toxiproxy client sees it: routes, shapes, status codes and error texts of Toxiproxy 2.12.</summary>
public sealed class ApiTests
{
    private const string Redis = """{"name":"redis","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}""";
    private ToxiproxyServer _server = null!;
    private HttpClient _http = null!;

    [SetUp]
    public void Start()
    {
        _server = ToxiproxyServer.Start();
        _http = new() { BaseAddress = _server.Url };
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_browser_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "proxies");
        request.Headers.TryAddWithoutValidation("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)");
        using var reply = await _http.SendAsync(request);
        Assert.That(reply.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await reply.Content.ReadAsStringAsync()).TrimEnd(), Is.EqualTo("User agent not allowed"));
    }

    [Test]
    public async Task The_version_is_told_as_JSON_with_its_content_type()
    {
        using var reply = await _http.GetAsync("version");
        Assert.That(reply.Content.Headers.NonValidated["Content-Type"].ToString(), Is.EqualTo("application/json;charset=utf-8"));
        Assert.That(reply.Headers.Contains("X-Toxiproxy-Request-Id"));
        Assert.That(await reply.Content.ReadAsStringAsync(), Is.EqualTo("{\"version\": \"2.12.0\"}\n"));
    }

    [Test]
    public async Task Proxies_are_an_object_keyed_by_name_and_a_new_one_has_its_real_port_and_no_toxics()
    {
        Assert.That((await Ask("GET", "proxies")).Text, Is.EqualTo("{}"));
        var (status, text) = await Ask("POST", "proxies", Redis);
        Assert.That(status, Is.EqualTo(201));
        var made = JsonNode.Parse(text)!.AsObject();
        Assert.That(made.Select(f => f.Key), Is.EqualTo(new[] { "name", "listen", "upstream", "enabled", "toxics" }));
        Assert.That(made["enabled"]!.GetValue<bool>());
        Assert.That(made["toxics"]!.AsArray(), Is.Empty);
        Assert.That(made["listen"]!.GetValue<string>(), Does.StartWith("127.0.0.1:").And.Not.EndsWith(":0"));
        var all = JsonNode.Parse((await Ask("GET", "proxies")).Text)!.AsObject();
        Assert.That(all.Select(p => p.Key), Is.EqualTo(new[] { "redis" }));
        Assert.That((await Ask("GET", "proxies/redis")).Text, Is.EqualTo(text));
    }

    [TestCase("""{"upstream":"a:1"}""", 400, "missing required field: name")]
    [TestCase("""{"name":"","upstream":"a:1"}""", 400, "missing required field: name")]
    [TestCase("""{"name":"a"}""", 400, "missing required field: upstream")]
    public async Task A_proxy_without_a_field_is_refused_with_its_name(string body, int status, string error) =>
        await Refuses("POST", "proxies", body, status, error);

    [TestCase("proxies")]
    [TestCase("populate")]
    public async Task A_body_that_is_no_JSON_is_refused(string path)
    {
        var (status, text) = await Ask("POST", path, "{nonsense");
        Assert.That(status, Is.EqualTo(400));
        Assert.That(JsonNode.Parse(text)!["error"]!.GetValue<string>(), Does.StartWith("bad request body: "));
    }

    [Test]
    public async Task An_error_is_JSON_sent_as_plain_text_with_a_newline_and_carries_the_older_field_title()
    {
        using var reply = await _http.GetAsync("proxies/nobody");
        var text = await reply.Content.ReadAsStringAsync();
        Assert.That((int)reply.StatusCode, Is.EqualTo(404));
        Assert.That(reply.Content.Headers.ContentType!.ToString(), Is.EqualTo("text/plain; charset=utf-8"));
        Assert.That(text, Is.EqualTo("{\"error\":\"proxy not found\",\"title\":\"proxy not found\",\"status\":404}\n"));
    }

    [Test]
    public async Task What_is_not_there_is_not_found_on_every_route()
    {
        foreach (var (method, path) in new[] { ("GET", "proxies/x"), ("POST", "proxies/x"), ("PATCH", "proxies/x"), ("DELETE", "proxies/x"), ("GET", "proxies/x/toxics"), ("POST", "proxies/x/toxics"), ("GET", "proxies/x/toxics/y") })
        {
            await Refuses(method, path, "{}", 404, "proxy not found");
        }

        await Ask("POST", "proxies", Redis);
        foreach (var method in new[] { "GET", "POST", "PATCH", "DELETE" }) await Refuses(method, "proxies/redis/toxics/y", "{}", 404, "toxic not found");
        Assert.That((await Ask("GET", "nowhere")).Status, Is.EqualTo(404));
        Assert.That((await Ask("DELETE", "proxies")).Status, Is.EqualTo(405));
    }

    [Test]
    public async Task A_name_or_an_address_that_is_taken_is_refused()
    {
        var first = JsonNode.Parse((await Ask("POST", "proxies", Redis)).Text)!["listen"]!.GetValue<string>();
        await Refuses("POST", "proxies", Redis, 409, "proxy already exists");
        await Refuses("POST", "proxies", $$"""{"name":"other","listen":"{{first}}","upstream":"a:1"}""", 500, $"listen tcp {first}: bind: address already in use");
    }

    [Test]
    public async Task An_update_is_partial_by_POST_and_by_PATCH_and_never_renames()
    {
        var listen = JsonNode.Parse((await Ask("POST", "proxies", Redis)).Text)!["listen"]!.GetValue<string>();
        foreach (var method in new[] { "POST", "PATCH" })
        {
            var down = await Ask(method, "proxies/redis", """{"enabled":false,"name":"other"}""");
            Assert.That(down, Is.EqualTo((200, $$"""{"name":"redis","listen":"{{listen}}","upstream":"127.0.0.1:6379","enabled":false,"toxics":[]}""")));
            var up = await Ask(method, "proxies/redis", """{"enabled":true,"upstream":"127.0.0.1:6380"}""");
            Assert.That(up, Is.EqualTo((200, $$"""{"name":"redis","listen":"{{listen}}","upstream":"127.0.0.1:6380","enabled":true,"toxics":[]}""")));
            await Ask(method, "proxies/redis", """{"upstream":"127.0.0.1:6379"}""");
        }
    }

    [Test]
    public async Task A_deleted_proxy_is_gone()
    {
        await Ask("POST", "proxies", Redis);
        Assert.That(await Ask("DELETE", "proxies/redis"), Is.EqualTo((204, "")));
        await Refuses("GET", "proxies/redis", body: null, 404, "proxy not found");
    }

    [Test]
    public async Task A_toxic_has_its_defaults_and_its_field_order()
    {
        await Ask("POST", "proxies", Redis);
        Assert.That(await Ask("POST", "proxies/redis/toxics", """{"type":"latency","attributes":{"latency":1000}}"""),
            Is.EqualTo((200, """{"attributes":{"latency":1000,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}""")));
        Assert.That(await Ask("POST", "proxies/redis/toxics", """{"name":"cut","type":"timeout","stream":"UPSTREAM","toxicity":0.2}"""),
            Is.EqualTo((200, """{"attributes":{"timeout":0},"name":"cut","type":"timeout","stream":"upstream","toxicity":0.2}""")));
        var list = JsonNode.Parse((await Ask("GET", "proxies/redis/toxics")).Text)!.AsArray();
        Assert.That(list.Select(t => t!["name"]!.GetValue<string>()), Is.EqualTo(new[] { "cut", "latency_downstream" }), "upstream first, then downstream");
        Assert.That(JsonNode.Parse((await Ask("GET", "proxies/redis")).Text)!["toxics"]!.ToJsonString(), Is.EqualTo(list.ToJsonString()));
        Assert.That((await Ask("GET", "proxies/redis/toxics/cut")).Text, Is.EqualTo(list[0]!.ToJsonString()));
    }

    [TestCase("latency", """{"latency":0,"jitter":0}""")]
    [TestCase("bandwidth", """{"rate":0}""")]
    [TestCase("slow_close", """{"delay":0}""")]
    [TestCase("timeout", """{"timeout":0}""")]
    [TestCase("reset_peer", """{"timeout":0}""")]
    [TestCase("slicer", """{"average_size":0,"size_variation":0,"delay":0}""")]
    [TestCase("limit_data", """{"bytes":0}""")]
    [TestCase("noop", "{}")]
    public async Task Every_type_of_toxic_is_known_with_its_attributes(string type, string attributes)
    {
        await Ask("POST", "proxies", Redis);
        var (status, text) = await Ask("POST", "proxies/redis/toxics", $$"""{"type":"{{type}}"}""");
        Assert.That(status, Is.EqualTo(200), text);
        Assert.That(JsonNode.Parse(text)!["attributes"]!.ToJsonString(), Is.EqualTo(attributes));
        Assert.That(await Ask("DELETE", $"proxies/redis/toxics/{type}_downstream"), Is.EqualTo((204, "")));
        Assert.That((await Ask("GET", "proxies/redis/toxics")).Text, Is.EqualTo("[]"));
    }

    [Test]
    public async Task A_toxic_that_cannot_be_is_refused()
    {
        await Ask("POST", "proxies", Redis);
        const string Path = "proxies/redis/toxics";
        await Refuses("POST", Path, """{"type":"latency","stream":"sideways"}""", 400, "stream was invalid, can be either upstream or downstream");
        await Refuses("POST", Path, """{"type":"earthquake"}""", 400, "invalid toxic type");
        await Refuses("POST", Path, "{}", 400, "invalid toxic type");
        await Ask("POST", Path, """{"type":"latency","name":"one"}""");
        await Refuses("POST", Path, """{"type":"slicer","name":"one","stream":"upstream"}""", 409, "toxic already exists");
        foreach (var attributes in new[] { """{"rate":-1}""", """{"rate":1.5}""", """{"rate":"fast"}""", "7" })
        {
            var (status, text) = await Ask("POST", Path, $$"""{"type":"bandwidth","attributes":{{attributes}} }""");
            Assert.That(status, Is.EqualTo(400), attributes);
            Assert.That(JsonNode.Parse(text)!["error"]!.GetValue<string>(), Does.StartWith("bad request body: "));
        }
    }

    [Test]
    public async Task An_update_of_a_toxic_merges_attributes_and_keeps_type_stream_and_name()
    {
        await Ask("POST", "proxies", Redis);
        await Ask("POST", "proxies/redis/toxics", """{"type":"latency","name":"lat","stream":"upstream","attributes":{"latency":100,"jitter":10}}""");
        foreach (var (method, jitter) in new[] { ("POST", 20), ("PATCH", 30) })
        {
            Assert.That(await Ask(method, "proxies/redis/toxics/lat", $$"""{"name":"x","type":"timeout","stream":"downstream","toxicity":0.5,"attributes":{"jitter":{{jitter}} } }"""),
                Is.EqualTo((200, $$"""{"attributes":{"latency":100,"jitter":{{jitter}}},"name":"lat","type":"latency","stream":"upstream","toxicity":0.5}""")));
        }
    }

    [Test]
    public async Task Reset_brings_every_proxy_up_and_removes_every_toxic()
    {
        await Ask("POST", "proxies", """{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false}""");
        await Ask("POST", "proxies", Redis);
        await Ask("POST", "proxies/redis/toxics", """{"type":"latency"}""");
        Assert.That(await Ask("POST", "reset"), Is.EqualTo((204, "")));
        foreach (var (_, proxy) in JsonNode.Parse((await Ask("GET", "proxies")).Text)!.AsObject())
        {
            Assert.That(proxy!["enabled"]!.GetValue<bool>());
            Assert.That(proxy["toxics"]!.AsArray(), Is.Empty);
        }
    }

    [Test]
    public async Task Populate_makes_all_leaves_the_same_alone_and_replaces_the_changed()
    {
        var (status, text) = await Ask("POST", "populate", """[{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"},{"name":"b","listen":"127.0.0.1:0","upstream":"127.0.0.1:2","enabled":false}]""");
        Assert.That(status, Is.EqualTo(201));
        var made = JsonNode.Parse(text)!["proxies"]!.AsArray();
        Assert.That(made.Select(p => p!["enabled"]!.GetValue<bool>()), Is.EqualTo(new[] { true, false }));
        await Ask("POST", "proxies/a/toxics", """{"type":"latency"}""");
        var again = JsonNode.Parse((await Ask("POST", "populate", $$"""[{"name":"a","listen":"{{made[0]!["listen"]}}","upstream":"127.0.0.1:1"}]""")).Text)!["proxies"]!.AsArray();
        Assert.That(again[0]!["toxics"]!.AsArray(), Has.Count.EqualTo(1), "identical: untouched");
        var changed = JsonNode.Parse((await Ask("POST", "populate", $$"""[{"name":"a","listen":"{{made[0]!["listen"]}}","upstream":"127.0.0.1:3"}]""")).Text)!["proxies"]!.AsArray();
        Assert.That(changed[0]!["toxics"]!.AsArray(), Is.Empty, "another upstream: a new proxy");
        Assert.That(changed[0]!["upstream"]!.GetValue<string>(), Is.EqualTo("127.0.0.1:3"));
    }

    [Test]
    public async Task Populate_checks_all_before_it_makes_any_and_says_what_it_has_made()
    {
        var (status, text) = await Ask("POST", "populate", """[{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"},{"upstream":"127.0.0.1:2"}]""");
        Assert.That(status, Is.EqualTo(400));
        var reply = JsonNode.Parse(text)!.AsObject();
        Assert.That(reply["error"]!.GetValue<string>(), Is.EqualTo("missing required field: name at proxy 2"));
        Assert.That(reply["status"]!.GetValue<int>(), Is.EqualTo(400));
        Assert.That(reply.ContainsKey("proxies") && reply["proxies"] is null);
        Assert.That((await Ask("GET", "proxies")).Text, Is.EqualTo("{}"));

        (status, text) = await Ask("POST", "populate", """[{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"},{"name":"b","listen":"192.0.2.1:5","upstream":"127.0.0.1:2"}]""");
        Assert.That(status, Is.EqualTo(500));
        Assert.That(JsonNode.Parse(text)!["proxies"]!.AsArray().Select(p => p!["name"]!.GetValue<string>()), Is.EqualTo(new[] { "a" }));
        Assert.That(JsonNode.Parse(text)!["error"]!.GetValue<string>(), Is.EqualTo("listen tcp 192.0.2.1:5: bind: cannot assign requested address"));
    }

    [Test]
    public async Task A_body_in_chunks_is_understood()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "proxies") { Content = new StringContent(Redis) };
        request.Headers.TransferEncodingChunked = true;
        using var reply = await _http.SendAsync(request);
        Assert.That((int)reply.StatusCode, Is.EqualTo(201));
    }

    [Test]
    public async Task Bytes_that_are_no_HTTP_are_refused_and_the_server_goes_on()
    {
        using (var client = await EchoClient.ConnectAsync(_server.Url.Authority))
        {
            await client.SendAsync(Encoding.ASCII.GetBytes("\u0001\u0002 nonsense\r\n\r\n"));
            Assert.That(Encoding.ASCII.GetString(await client.ReceiveAsync(12)), Is.EqualTo("HTTP/1.1 400"));
        }

        Assert.That((await Ask("GET", "proxies")).Status, Is.EqualTo(200));
    }

    private async Task Refuses(string method, string path, string? body, int status, string error)
    {
        var reply = await Ask(method, path, body);
        Assert.That(reply.Status, Is.EqualTo(status), $"{method} {path}: {reply.Text}");
        var json = JsonNode.Parse(reply.Text)!;
        Assert.That(json["error"]!.GetValue<string>(), Is.EqualTo(error));
        Assert.That(json["title"]!.GetValue<string>(), Is.EqualTo(error));
        Assert.That(json["status"]!.GetValue<int>(), Is.EqualTo(status));
    }

    private async Task<(int Status, string Text)> Ask(string method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var reply = await _http.SendAsync(request);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }
}
