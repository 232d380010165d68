using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Configuration;
using Verify.Raft;

namespace Verify.NodeHost.Tests;

/// <summary>freno's HTTP interface over a node that gives scripted answers.</summary>
public sealed class FrenoHttpTests
{
    private const string Group = """ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" } """;
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public Task Start() => StartAsync("");

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task A_check_answers_with_frenos_body_for_GET_and_with_none_for_HEAD()
    {
        _node.Leads = true;
        _node.Checked = new(429, 2.5, 1, "Threshold exceeded: db3:3306 is at 2.5", CheckReason.Lag);
        var (status, body, type) = await AskAsync(HttpMethod.Get, "/check/gh-ost/mysql/main");
        Assert.That((status, type), Is.EqualTo((429, "application/json")));
        Assert.That(body, Is.EqualTo("""{"StatusCode":429,"Value":2.5,"Threshold":1,"Message":"Threshold exceeded: db3:3306 is at 2.5"}""" + "\n"));
        (status, body, type) = await AskAsync(HttpMethod.Head, "/check/gh-ost/mysql/main");
        Assert.That((status, body, type), Is.EqualTo((429, "", (string?)null)));
    }

    [TestCase("/check/gh-ost/mysql/main", "gh-ost", "main", 0, false, false, false)]
    [TestCase("/check/gh-ost/mysql/main?p=low", "gh-ost", "main", 0, true, false, false)]
    [TestCase("/check/gh-ost/mysql/main?x=1&p=low", "gh-ost", "main", 0, true, false, false)]
    [TestCase("/check-if-exists/a/mysql/main", "a", "main", 0, false, true, false)]
    [TestCase("/check-read/a/mysql/main/0.75", "a", "main", 0.75, false, false, true)]
    [TestCase("/check-read-if-exists/a/mysql/main/3?p=low", "a", "main", 3, true, true, true)]
    [TestCase("/check//mysql/main", "", "main", 0, false, false, false)]
    public async Task A_check_says_how_it_is_meant(string path, string app, string store, double threshold, bool low, bool ifExists, bool read)
    {
        _node.Leads = true;
        await AskAsync(HttpMethod.Get, path);
        Assert.That(_node.Checks.Single(), Is.EqualTo((app, "mysql", store, new CheckFlags(threshold, low, ifExists, read))));
    }

    [TestCase("/check/gh-ost/mysql")]
    [TestCase("/check/gh-ost/mysql/main/extra")]
    [TestCase("/checks/gh-ost/mysql/main")]
    [TestCase("/check-read/gh-ost/mysql/main")]
    public async Task What_is_no_check_is_404(string path)
    {
        Assert.That((await AskAsync(HttpMethod.Get, path)).Status, Is.EqualTo(404));
        Assert.That(_node.Checks, Is.Empty);
    }

    [Test]
    public async Task A_threshold_that_is_no_number_is_an_error_with_a_reason() =>
        Assert.That(await AskAsync(HttpMethod.Get, "/check-read/a/mysql/main/fast"), Is.EqualTo((500, """{"StatusCode":500,"Message":"the threshold must be a number, not 'fast'"}""" + "\n", "application/json")));

    [Test]
    public async Task A_follower_asks_the_leader_and_passes_its_answer_on_while_its_samples_are_new()
    {
        _node.Answers[typeof(ApiRequest.ThrottleCheck)] = new ApiReply.Checked(new(200, 0.1, 1, "", CheckReason.Ok), TimeSpan.FromMilliseconds(20));
        Assert.That((await AskAsync(HttpMethod.Get, "/check/a/mysql/main")).Status, Is.EqualTo(200));
        _node.Answers[typeof(ApiRequest.ThrottleCheck)] = new ApiReply.Checked(new(200, 0.1, 1, "", CheckReason.Ok), TimeSpan.FromMilliseconds(1000));
        Assert.That((await AskAsync(HttpMethod.Get, "/check/a/mysql/main")).Status, Is.EqualTo(500), "with the time of the question they are too old");
        _node.Answers[typeof(ApiRequest.ThrottleCheck)] = new ApiReply.Checked(CheckAnswer.NoSuchStore, TimeSpan.Zero);
        Assert.That((await AskAsync(HttpMethod.Get, "/check/a/mysql/x")).Status, Is.EqualTo(404));
    }

