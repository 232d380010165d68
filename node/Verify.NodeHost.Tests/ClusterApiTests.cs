using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;
using Verify.Raft;

namespace Verify.NodeHost.Tests;

/// <summary>/cluster over a node that gives scripted answers: Konsul's shapes, redirects that can be followed, refusals.</summary>
public sealed class ClusterApiTests
{
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public async Task Start()
    {
        _node = new();
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftNodeId": "n2", "RaftBind": "10.0.0.2", "RaftNodes": ["n1@10.0.0.1", "n2@10.0.0.2", "n3@10.0.0.3"], "DataCenter": "east", "DataCenters": { "n1": "west", "n3": "north" } }"""u8, _ => null);
        _app = await TestHttp.StartAsync(_node, config);
        _http = new HttpClient(_app.GetTestServer().CreateHandler()) { BaseAddress = new("http://localhost") };
        Leads("n1");
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task Status_has_every_name_that_Konsuls_code_gives_it()
    {
        var (status, body) = await AskAsync(HttpMethod.Get, "/cluster/status");
        Assert.That(status, Is.EqualTo(200));
        string[] konsul = ["node_id", "state", "leader_id", "leader_addr", "peers", "last_index", "applied_index", "commit_index", "stats"];
        Assert.That(body.EnumerateObject().Select(p => p.Name), Is.SupersetOf(konsul));
        string[] stats =
        [
            "term", "last_log_index", "last_log_term", "commit_index", "applied_index", "fsm_pending", "last_snapshot_index", "last_snapshot_term", "num_peers", "protocol_version",
            "snapshot_version_max",
        ];
        Assert.That(body.GetProperty("stats").EnumerateObject().Select(p => p.Name), Is.SupersetOf(stats));
        Assert.That((body.GetProperty("node_id").GetString(), body.GetProperty("state").GetString(), body.GetProperty("leader_id").GetString(), body.GetProperty("leader_addr").GetString()),
            Is.EqualTo(("n2", "Follower", "n1", "10.0.0.1:10008")));
        Assert.That(body.GetProperty("peers").EnumerateArray().Select(p => $"{p.GetProperty("id").GetString()} {p.GetProperty("address").GetString()} {p.GetProperty("state").GetString()}"),
            Is.EqualTo(new[] { "n1 10.0.0.1:10008 Voter", "n2 10.0.0.2:10008 Voter", "n3 10.0.0.3:10008 Voter", "n4 10.0.0.4:10008 Nonvoter" }));
    }

    [Test]
    public async Task Leader_and_peers_are_Konsuls()
    {
        var (_, leader) = await AskAsync(HttpMethod.Get, "/cluster/leader");
        Assert.That(leader.GetRawText(), Is.EqualTo("""{"leader_id":"n1","leader_addr":"10.0.0.1:10008","leader_api":"10.0.0.1:3000","is_self":false}"""));
        var (_, peers) = await AskAsync(HttpMethod.Get, "/cluster/peers");
        Assert.That(peers.GetProperty("count").GetInt32(), Is.EqualTo(4));
        Leads(null);
        var (status, none) = await AskAsync(HttpMethod.Get, "/cluster/leader");
        Assert.That((status, none.GetProperty("error").GetString()), Is.EqualTo((503, "no leader")));
    }

    [Test]
    public async Task A_join_is_forwarded_and_answered_as_Konsul_does()
    {
        _node.Answers[typeof(ApiRequest.ClusterJoin)] = new ApiReply.Done(77);
        var (status, body) = await AskAsync(HttpMethod.Post, "/cluster/join", """{ "node_id": "n5", "address": "10.0.0.5:10008", "replaces": "n3", "zone": "z", "api_address": "10.0.0.5:3000", "token": "a.b" }""");
        Assert.That((status, body.GetProperty("status").GetString(), body.GetProperty("node_id").GetString(), body.GetProperty("address").GetString()), Is.EqualTo((200, "ok", "n5", "10.0.0.5:10008")));
        Assert.That(_node.Asked.OfType<ApiRequest.ClusterJoin>().Single(),
            Is.EqualTo(new ApiRequest.ClusterJoin(new("n5"), new("10.0.0.5:10008", "", "10.0.0.5:3000", "z"), StaysLearner: false, new NodeId("n3"), "a.b")));
    }

