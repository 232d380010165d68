using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.Node.Topology;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;
using Verify.Raft;

namespace Verify.NodeHost.Tests;

/// <summary>The HTTP layer alone, over a node that gives scripted answers: paths, status codes and shapes.</summary>
public sealed class HttpTests
{
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public async Task Start()
    {
        _node = new();
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" } }"""u8, _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseTestServer();
        NodeHostApp.Configure(builder.Services);
        _app = builder.Build();
        NodeHostApp.Map(_app, _node, config, prometheus: null);
        await _app.StartAsync();
        _http = _app.GetTestClient();
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [TestCase(true, "/api/leader-check", 200, "\"OK\"")]
    [TestCase(false, "/api/leader-check", 404, "\"Not leader\"")]
    [TestCase(false, "/api/leader-check/503", 503, "\"Not leader\"")]
    [TestCase(false, "/api/leader-check/nonsense", 404, "\"Not leader\"")]
    public async Task Leader_check_says_200_only_on_the_node_that_holds_the_lease(bool hasLease, string path, int status, string body)
    {
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Status(hasLease, isInQuorum: true);
        await ShouldBeAsync(HttpMethod.Get, path, status, body);
    }

    [TestCase("PUT", "/register")]
    [TestCase("DELETE", "/deregister/web")]
    [TestCase("PUT", "/heartbeat/web")]
    [TestCase("PUT", "/health/check/c")]
    [TestCase("PUT", "/v1/agent/service/register")]
    [TestCase("POST", "/batch/services/register")]
    public async Task A_change_of_services_without_a_leader_is_503_with_a_time_and_never_500_or_400(string method, string path)
    {
        foreach (var request in new[] { typeof(ApiRequest.RegisterService), typeof(ApiRequest.DeregisterService), typeof(ApiRequest.ServiceHeartbeat), typeof(ApiRequest.ReportCheck), typeof(ApiRequest.ImportServices), typeof(ApiRequest.QueryServices) })
            _node.Answers[request] = new ApiReply.NoLeader(TimeSpan.FromMilliseconds(150));
        using var asked = new HttpRequestMessage(new(method), path);
        if (method != "DELETE") asked.Content = new StringContent(path.Contains("batch", StringComparison.Ordinal) ? """{ "services": [{ "name": "web" }] }""" : """{ "name": "web" }""", Encoding.UTF8, "application/json");
        using var answer = await _http.SendAsync(asked);
        Assert.That((answer.StatusCode, answer.Headers.RetryAfter?.Delta), Is.EqualTo((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1))));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("no leader"));
    }

    [Test]
    public async Task Raft_health_says_500_on_a_node_outside_the_quorum()
    {
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Status(hasLease: false, isInQuorum: true);
        await ShouldBeAsync(HttpMethod.Get, "/api/raft-health", 200, "\"healthy\"");
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Status(hasLease: false, isInQuorum: false);
        var body = await ShouldBeAsync(HttpMethod.Get, "/api/raft-health", 500);
        Assert.That(body.GetProperty("Code").GetString(), Is.EqualTo("ERROR"));
    }

    [Test]
    public async Task Raft_state_leader_and_peers_are_bare_values_as_orchestrators()
    {
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Status(hasLease: true, isInQuorum: true);
        await ShouldBeAsync(HttpMethod.Get, "/api/raft-state", 200, "\"Leader\"");
        await ShouldBeAsync(HttpMethod.Get, "/api/raft-leader", 200, "\"n1:10008\"");
        await ShouldBeAsync(HttpMethod.Get, "/api/raft-peers", 200, """["n1:10008","n2:10008","n3:10008"]""");
        var status = await ShouldBeAsync(HttpMethod.Get, "/api/raft-status", 200);
        Assert.That(status.GetProperty("IsPartOfQuorum").GetBoolean(), Is.True);
        Assert.That(status.GetProperty("RaftAdvertise").GetString(), Is.EqualTo("n1:10008"));
    }

    [Test]
    public async Task The_analysis_comes_with_the_vote_of_each_node()
    {
        _node.Answers[typeof(ApiRequest.ReplicationAnalysis)] = new ApiReply.Analysis(
            [new("main", new InstanceKey("db1", 3306), "DeadMaster", "two of three see it down", [new("n2:10008", "down", 120, "refused"), new("n1:10008", "stale", 9000, "")])]);
        var body = await ShouldBeAsync(HttpMethod.Get, "/api/replication-analysis", 200);
        var entry = body.GetProperty("Details")[0];
        Assert.That(entry.GetProperty("Analysis").GetString(), Is.EqualTo("DeadMaster"));
        Assert.That(entry.GetProperty("AnalyzedInstanceKey").GetProperty("Hostname").GetString(), Is.EqualTo("db1"));
        Assert.That(entry.GetProperty("Votes")[1].GetProperty("Vote").GetString(), Is.EqualTo("stale"));
    }

    [Test]
    public async Task A_write_answers_with_its_modify_index_and_a_retry_carries_its_session()
    {
        _node.Answers[typeof(ApiRequest.KvPut)] = new ApiReply.Done(42);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/kv/app/flag") { Content = Json("""{ "value": "on", "cas": 7, "flags": 3 }""") };
        request.Headers.Add("X-Verify-Session", "s1");
        request.Headers.Add("X-Verify-Sequence", "5");
        using var response = await _http.SendAsync(request);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("""{"message":"key set","key":"app/flag","modify_index":42}"""));
        var put = (ApiRequest.KvPut)_node.Asked.Single();
        Assert.That((put.Key, Encoding.UTF8.GetString(put.Value.Span), put.ExpectedIndex, put.Flags, put.Id), Is.EqualTo(("app/flag", "on", 7L, 3UL, new RequestId("s1", 5))));
    }

    [Test]
    public async Task Every_refusal_has_its_own_status()
    {
        (ApiReply Reply, int Status)[] cases =
        [
            (new ApiReply.CasConflict(9), 409), (new ApiReply.NoLeader(TimeSpan.FromMilliseconds(300)), 503), (new ApiReply.Overloaded("busy", TimeSpan.FromSeconds(2)), 429),
            (new ApiReply.Unknown("the leader changed"), 504), (new ApiReply.Refused("disk full on n1"), 507), (new ApiReply.Refused("the value is too large"), 413),
            (new ApiReply.Refused("an empty key"), 400),
        ];
        foreach (var (reply, status) in cases)
        {
            _node.Answers[typeof(ApiRequest.KvPut)] = reply;
            using var response = await _http.PutAsync("/kv/k", Json("""{ "value": "v" }"""));
            Assert.That((int)response.StatusCode, Is.EqualTo(status), reply.ToString());
            if (status is 503 or 429) Assert.That(response.Headers.RetryAfter!.Delta, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(1)));
        }
    }

    [TestCase("not json")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{ "value": 1 }""")]
    [TestCase("""{ "value": "v", "cas": -1 }""")]
    [TestCase("""{ "value": "v", "flags": "x" }""")]
    public async Task A_body_that_is_not_a_write_is_refused_before_the_node_is_asked(string body)
    {
        using var response = await _http.PutAsync("/kv/k", Json(body));
        Assert.That((int)response.StatusCode, Is.EqualTo(400));
        Assert.That(_node.Asked, Is.Empty);
    }

    [Test]
    public async Task Reads_are_linearizable_unless_the_client_says_otherwise()
    {
        _node.Answers[typeof(ApiRequest.KvGet)] = new ApiReply.Value(new("k", "v"u8.ToArray(), 0, 3, 8), 11);
        await ShouldBeAsync(HttpMethod.Get, "/kv/k", 200, """{"key":"k","value":"v","modify_index":8,"create_index":3,"flags":0,"applied_index":11,"age_ms":0}""");
        await ShouldBeAsync(HttpMethod.Get, "/kv/k?consistent=false", 200);
        Assert.That(_node.Asked.Cast<ApiRequest.KvGet>().Select(g => g.Consistency), Is.EqualTo(new[] { ReadConsistency.Consistent, ReadConsistency.Stale }));
    }

    [Test]
    public async Task A_missing_key_is_404()
    {
        _node.Answers[typeof(ApiRequest.KvGet)] = new ApiReply.NotFound(4);
        var body = await ShouldBeAsync(HttpMethod.Get, "/kv/none", 404);
        Assert.That(body.GetProperty("error").GetString(), Is.EqualTo("not found"));
    }

    private static ApiReply.Raft Status(bool hasLease, bool isInQuorum) => new(new(
        new(new NodeId("n1:10008"), hasLease ? RaftRole.Leader : RaftRole.Follower, new(3), null, isInQuorum ? new NodeId("n1:10008") : null,
            new(new(3), new(9)), new(9), new(9), new(9), hasLease, isInQuorum, ImmutableArray<PeerProgress>.Empty),
        [new("n1:10008"), new("n2:10008"), new("n3:10008")], DiskFull: false));

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private async Task<JsonElement> ShouldBeAsync(HttpMethod method, string path, int status, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo((HttpStatusCode)status), text);
        if (body is not null) Assert.That(text, Is.EqualTo(body));
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
