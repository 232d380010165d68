using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;
using Verify.Raft;

namespace Verify.NodeHost.Tests;

/// <summary>Every route of freno (pkg/http/api.go, ConfigureRoutes) for GET and for HEAD, on a node that leads and on one that knows no leader: an answer that
/// freno could give, the same status for both methods, and a body for GET only.</summary>
public sealed class FrenoRouteTests
{
    private static readonly string[] Changing =
    [
        "/throttle-app/archive", "/throttle-app/archive/ratio/0.5", "/throttle-app/archive/ttl/30", "/throttle-app/archive/ttl/30/ratio/0.5", "/unthrottle-app/archive",
        "/skip-host/db3", "/skip-host/db3/ttl/30", "/recover-host/db3",
    ];

    private static readonly string[] Looking =
    [
        "/lb-check", "/_ping", "/status", "/hostname", "/raft/state", "/consensus/state", "/consensus/status", "/aggregated-metrics", "/aggregated-metrics?brief=true", "/metrics-health",
        "/throttled-apps", "/recent-apps", "/recent-apps/5", "/skipped-hosts", "/debug/vars", "/debug/metrics", "/help",
    ];

    private static readonly string[] Checking =
    [
        "/check/gh-ost/mysql/main", "/check-if-exists/gh-ost/mysql/main", "/check-read/gh-ost/mysql/main/0.5", "/check-read-if-exists/gh-ost/mysql/main/0.5", "/check/gh-ost/mysql/main?p=low",
    ];

    private static readonly string[] Leading = ["/leader-check", "/raft/leader", "/consensus/leader"];
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public async Task Start()
    {
        _node = new() { Checked = new(200, 0.25, 1, "", CheckReason.Ok) };
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" }, "Domain": "us-east/prod", "ShareDomain": "prod" }"""u8, _ => null);
        _app = await TestHttp.StartAsync(_node, config);
        _http = _app.GetTestClient();
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task On_the_node_that_leads_every_route_of_freno_answers_200_to_GET_and_to_HEAD()
    {
        Lead();
        foreach (var path in Changing.Concat(Looking).Concat(Checking).Concat(Leading)) await BothAsync(path, 200);
    }

    [Test]
    public async Task Without_a_leader_every_route_answers_as_freno_does_there()
    {
        Alone();
        foreach (var path in Looking) await BothAsync(path, 200);
        foreach (var path in Changing.Concat(Checking)) await BothAsync(path, 500);
        await BothAsync("/leader-check", 404);
        foreach (var path in Leading.Skip(1)) Assert.That(await BothAsync(path, 500), Is.Empty, "freno says nothing where there is no leader");
    }

    [Test]
    public async Task The_route_that_freno_has_for_GET_only_is_405_for_HEAD()
    {
        Assert.That((await AskAsync(HttpMethod.Get, "/config/memcache")).Status, Is.EqualTo(200));
        Assert.That((await AskAsync(HttpMethod.Head, "/config/memcache")).Status, Is.EqualTo(405));
    }

    [Test]
    public async Task Who_leads_and_what_this_node_is_comes_in_frenos_words()
    {
        Lead();
        Assert.That(await BothAsync("/raft/leader", 200), Is.EqualTo("\"n1:10008\"\n"));
        Assert.That(await BothAsync("/consensus/leader", 200), Is.EqualTo("\"n1:10008\"\n"));
        Assert.That(await BothAsync("/consensus/state", 200), Is.EqualTo("\"Leader\"\n"));
        Assert.That(await BothAsync("/hostname", 200), Is.EqualTo($"\"{Environment.MachineName}\"\n"));
        var status = JsonDocument.Parse(await BothAsync("/consensus/status", 200)).RootElement;
        Assert.That(status.EnumerateObject().Select(p => p.Name), Is.EqualTo(new[]
        {
            "ServiceID", "Healthy", "IsLeader", "Leader", "State", "Domain", "ShareDomain", "ShareDomainServices", "ShareDomainServicesList", "HealthyDomainServicesList",
        }));
        Assert.That((status.GetProperty("Healthy").GetBoolean(), status.GetProperty("IsLeader").GetBoolean(), status.GetProperty("Leader").GetString(), status.GetProperty("State").GetString(), status.GetProperty("Domain").GetString()),
            Is.EqualTo((true, true, "n1:10008", "Leader", "us-east/prod")));
        Assert.That(status.GetProperty("ShareDomain").GetString(), Is.EqualTo("prod"));
        foreach (var list in (string[])["ShareDomainServices", "ShareDomainServicesList", "HealthyDomainServicesList"])
            Assert.That(status.GetProperty(list).GetRawText(), Is.EqualTo("{}").Or.EqualTo("[]"), $"{list}: no other group is looked at");
        Alone();
        Assert.That(await BothAsync("/raft/state", 200), Is.EqualTo("\"Candidate\"\n"), "freno has no state before a candidacy");
        status = JsonDocument.Parse(await BothAsync("/consensus/status", 200)).RootElement;
        Assert.That((status.GetProperty("Healthy").GetBoolean(), status.GetProperty("IsLeader").GetBoolean(), status.GetProperty("Leader").GetString()), Is.EqualTo((false, false, "")));
    }

    private void Lead()
    {
        _node.Leads = true;
        foreach (var change in (Type[])[typeof(ApiRequest.ThrottleApp), typeof(ApiRequest.UnthrottleApp), typeof(ApiRequest.SkipHost), typeof(ApiRequest.RecoverHost)]) _node.Answers[change] = new ApiReply.Done(7);
        _node.Answers[typeof(ApiRequest.ThrottleView)] = new ApiReply.Throttling(new([], [], [new("main", 0.25, 1, 200, "", TimeSpan.Zero, [])]));
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Raft(RaftRole.Leader, new NodeId("n1:10008"), isInQuorum: true);
    }

    private void Alone()
    {
        _node.Leads = false;
        foreach (var asked in (Type[])[typeof(ApiRequest.ThrottleApp), typeof(ApiRequest.UnthrottleApp), typeof(ApiRequest.SkipHost), typeof(ApiRequest.RecoverHost), typeof(ApiRequest.ThrottleView), typeof(ApiRequest.ThrottleCheck)])
            _node.Answers[asked] = new ApiReply.NoLeader(TimeSpan.FromMilliseconds(250));
        _node.Answers[typeof(ApiRequest.ThrottleViewHere)] = new ApiReply.Throttling(new([], [], []));
        _node.Answers[typeof(ApiRequest.RaftStatus)] = Raft(RaftRole.PreCandidate, null, isInQuorum: false);
    }

    private static ApiReply.Raft Raft(RaftRole role, NodeId? leader, bool isInQuorum) => new(new(
        new(new NodeId("n1:10008"), role, new(3), null, leader, new(new(3), new(9)), new(9), new(9), new(9), HasLease: role == RaftRole.Leader, isInQuorum, ImmutableArray<PeerProgress>.Empty), [], false));

    /// <summary>The body of GET.</summary>
    private async Task<string> BothAsync(string path, int status)
    {
        var (got, body) = await AskAsync(HttpMethod.Get, path);
        var (headed, none) = await AskAsync(HttpMethod.Head, path);
        Assert.That((got, headed, none), Is.EqualTo((status, status, "")), $"{path}: {body}");
        return body;
    }

    private async Task<(int Status, string Body)> AskAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await _http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