    [TestCase("""{ "address": "h:1" }""", "node_id is missing")]
    [TestCase("""{ "node_id": "n5" }""", "address is missing")]
    [TestCase("""{ "node_id": "n5", "address": "h" }""", "address must be host:port")]
    [TestCase("""{ "node_id": "n5", "address": "h:1", "learner": "yes" }""", "learner must be true or false")]
    [TestCase("""{ "node_id": 5, "address": "h:1" }""", "node_id is missing")]
    [TestCase("""{ "node_id": "n5", "address": "h:1", "adress": "" }""", "adress is not known here")]
    [TestCase("[]", "must be a JSON object")]
    [TestCase("", "a JSON object is expected")]
    [TestCase("{", "not JSON")]
    public async Task A_join_that_cannot_be_is_refused_before_the_node_is_asked(string body, string problem)
    {
        var (status, answer) = await AskAsync(HttpMethod.Post, "/cluster/join", body);
        Assert.That((status, answer.GetProperty("message").GetString()), Is.EqualTo((400, answer.GetProperty("message").GetString())));
        Assert.That(answer.GetProperty("message").GetString(), Does.Contain(problem));
        Assert.That(_node.Asked, Is.Empty);
    }

    [TestCase("/cluster/transfer?redirect=true", "", "http://10.0.0.1:3000/cluster/transfer?redirect=true")]
    [TestCase("/cluster/transfer", "redirect", "http://10.0.0.1:3000/cluster/transfer")]
    [TestCase("/cluster/transfer?x=a%20b", "respond-async, redirect", "http://10.0.0.1:3000/cluster/transfer?x=a%20b")]
    public async Task A_client_that_asks_for_it_gets_307_with_a_location_it_can_follow(string path, string prefer, string location)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (prefer.Length > 0) request.Headers.Add("Prefer", prefer);
        using var response = await _http.SendAsync(request);
        Assert.That(((int)response.StatusCode, response.Headers.Location!.OriginalString), Is.EqualTo((307, location)));
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.That((body.RootElement.GetProperty("error").GetString(), body.RootElement.GetProperty("leader_addr").GetString()), Is.EqualTo(("not leader", "10.0.0.1:10008")));
        Assert.That(_node.Asked, Has.None.InstanceOf<ApiRequest.TransferLeadership>());
    }

    [Test]
    public async Task The_leader_itself_redirects_nobody_and_a_node_that_cannot_forward_redirects()
    {
        Leads("n2");
        _node.Answers[typeof(ApiRequest.ClusterLeave)] = new ApiReply.Done(5);
        Assert.That((await AskAsync(HttpMethod.Delete, "/cluster/leave/n3?redirect=true")).Status, Is.EqualTo(200));
        Leads("n1");
        _node.Answers[typeof(ApiRequest.ClusterLeave)] = new ApiReply.NoLeader(TimeSpan.FromMilliseconds(200));
        using var response = await _http.DeleteAsync("/cluster/leave/n3?force=true");
        Assert.That(((int)response.StatusCode, response.Headers.Location!.OriginalString), Is.EqualTo((307, "http://10.0.0.1:3000/cluster/leave/n3?force=true")));
        Assert.That(_node.Asked.OfType<ApiRequest.ClusterLeave>().Select(l => (l.Node.Name, l.IsForced)), Is.EqualTo(new[] { ("n3", false), ("n3", true) }));
    }

    [Test]
    public async Task Every_refusal_says_whether_something_was_done()
    {
        Leads(null);
        (ApiReply Reply, int Status, string Outcome)[] cases =
        [
            (new ApiReply.NoLeader(TimeSpan.FromMilliseconds(300)), 503, "not done"), (new ApiReply.Overloaded("busy", TimeSpan.FromSeconds(2)), 429, "not done"),
            (new ApiReply.Unknown("the leader changed"), 504, "unknown"), (new ApiReply.Refused("disk full on n1"), 507, "not done"),
            (new ApiReply.Refused("the join token has been used"), 403, "not done"), (new ApiReply.Refused("n3 cannot leave: no quorum would remain"), 400, "not done"),
        ];
        foreach (var (reply, status, outcome) in cases)
        {
            _node.Answers[typeof(ApiRequest.ClusterLeave)] = reply;
            using var response = await _http.DeleteAsync("/cluster/leave/n3");
            using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            Assert.That(((int)response.StatusCode, body.RootElement.GetProperty("outcome").GetString()), Is.EqualTo((status, outcome)), reply.ToString());
            Assert.That(response.Headers.RetryAfter is not null, Is.EqualTo(status is 503 or 429));
        }
    }

    [Test]
    public async Task A_token_is_shown_once_and_only_its_hash_goes_to_the_group()
    {
        _node.Answers[typeof(ApiRequest.CreateJoinToken)] = new ApiReply.Done(9);
        var (status, body) = await AskAsync(HttpMethod.Post, "/cluster/token", """{ "valid_for": "90m" }""");
        Assert.That((status, body.GetProperty("valid_for_seconds").GetInt64()), Is.EqualTo((200, 5400L)));
        Assert.That(JoinTokenText.TryRead(body.GetProperty("token").GetString(), out var id, out var hash), Is.True);
        var asked = _node.Asked.OfType<ApiRequest.CreateJoinToken>().Single();
        Assert.That((asked.TokenId, asked.ValidFor), Is.EqualTo((id, TimeSpan.FromMinutes(90))));
        Assert.That(asked.SecretHash.ToArray(), Is.EqualTo(hash));
        Assert.That((await AskAsync(HttpMethod.Post, "/cluster/token", """{ "valid_for": "forever" }""")).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task Health_stats_config_and_snapshot_have_shapes_of_their_own()
    {
        _node.Answers[typeof(ApiRequest.ClusterHealth)] = new ApiReply.Health(new(new(false, 1, "waits for n3"),
            [new(new("n3"), new("10.0.0.3:10008", "", "", ""), "voter", false, TimeSpan.FromSeconds(3), 12, TimeSpan.FromSeconds(2), "not heard for 3 s")]));
        var (_, health) = await AskAsync(HttpMethod.Get, "/cluster/health");
        Assert.That(health.GetRawText(), Is.EqualTo("""{"healthy":false,"failure_tolerance":1,"doing":"waits for n3","servers":[{"id":"n3","address":"10.0.0.3:10008","api_address":"","zone":"","role":"voter","healthy":false,"last_contact_ms":3000,"entries_behind":12,"stable_for_seconds":2,"why":"not heard for 3 s"}]}"""));
        _node.Answers[typeof(ApiRequest.TakeSnapshot)] = new ApiReply.SnapshotMade(new(new(3), new(100)), 2048, TimeSpan.FromMilliseconds(7));
        var (_, snapshot) = await AskAsync(HttpMethod.Post, "/cluster/snapshot");
        Assert.That((snapshot.GetProperty("status").GetString(), snapshot.GetProperty("last_index").GetInt64(), snapshot.GetProperty("bytes").GetInt64()), Is.EqualTo(("ok", 100L, 2048L)));
        var (_, stats) = await AskAsync(HttpMethod.Get, "/cluster/stats");
        Assert.That(stats.GetProperty("fsm_pending").GetInt64(), Is.EqualTo(1));
        var (_, config) = await AskAsync(HttpMethod.Get, "/cluster/config");
        Assert.That((config.GetProperty("snapshot_threshold").GetInt32(), config.GetProperty("peer_tls").GetBoolean()), Is.EqualTo((8192, false)));
    }

    [Test]
    public async Task Consuls_clients_read_and_write_bytes()
    {
        _node.Answers[typeof(ApiRequest.KvGet)] = new ApiReply.Value(new("a/b", new byte[] { 0, 255 }, 42, 3, 8), 11) { Age = TimeSpan.FromMilliseconds(30) };
        using var response = await _http.GetAsync("/v1/kv/a/b?stale");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("""[{"LockIndex":0,"Key":"a/b","Flags":42,"Value":"AP8=","CreateIndex":3,"ModifyIndex":8}]"""));
        Assert.That(new[] { "X-Consul-Index", "X-Consul-LastContact", "X-Consul-KnownLeader" }.Select(h => response.Headers.GetValues(h).Single()), Is.EqualTo(new[] { "8", "30", "true" }));
        Assert.That(((ApiRequest.KvGet)_node.Asked[^1]).Consistency, Is.EqualTo(ReadConsistency.Stale));
        Assert.That(await _http.GetByteArrayAsync("/v1/kv/a/b?raw&lease"), Is.EqualTo(new byte[] { 0, 255 }));
        Assert.That(((ApiRequest.KvGet)_node.Asked[^1]).Consistency, Is.EqualTo(ReadConsistency.Lease));
        _node.Answers[typeof(ApiRequest.KvPut)] = new ApiReply.CasConflict(4);
        using var put = await _http.PutAsync("/v1/kv/a/b?cas=3&flags=42", new ByteArrayContent([1, 2]));
        Assert.That(((int)put.StatusCode, await put.Content.ReadAsStringAsync()), Is.EqualTo((200, "false")));
        var asked = (ApiRequest.KvPut)_node.Asked[^1];
        Assert.That((asked.Key, asked.ExpectedIndex, asked.Flags, Convert.ToHexString(asked.Value.Span)), Is.EqualTo(("a/b", 3L, 42UL, "0102")));
        using var blocking = await _http.GetAsync("/v1/kv/a?index=5&wait=soon");
        Assert.That((int)blocking.StatusCode, Is.EqualTo(400));
        using var elsewhere = await _http.GetAsync("/v1/kv/a?dc=west");
        Assert.That((int)elsewhere.StatusCode, Is.EqualTo(400));
        Assert.That(await elsewhere.Content.ReadAsStringAsync(), Does.Contain("this node is in data centre 'east'"));
    }

    /// <summary>Consul's clients send ?dc= with every request once they are configured with a data centre, which is the usual way.</summary>
    [TestCase("dc=east")]
    [TestCase("dc=EAST", Description = "names of data centres have no case in Consul")]
    [TestCase("dc=")]
    public async Task A_client_that_names_the_nodes_own_data_centre_is_answered(string dc)
    {
        _node.Answers[typeof(ApiRequest.KvGet)] = new ApiReply.Value(new("a", new byte[] { 1 }, 0, 3, 8), 9);
        _node.Answers[typeof(ApiRequest.KvPut)] = new ApiReply.Done(9);
        _node.Answers[typeof(ApiRequest.KvDelete)] = new ApiReply.Done(10);
        using var got = await _http.GetAsync($"/v1/kv/a?{dc}");
        using var put = await _http.PutAsync($"/v1/kv/a?{dc}", new ByteArrayContent([1]));
        using var gone = await _http.DeleteAsync($"/v1/kv/a?{dc}");
        Assert.That(new[] { got, put, gone }.Select(r => (int)r.StatusCode), Is.EqualTo(new[] { 200, 200, 200 }));
    }

    [Test]
    public async Task A_session_or_a_transaction_for_another_data_centre_is_not_begun_in_this_one()
    {
        foreach (var (method, path) in new[] { (HttpMethod.Put, "/v1/session/create"), (HttpMethod.Put, "/v1/session/destroy/s"), (HttpMethod.Put, "/v1/session/renew/s"), (HttpMethod.Get, "/v1/session/list"), (HttpMethod.Put, "/v1/txn") })
        {
            using var request = new HttpRequestMessage(method, $"{path}?dc=west") { Content = method == HttpMethod.Put ? new StringContent(path == "/v1/txn" ? "[]" : "{}") : null };
            using var refused = await _http.SendAsync(request);
            Assert.That(((int)refused.StatusCode, (await refused.Content.ReadAsStringAsync()).Contains("this node is in data centre 'east'", StringComparison.Ordinal)), Is.EqualTo((400, true)), path);
        }

        Assert.That(_node.Asked, Is.Empty);
        _node.Answers[typeof(ApiRequest.SessionDo)] = new ApiReply.Done(9);
        using var own = await _http.PutAsync("/v1/session/create?dc=EAST", new StringContent("{}"));
        Assert.That((int)own.StatusCode, Is.EqualTo(200));
    }

    [Test]
    public async Task An_import_that_was_changed_or_cut_off_is_refused_before_the_first_write()
    {
        const string head = "{\"format\":\"verify-export\",\"version\":1,\"cluster_id\":\"c\",\"node_id\":\"n\",\"applied_index\":3,\"pairs\":1}\n";
        const string pair = "{\"key\":\"a\",\"value\":\"MQ==\",\"flags\":0,\"modify_index\":3}\n";
        var sum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(head + pair)));
        var footer = $"{{\"end\":true,\"pairs\":1,\"sha256\":\"{sum}\"}}\n";
        foreach (var (text, problem) in new[]
        {
            (head + pair, "cut off"), (head, "cut off"), ("", "empty"), (head + pair.Replace("MQ", "Mg", StringComparison.Ordinal) + footer, "checksum"),
            (pair + footer, "this is no export"), (head.Replace(":1,\"cl", ":3,\"cl", StringComparison.Ordinal) + pair + footer, "versions 1 and 2"), (head + "{}\n" + footer, "line 2"), (head + pair + "nonsense\n", "line 3: not valid JSON"),
        })
        {
            var (status, answer) = await AskAsync(HttpMethod.Post, "/cluster/import", text);
            Assert.That((status, answer.GetProperty("message").GetString()!.Contains(problem, StringComparison.Ordinal)), Is.EqualTo((400, true)), answer.GetRawText());
        }

        Assert.That(_node.Asked, Is.Empty);
        _node.Answers[typeof(ApiRequest.ImportKv)] = new ApiReply.Done(5);
        Assert.That((await AskAsync(HttpMethod.Post, "/cluster/import", head + pair + footer)).Status, Is.EqualTo(200));
    }

    private void Leads(string? leader)
    {
        var membership = Membership.OfVoters([new("n1"), new("n2"), new("n3")]).WithLearner(new("n4"), new("10.0.0.4:10008", "", "", ""));
        foreach (var n in new[] { 1, 2, 3 }) membership = membership.With(new($"n{n}"), new($"10.0.0.{n}:10008", "dc", $"10.0.0.{n}:3000", ""));
        var id = leader is null ? (NodeId?)null : new NodeId(leader);
        _node.Answers[typeof(ApiRequest.ClusterStatus)] = new ApiReply.Cluster(new ClusterView(new RaftStatus(
            new("n2"), leader == "n2" ? RaftRole.Leader : RaftRole.Follower, new(3), null, id, new(new(3), new(9)), new(9), new(9), new(8), leader == "n2", leader is not null, [])
        {
            Membership = membership,
        })
        {
            LeaderContact = id is { } known ? membership.ContactOf(known) : Contact.Unknown,
        });
    }

    private async Task<(int Status, JsonElement Body)> AskAsync(HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await _http.SendAsync(request);
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return ((int)response.StatusCode, document.RootElement.Clone());
    }
}
