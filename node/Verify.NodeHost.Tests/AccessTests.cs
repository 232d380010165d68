using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>Who may do what over HTTP, by each of orchestrator's methods.</summary>
public sealed class AccessTests
{
    private const string Basic = "\"AuthenticationMethod\": \"basic\", \"HTTPAuthUser\": \"admin\", \"HTTPAuthPassword\": \"secret\"";
    private const string Multi = "\"AuthenticationMethod\": \"multi\", \"HTTPAuthUser\": \"admin\", \"HTTPAuthPassword\": \"secret\"";
    private const string MultiClosed = Multi + ", \"HTTPAuthReadOnlyPassword\": \"look\"";
    private const string Proxy = "\"AuthenticationMethod\": \"proxy\", \"AuthUserHeader\": \"X-User\", \"PowerAuthUsers\": [\"ada\"]";
    private const string ProxyAll = "\"AuthenticationMethod\": \"proxy\"";
    private const string Token = "\"AuthenticationMethod\": \"token\", \"HTTPAuthTokens\": [\"write:0123456789abcdef\", \"readonly:fedcba9876543210\"]";

    // look: status of a read; touch: status of a write, which reaches the node only with 200.
    [TestCase("", "", 200, 200)]
    [TestCase("\"ReadOnly\": true", "", 200, 403)]
    [TestCase(Basic, "", 401, 401)]
    [TestCase(Basic, "Authorization: Basic admin:secret", 200, 200)]
    [TestCase(Basic, "Authorization: Basic admin:wrong", 401, 401)]
    [TestCase(Basic, "Authorization: Basic admin:secre", 401, 401)]
    [TestCase(Basic, "Authorization: Basic other:secret", 401, 401)]
    [TestCase(Basic, "Authorization: Basic readonly:x", 401, 401)]
    [TestCase(Basic, "Authorization: Bearer secret", 401, 401)]
    [TestCase(Basic + ", \"ReadOnly\": true", "Authorization: Basic admin:secret", 200, 403)]
    [TestCase(Multi, "Authorization: Basic admin:secret", 200, 200)]
    [TestCase(Multi, "Authorization: Basic readonly:anything", 200, 403)]
    [TestCase(Multi, "", 401, 401)]
    [TestCase(MultiClosed, "Authorization: Basic readonly:anything", 401, 401)]
    [TestCase(MultiClosed, "Authorization: Basic readonly:look", 200, 403)]
    [TestCase(Proxy, "", 200, 403)]
    [TestCase(Proxy, "X-User: ada", 200, 200)]
    [TestCase(Proxy, "X-User: ADA", 200, 403)]
    [TestCase(Proxy, "X-User: bob", 200, 403)]
    [TestCase(Proxy, "X-Forwarded-User: ada", 200, 403)]
    [TestCase(ProxyAll, "X-Forwarded-User: bob", 200, 200)]
    [TestCase(ProxyAll, "", 200, 403)]
    [TestCase(Token, "", 401, 401)]
    [TestCase(Token, "Authorization: Bearer 0123456789abcdef", 200, 200)]
    [TestCase(Token, "X-Consul-Token: 0123456789abcdef", 200, 200)]
    [TestCase(Token, "Cookie: access-token=fedcba9876543210", 200, 403)]
    [TestCase(Token, "Authorization: Bearer fedcba9876543210", 200, 403)]
    [TestCase(Token, "Authorization: Bearer 0123456789abcdeX", 401, 401)]
    public async Task Each_method_lets_in_whom_it_should(string settings, string header, int look, int touch)
    {
        var node = new ScriptedNode
        {
            Answers = { [typeof(ApiRequest.KvGet)] = new ApiReply.NotFound(1), [typeof(ApiRequest.KvPut)] = new ApiReply.Done(2), [typeof(ApiRequest.KvList)] = new ApiReply.Values([], 1) },
        };
        await using var app = await StartAsync(settings, node);
        Assert.That(await AskAsync(app, HttpMethod.Get, "/kv/", header), Is.EqualTo(look));
        var asked = node.Asked.Count;
        Assert.That(await AskAsync(app, HttpMethod.Put, "/kv/k", header), Is.EqualTo(touch));
        Assert.That(node.Asked.Count - asked, Is.EqualTo(touch == 200 ? 1 : 0), "what is refused does not reach the node");
    }