    [TestCase("/check/a/mysql/main")]
    [TestCase("/check-if-exists/a/mysql/main")]
    [TestCase("/check-read-if-exists/a/mysql/main/99")]
    public async Task Without_a_leader_nothing_is_200(string path)
    {
        ApiReply[] replies = [new ApiReply.NoLeader(TimeSpan.FromMilliseconds(250)), new ApiReply.Unknown("the link broke"), new ApiReply.Overloaded("busy", TimeSpan.Zero), new ApiReply.Refused("no"), new ApiReply.Checked(CheckAnswer.NotLeader, TimeSpan.Zero)];
        foreach (var reply in replies)
        {
            _node.Answers[typeof(ApiRequest.ThrottleCheck)] = reply;
            Assert.That((await AskAsync(HttpMethod.Get, path)).Status, Is.EqualTo(500), reply.ToString());
        }
    }

    /// <summary>gh-ost asks with HEAD, follows 307 as Go's client does, and takes everything but 200 for "wait".</summary>
    [Test]
    public async Task A_client_that_would_rather_go_to_the_leader_gets_a_location_that_it_can_follow()
    {
        _node.Answers[typeof(ApiRequest.ClusterStatus)] = new ApiReply.Cluster(Following("10.0.0.2:3000"));
        using var request = new HttpRequestMessage(HttpMethod.Head, "/check/gh-ost/mysql/main?p=low&redirect=true");
        using var response = await _http.SendAsync(request);
        Assert.That(((int)response.StatusCode, response.Headers.Location!.ToString()), Is.EqualTo((307, "http://10.0.0.2:3000/check/gh-ost/mysql/main?p=low")));
        _node.Answers[typeof(ApiRequest.ThrottleCheck)] = new ApiReply.NoLeader(TimeSpan.Zero);
        using var plain = await _http.GetAsync("/check/gh-ost/mysql/main");
        Assert.That((int)plain.StatusCode, Is.EqualTo(307), "it cannot pass the question on but knows where to ask");
    }

    [Test]
    public async Task Leader_check_says_200_on_the_node_that_leads_for_sure()
    {
        Assert.That(await AskAsync(HttpMethod.Get, "/leader-check"), Is.EqualTo((404, "\"HTTP 404\"\n", "application/json")));
        _node.Leads = true;
        Assert.That(await AskAsync(HttpMethod.Get, "/leader-check"), Is.EqualTo((200, "\"HTTP 200\"\n", "application/json")));
        Assert.That((await AskAsync(HttpMethod.Head, "/leader-check")).Status, Is.EqualTo(200));
    }

    [TestCase("/throttle-app/archive", null, null, "")]
    [TestCase("/throttle-app/archive/ttl/30", 30, null, "")]
    [TestCase("/throttle-app/archive/ttl/0", null, null, "")]
    [TestCase("/throttle-app/archive/ratio/0.25", null, 0.25, "")]
    [TestCase("/throttle-app/archive/ttl/30/ratio/0.25?store_name=main", 30, 0.25, "main")]
    public async Task An_application_is_throttled_from_any_node(string path, int? minutes, double? ratio, string store)
    {
        _node.Answers[typeof(ApiRequest.ThrottleApp)] = new ApiReply.Done(7);
        using var response = await _http.GetAsync(path);
        Assert.That(((int)response.StatusCode, await response.Content.ReadAsStringAsync()), Is.EqualTo((200, """{"StatusCode":200,"Message":"OK"}""" + "\n")));
        Assert.That(_node.Asked.Single(), Is.EqualTo(new ApiRequest.ThrottleApp("archive", store, minutes is { } m ? TimeSpan.FromMinutes(m) : null, ratio)));
        Assert.That(response.Headers.Contains("X-Verify-Note"), Is.EqualTo(minutes is null), "it is said that this never ends");
    }

