using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.Node.State.Fleet;
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
        _app = await TestHttp.StartAsync(_node, config);
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
        _node.Answers[typeof(ApiRequest.TopologyAnalysis)] = new ApiReply.Topology(
            [new("main", new InstanceKey("db1", 3306), "DeadMaster", "two of three see it down") { Votes = [new("n2:10008", "down", 120, "refused"), new("n1:10008", "stale", 9000, "")] }]);
        var body = await ShouldBeAsync(HttpMethod.Get, "/api/replication-analysis", 200);
        var entry = body.GetProperty("Details")[0];
        Assert.That(entry.GetProperty("Analysis").GetString(), Is.EqualTo("DeadMaster"));
        Assert.That(entry.GetProperty("AnalyzedInstanceKey").GetProperty("Hostname").GetString(), Is.EqualTo("db1"));
        Assert.That(entry.GetProperty("Votes")[1].GetProperty("Vote").GetString(), Is.EqualTo("stale"));
    }

    [Test]
    public async Task The_analysis_has_orchestrators_57_fields()
    {
        _node.Answers[typeof(ApiRequest.TopologyAnalysis)] = new ApiReply.Topology([new("main", new InstanceKey("db1", 3306), "DeadMaster", "")]);
        var entry = (await ShouldBeAsync(HttpMethod.Get, "/api/replication-analysis", 200)).GetProperty("Details")[0];
        string[] fields = [.. entry.EnumerateObject().Select(p => p.Name)];
        Assert.That(fields.Except(["Condition", "Votes"], StringComparer.Ordinal).Count(), Is.EqualTo(57), string.Join(' ', fields));
    }

    [Test]
    public async Task A_topology_is_a_tree_and_a_cluster_is_found_by_any_of_its_servers()
    {
        static InstancePicture Server(string name, string? source) => new(new InstanceKey(name, 3306), "east", "MySQL 9.7.4", "", true, 5, source is not null,
            source is null ? null : new InstanceKey(source, 3306), "Running", "Running", 0, "x:1-5", "")
        {
            Replica = source is null ? null : new(source, 3306, Verify.MySql.ThreadState.Running, Verify.MySql.ThreadState.Running, Verify.MySql.Gtid.Gtids.Empty(Verify.MySql.Flavor.MySql), Verify.MySql.Gtid.Gtids.Empty(Verify.MySql.Flavor.MySql), 0, 0, "", 0, "") { UsesGtid = true },
        };
        var cluster = new ClusterPicture("shop", null, 0, "", false, "", [Server("a", null), Server("b", "a"), Server("c", "b")]) { IsManaged = false };
        _node.Answers[typeof(ApiRequest.Fleet)] = new ApiReply.Fleet(new(new(), [cluster]));
        var tree = (await ShouldBeAsync(HttpMethod.Get, "/api/topology/c:3306", 200)).GetProperty("Details").GetString();
        Assert.That(tree!.Split('\n').Select(l => l.Split('[')[0].TrimEnd()), Is.EqualTo(new[] { "a:3306", "+ b:3306", "  + c:3306" }));
        Assert.That((await ShouldBeAsync(HttpMethod.Get, "/api/clusters", 200))[0].GetString(), Is.EqualTo("a:3306"));
        Assert.That((await ShouldBeAsync(HttpMethod.Get, "/api/instance-replicas/a/3306", 200)).GetArrayLength(), Is.EqualTo(1));
        var instance = await ShouldBeAsync(HttpMethod.Get, "/api/instance/c/3306", 200);
        Assert.That((instance.GetProperty("ReplicationDepth").GetInt32(), instance.GetProperty("MasterKey").GetProperty("Hostname").GetString()), Is.EqualTo((2, "b")));
        var unknown = await ShouldBeAsync(HttpMethod.Get, "/api/topology/nothing", 500);
        Assert.That(unknown.GetProperty("Message").GetString(), Does.Contain("No cluster found for 'nothing'"));
    }

    [Test]
    public async Task A_server_that_is_named_to_the_leader_is_forgotten_and_tagged_by_fleet_commands()
    {
        _node.Answers[typeof(ApiRequest.Fleet)] = new ApiReply.Fleet(new(new(), []));
        _node.Answers[typeof(ApiRequest.FleetChange)] = new ApiReply.Done(7);
        await ShouldBeAsync(HttpMethod.Get, "/api/async-discover/db9/3306", 200);
        await ShouldBeAsync(HttpMethod.Get, "/api/forget/db9/3306", 200);
        await ShouldBeAsync(HttpMethod.Get, "/api/tag/db9/3306?tag=role%3Dbackup", 200);
        var key = new InstanceKey("db9", 3306);
        Assert.That(_node.Asked.OfType<ApiRequest.FleetChange>().Select(c => c.Command), Is.EqualTo(new FleetCommand[]
        {
            new FleetCommand.Seed(key), new FleetCommand.Forget(key, 0, default), new FleetCommand.Tag(key, "role", "backup"),
        }));
        await ShouldBeAsync(HttpMethod.Get, "/api/tagged", 400);
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