    [Test]
    public async Task Orchestrators_writing_GETs_need_the_write_role_and_are_refused_in_its_words()
    {
        var node = new ScriptedNode();
        await using var app = await StartAsync(Multi, node);
        using var request = Request(HttpMethod.Get, "/api/raft-yield/n2", "Authorization: Basic readonly:x");
        using var response = await app.GetTestClient().SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("""{"Code":"ERROR","Message":"Unauthorized","Details":null}"""));
        Assert.That(node.Asked, Is.Empty);
    }

    [Test]
    public async Task Exempt_paths_may_be_looked_at_by_anybody_and_only_they()
    {
        await using var app = await StartAsync(Basic + ", \"AuthExemptPaths\": [\"/api/lb-check\", \"/api/raft-yield/n2\", \"/kv/k\"]", new ScriptedNode());
        Assert.That(await AskAsync(app, HttpMethod.Get, "/api/lb-check", ""), Is.EqualTo(200));
        Assert.That(await AskAsync(app, HttpMethod.Get, "/api/lb-check/", ""), Is.EqualTo(401));
        Assert.That(await AskAsync(app, HttpMethod.Get, "/api/_ping", ""), Is.EqualTo(401));
        Assert.That(await AskAsync(app, HttpMethod.Get, "/api/raft-yield/n2", ""), Is.EqualTo(401), "exempt or not, it changes something");
        Assert.That(await AskAsync(app, HttpMethod.Put, "/kv/k", ""), Is.EqualTo(401));
    }

    /// <summary>Lists of names are asked for by POST; that changes nothing, and what changes something beside them is refused as before.</summary>
    [TestCase(MultiClosed, "Authorization: Basic readonly:look")]
    [TestCase(Token, "Authorization: Bearer fedcba9876543210")]
    [TestCase("\"ReadOnly\": true", "")]
    public async Task Who_may_only_read_may_read_many_at_once(string settings, string header)
    {
        var node = new ScriptedNode
        {
            Answers = { [typeof(ApiRequest.KvGetMany)] = new ApiReply.Values([], 1), [typeof(ApiRequest.QueryServices)] = new ApiReply.Services([], 1, 1, default, 0, 0) },
        };
        await using var app = await StartAsync(settings, node);
        foreach (var (path, body, status) in new[]
        {
            ("/batch/kv/get", """{ "keys": ["a"] }""", 200), ("/batch/services/get", """{ "names": ["a"] }""", 200), ("/batch/kv/set", """{ "items": { "a": "1" } }""", 403),
            ("/batch/kv/delete", """{ "keys": ["a"] }""", 403), ("/batch/services/deregister", """{ "names": ["a"] }""", 403), ("/batch/kv/get/more", "{}", 403),
        })
        {
            using var request = Request(HttpMethod.Post, path, header);
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await app.GetTestClient().SendAsync(request);
            Assert.That((int)response.StatusCode, Is.EqualTo(status), path);
        }

        Assert.That(node.Asked, Has.Count.EqualTo(2), "the others did not reach the node");
    }

    /// <summary>A new endpoint cannot forget it: what is no GET needs the role by its method, and of the GETs only these change something.</summary>
    [Test]
    public async Task Every_endpoint_that_changes_something_needs_the_write_role()
    {
        await using var app = await StartAsync("", new ScriptedNode());
        var (marked, reading) = (new SortedSet<string>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal));
        foreach (var endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods;
            var isMarked = endpoint.Metadata.GetMetadata<NeedsWrite>() is not null;
            var (pattern, isReading) = (endpoint.RoutePattern.RawText!, endpoint.Metadata.GetMetadata<ReadsOnly>() is not null);
            if (isReading) Assert.That((reading.Add(pattern), isMarked), Is.EqualTo((true, false)), pattern);
            else if (!methods.Contains("GET", StringComparer.Ordinal)) Assert.That(isMarked, Is.True, endpoint.RoutePattern.RawText);
            else if (isMarked) marked.Add(endpoint.RoutePattern.RawText!);
        }

        Assert.That(reading, Is.EqualTo(new[] { "/batch/kv/get", "/batch/services/get" }), "with a method of writing, these and no others read");
        string[] freno =
        [
            "/recover-host/{host}", "/skip-host/{host}", "/skip-host/{host}/ttl/{ttlMinutes}", "/throttle-app/{app}", "/throttle-app/{app}/ratio/{ratio}",
            "/throttle-app/{app}/ttl/{ttlMinutes}", "/throttle-app/{app}/ttl/{ttlMinutes}/ratio/{ratio}", "/unthrottle-app/{app}",
        ];
        string[] orchestrator =
        [
            "ack-all-recoveries", "ack-recovery", "async-discover", "begin-downtime", "begin-maintenance", "deregister-hostname-resolve", "deregister-hostname-unresolve",
            "disable-global-recoveries", "discover", "enable-global-recoveries", "end-downtime", "end-maintenance", "force-master-failover", "force-master-takeover", "forget",
            "forget-cluster", "graceful-master-takeover", "graceful-master-takeover-auto", "manage-cluster", "raft-yield", "recover", "recover-lite", "refresh",
            "register-candidate", "register-hostname-resolve", "register-hostname-unresolve", "release-cluster", "set-cluster-alias", "set-read-only", "set-writeable", "tag",
            "untag", "untag-all",
        ];
        Assert.That(marked.Except(freno, StringComparer.Ordinal).Select(path => path.Split('/')[2]).Distinct(StringComparer.Ordinal), Is.EquivalentTo(orchestrator), "orchestrator's verbs under /api");
        Assert.That(freno.Except(marked, StringComparer.Ordinal), Is.Empty);
    }

    [TestCase("\"AuthenticationMethod\": \"oauth\"", "AuthenticationMethod must be one of")]
    [TestCase("\"AuthenticationMethod\": \"basic\"", "HTTPAuthUser is missing")]
    [TestCase("\"AuthenticationMethod\": \"basic\", \"HTTPAuthUser\": \"a\"", "HTTPAuthPassword is missing")]
    [TestCase("\"AuthenticationMethod\": \"token\"", "HTTPAuthTokens is missing")]
    [TestCase("\"AuthenticationMethod\": \"token\", \"HTTPAuthTokens\": [\"write:short\"]", "secrets of at least 16 characters")]
    [TestCase("\"HTTPAllowedNetworks\": [\"10.0.0.1/8\"]", "'10.0.0.1/8' is none")]
    public void Settings_that_would_leave_a_door_open_are_refused(string settings, string problem) =>
        Assert.That(Assert.Throws<ConfigException>(() => Parse(settings))!.Problems, Has.Some.Contains(problem).And.None.Contains("short"));

    private static HostConfig Parse(string settings) =>
        HostConfig.Parse("node.json", Encoding.UTF8.GetBytes($"{{ \"RaftDataDir\": \"d\"{(settings.Length > 0 ? ", " + settings : "")} }}"), _ => null);

    private static Task<WebApplication> StartAsync(string settings, ScriptedNode node) => TestHttp.StartAsync(node, Parse(settings));

    private static async Task<int> AskAsync(WebApplication app, HttpMethod method, string path, string header)
    {
        using var request = Request(method, path, header);
        using var response = await app.GetTestClient().SendAsync(request);
        if (response.StatusCode == HttpStatusCode.Unauthorized) Assert.That(response.Headers.WwwAuthenticate, Is.Not.Empty);
        return (int)response.StatusCode;
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string header)
    {
        var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Put) request.Content = new StringContent("""{ "value": "v" }""", Encoding.UTF8, "application/json");
        if (header.Length == 0) return request;
        var parts = header.Split(": ", 2);
        var value = parts[1].StartsWith("Basic ", StringComparison.Ordinal) ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(parts[1]["Basic ".Length..])) : parts[1];
        request.Headers.TryAddWithoutValidation(parts[0], value);
        return request;
    }
}