    [TestCase("/throttle-app/archive/ratio/1.5")]
    [TestCase("/throttle-app/archive/ratio/half")]
    [TestCase("/throttle-app/archive/ttl/soon")]
    [TestCase("/skip-host/db3/ttl/soon", Description = "freno says 500 here and skips the host all the same")]
    [TestCase("/skip-host/db3/ttl/-1")]
    public async Task A_wrong_number_is_500_with_one_body_and_nothing_is_done(string path)
    {
        var (status, body, _) = await AskAsync(HttpMethod.Get, path);
        Assert.That(status, Is.EqualTo(500));
        Assert.That(body, Does.StartWith("{\"StatusCode\":500,").And.EndsWith("}\n"));
        Assert.That(_node.Asked, Is.Empty);
    }

    [Test]
    public async Task Hosts_are_skipped_for_an_hour_unless_said_otherwise()
    {
        _node.Answers[typeof(ApiRequest.SkipHost)] = new ApiReply.Done(7);
        _node.Answers[typeof(ApiRequest.RecoverHost)] = new ApiReply.Done(8);
        _node.Answers[typeof(ApiRequest.UnthrottleApp)] = new ApiReply.Done(9);
        foreach (var path in new[] { "/skip-host/db3", "/skip-host/db3/ttl/5", "/recover-host/db3", "/unthrottle-app/a" }) Assert.That((await AskAsync(HttpMethod.Get, path)).Status, Is.EqualTo(200), path);
        Assert.That(_node.Asked, Is.EqualTo(new ApiRequest[] { new ApiRequest.SkipHost("db3", TimeSpan.FromHours(1)), new ApiRequest.SkipHost("db3", TimeSpan.FromMinutes(5)), new ApiRequest.RecoverHost("db3"), new ApiRequest.UnthrottleApp("a", "") }));
    }

    [Test]
    public async Task What_is_known_comes_in_frenos_shapes()
    {
        _node.Answers[typeof(ApiRequest.ThrottleView)] = new ApiReply.Throttling(new(
            [new("a", "", 0.5, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)), new("b", "main", 1, null)], [new("db3", DateTimeOffset.FromUnixTimeSeconds(1_700_000_000))],
            [new("main", 0.25, 1, 200, "", TimeSpan.Zero, []), new("other", 0, 1, 500, "No hosts found", null, [])]));
        await ShouldBeAsync("/throttled-apps", """{"a":{"ExpireAt":"2023-11-14T22:13:20.000Z","Ratio":0.5},"abusing-app":{"ExpireAt":"0001-01-01T00:00:00Z","Ratio":1},"b/main":{"ExpireAt":"0001-01-01T00:00:00Z","Ratio":1}}""");
        await ShouldBeAsync("/skipped-hosts", """{"db3":"2023-11-14T22:13:20.000Z"}""");
        await ShouldBeAsync("/aggregated-metrics", """{"mysql/main":"0.250000","mysql/other":"error: No hosts found"}""");
        await ShouldBeAsync("/aggregated-metrics?brief=true", """{"mysql/main":"0.250","mysql/other":"error: No hosts found"}""");
        Assert.That((await AskAsync(HttpMethod.Get, "/metrics-health")).Body, Does.Match("""^\{"mysql/main":\{"LastHealthyAt":"[^"]+Z","SecondsSinceLastHealthy":0\}\}\n$"""));
        await ShouldBeAsync("/config/memcache", """{"MemcacheServers":[],"MemcachePath":"freno"}""");
        Assert.That((await AskAsync(HttpMethod.Head, "/config/memcache")).Status, Is.EqualTo(405));
        Assert.That((await AskAsync(HttpMethod.Get, "/help")).Body, Does.Contain("\"/throttle-app/:app/ttl/:ttlMinutes/ratio/:ratio\""));
        foreach (var path in new[] { "/lb-check", "/_ping", "/status" }) await ShouldBeAsync(path, """{"StatusCode":200,"Message":"OK"}""");
    }

    [Test]
    public async Task Who_has_checked_lately_is_remembered_with_the_address_before_the_proxy()
    {
        _node.Leads = true;
        using (var request = new HttpRequestMessage(HttpMethod.Get, "/check/gh-ost/mysql/main"))
        {
            request.Headers.Add("X-Forwarded-For", "10.9.8.7");
            using var response = await _http.SendAsync(request);
        }

        Assert.That((await AskAsync(HttpMethod.Get, "/recent-apps")).Body, Does.Match("""^\{"gh-ost/10.9.8.7":\{"CheckedAtEpoch":\d+,"MinutesSinceChecked":0\}\}\n$"""));
        Assert.That((await AskAsync(HttpMethod.Get, "/recent-apps/5")).Body, Does.Contain("gh-ost"));
        Assert.That((await AskAsync(HttpMethod.Get, "/recent-apps/soon")).Status, Is.EqualTo(500));
        var vars = (await AskAsync(HttpMethod.Get, "/debug/vars")).Body;
        Assert.That(vars, Does.Contain("\"check.gh-ost.mysql.main.total\":1").And.Contain("\"check.gh-ost.mysql.main.ok\":1"));
    }

    [Test]
    public async Task Checks_need_to_say_who_they_are_where_everybody_has_to_and_changing_needs_the_write_role()
    {
        await Stop();
        await StartAsync(""", "AuthenticationMethod": "token", "HTTPAuthTokens": ["readonly:look-look-look-look", "write:change-change-change"] """);
        _node.Leads = true;
        _node.Answers[typeof(ApiRequest.ThrottleApp)] = new ApiReply.Done(1);
        Assert.That((await AskAsync(HttpMethod.Get, "/check/a/mysql/main")).Status, Is.EqualTo(401));
        Assert.That((await AskAsync(HttpMethod.Get, "/check/a/mysql/main", "look-look-look-look")).Status, Is.EqualTo(200));
        Assert.That((await AskAsync(HttpMethod.Get, "/throttle-app/a", "look-look-look-look")).Status, Is.EqualTo(403));
        Assert.That((await AskAsync(HttpMethod.Get, "/throttle-app/a", "change-change-change")).Status, Is.EqualTo(200));
    }

    private async Task StartAsync(string more)
    {
        _node = new() { Checked = new(200, 0.25, 1, "", CheckReason.Ok) };
        var config = HostConfig.Parse("node.json", Encoding.UTF8.GetBytes($"{{ {Group}{more} }}"), _ => null);
        _app = await TestHttp.StartAsync(_node, config);
        _http = _app.GetTestClient();
    }

    private static ClusterView Following(string leaderApi) => new(
        new(new NodeId("n1:10008"), RaftRole.Follower, new(3), null, new NodeId("n2:10008"), new(new(3), new(9)), new(9), new(9), new(9), HasLease: false, IsInQuorum: true, ImmutableArray<PeerProgress>.Empty))
    {
        LeaderContact = new("10.0.0.2:10008", "east", leaderApi, ""), LastContact = TimeSpan.Zero, DiskFull = false, LogEntries = 0, LogBytes = 0, Snapshot = default, SnapshotBytes = 0,
        Reachable = [], PendingRequests = 0, KvPairs = 0, WireVersion = 2, Autopilot = new(IsHealthy: true, 1, ""),
    };

    private async Task ShouldBeAsync(string path, string body) => Assert.That(await AskAsync(HttpMethod.Get, path), Is.EqualTo((200, body + "\n", "application/json")));

    private async Task<(int Status, string Body, string? Type)> AskAsync(HttpMethod method, string path, string? token = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await _http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.ToString());
    }
}
