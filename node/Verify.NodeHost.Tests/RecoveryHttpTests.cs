using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Api;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Topology;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>orchestrator's routes about recoveries and policies, over a node that gives scripted answers.</summary>
public sealed class RecoveryHttpTests
{
    private static readonly InstanceKey Db1 = new("db1", 3306), Db2 = new("db2", 3306);
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public async Task Start()
    {
        _node = new();
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftBind": "n1", "RecoverMasterClusterFilters": ["alias=main"] }"""u8, _ => null);
        _app = await TestHttp.StartAsync(_node, config);
        _http = _app.GetTestClient();
        _node.Answers[typeof(ApiRequest.Clusters)] = new ApiReply.ClusterList([new("main", Db1, 5, "n1", false, "", [Server(Db1, false), Server(Db2, true)])]);
        _node.Answers[typeof(ApiRequest.StartRecovery)] = new ApiReply.Done(7);
        _node.Answers[typeof(ApiRequest.ChangePolicy)] = new ApiReply.Done(9);
        _node.Answers[typeof(ApiRequest.AcknowledgeRecoveries)] = new ApiReply.Done(9);
        _node.Answers[typeof(ApiRequest.Recoveries)] = new ApiReply.RecoveryList([Recovery(isSuccessful: true)]);
        _node.Answers[typeof(ApiRequest.ReadPolicy)] = new ApiReply.Policy(new(
            false, "jane", [new(Db1, "jane", "disk", 3, 1_000, 65_000)], [new(Db2, "joe", "upgrade", 4, 1_000, 65_000)], [new(Db2, PromotionRule.PreferNot, null)], 5_000, 10_000));
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [TestCase("graceful-master-takeover/main", RecoveryWish.GracefulTakeover, null)]
    [TestCase("graceful-master-takeover/main/db2/3306", RecoveryWish.GracefulTakeover, "db2:3306")]
    [TestCase("graceful-master-takeover/db1/3306", RecoveryWish.GracefulTakeover, null)]
    [TestCase("graceful-master-takeover/db1/3306/db2/3306", RecoveryWish.GracefulTakeover, "db2:3306")]
    [TestCase("graceful-master-takeover-auto/main", RecoveryWish.GracefulTakeoverAuto, null)]
    [TestCase("graceful-master-takeover-auto/main/db2/3306", RecoveryWish.GracefulTakeoverAuto, "db2:3306")]
    [TestCase("force-master-failover/main", RecoveryWish.ForceFailover, null)]
    [TestCase("force-master-failover/db1/3306", RecoveryWish.ForceFailover, null)]
    [TestCase("force-master-takeover/main/db2/3306", RecoveryWish.ForceTakeover, "db2:3306")]
    [TestCase("force-master-takeover/db1/3306/db2/3306", RecoveryWish.ForceTakeover, "db2:3306")]
    public async Task A_takeover_is_answered_when_it_has_ended_with_orchestrators_recovery(string path, RecoveryWish wish, string? candidate)
    {
        var body = await ShouldBeAsync(path, 200);
        Assert.That(body.GetProperty("Code").GetString(), Is.EqualTo("OK"));
        Assert.That(body.GetProperty("Details").GetProperty("SuccessorKey").GetProperty("Hostname").GetString(), Is.EqualTo("db2"));
        var asked = _node.Asked.OfType<ApiRequest.StartRecovery>().Single();
        Assert.That((asked.Alias, asked.Wish, asked.Candidate?.ToString()), Is.EqualTo(("main", wish, candidate)));
    }

    [Test]
    public async Task A_takeover_that_was_given_up_is_an_error_with_the_reason()
    {
        _node.Answers[typeof(ApiRequest.Recoveries)] = new ApiReply.RecoveryList([Recovery(isSuccessful: false)]);
        var body = await ShouldBeAsync("graceful-master-takeover/main", 500);
        Assert.That(body.GetProperty("Message").GetString(), Does.Contain("CatchUp failed"));
        _node.Answers[typeof(ApiRequest.StartRecovery)] = new ApiReply.Refused("2 servers could take over");
        Assert.That((await ShouldBeAsync("graceful-master-takeover/main", 400)).GetProperty("Message").GetString(), Does.Contain("2 servers"));
        Assert.That((await ShouldBeAsync("graceful-master-takeover/other", 500)).GetProperty("Message").GetString(), Does.Contain("there are: main"));
    }

    [Test]
    public async Task Recover_names_the_failed_server_and_recover_lite_leaves_the_hooks_out()
    {
        await ShouldBeAsync("recover/db1/3306", 200);
        await ShouldBeAsync("recover-lite/db1/3306/db2/3306", 200);
        var asked = _node.Asked.OfType<ApiRequest.StartRecovery>().ToList();
        Assert.That(asked.Select(a => (a.Instance, a.Candidate, a.WithoutHooks)), Is.EqualTo(new (InstanceKey?, InstanceKey?, bool)[] { (Db1, null, false), (Db1, Db2, true) }));
    }

    [Test]
    public async Task An_acknowledgement_needs_a_comment()
    {
        await ShouldBeAsync("ack-recovery/cluster/main", 400);
        Assert.That(_node.Asked.OfType<ApiRequest.AcknowledgeRecoveries>(), Is.Empty);
        foreach (var path in new[] { "ack-recovery/cluster/main", "ack-recovery/cluster/alias/main", "ack-recovery/instance/db1/3306", "ack-recovery/7", "ack-recovery/uid/main:7", "ack-all-recoveries" })
            await ShouldBeAsync($"{path}?comment=seen", 200);
        Assert.That(_node.Asked.OfType<ApiRequest.AcknowledgeRecoveries>().Select(a => (a.RecoveryId, a.Instance)),
            Is.EqualTo(new (long, InstanceKey?)[] { (0, null), (0, null), (0, Db1), (7, null), (7, null), (0, null) }));
    }

    [TestCase("audit-recovery", 1)]
    [TestCase("audit-recovery/0", 1)]
    [TestCase("audit-recovery/1", 0)]
    [TestCase("audit-recovery/id/7", 1)]
    [TestCase("audit-recovery/id/8", 0)]
    [TestCase("audit-recovery/uid/main:7", 1)]
    [TestCase("audit-recovery/cluster/main", 1)]
    [TestCase("audit-recovery/alias/main/0", 1)]
    [TestCase("audit-recovery-steps/main:7", 2)]
    [TestCase("active-cluster-recovery/main", 0)]
    [TestCase("recently-active-cluster-recovery/main", 1)]
    [TestCase("recently-active-instance-recovery/db1/3306", 1)]
    [TestCase("recently-active-instance-recovery/db2/3306", 0)]
    [TestCase("downtimed", 1)]
    [TestCase("downtimed/main", 1)]
    [TestCase("maintenance", 1)]
    [TestCase("bulk-promotion-rules", 1)]
    public async Task A_list_comes_bare(string path, int count) => Assert.That((await ShouldBeAsync(path, 200)).GetArrayLength(), Is.EqualTo(count));

    [Test]
    public async Task What_was_not_done_says_why()
    {
        _node.Answers[typeof(ApiRequest.SkippedRecoveries)] = new ApiReply.Skipped([new("main", Db1, "DeadMaster", "downtime", "db1 is in downtime", 0, 1_000)]);
        var row = (await ShouldBeAsync("blocked-recoveries/cluster/main", 200))[0];
        Assert.That((row.GetProperty("Skipped").GetString(), row.GetProperty("Reason").GetString()), Is.EqualTo(("downtime", "db1 is in downtime")));
    }

    [TestCase("begin-downtime/db1/3306/jane/disk", 31_536_000_000)]
    [TestCase("begin-downtime/db1/3306/jane/disk/30m", 1_800_000)]
    [TestCase("begin-downtime/db1/3306/jane/disk/2d", 172_800_000)]
    public async Task A_downtime_lasts_a_year_or_as_long_as_is_said(string path, long forMs)
    {
        await ShouldBeAsync(path, 200);
        Assert.That(_node.Asked.OfType<ApiRequest.ChangePolicy>().Single().Command, Is.EqualTo(new PolicyCommand.BeginDowntime(Db1, "jane", "disk", forMs, default)));
    }

    [TestCase("begin-downtime/db1/3306/jane/disk/soon", 400)]
    [TestCase("begin-downtime/db9/3306/jane/disk", 500)]
    [TestCase("register-candidate/db2/3306/perhaps", 400)]
    public async Task Nonsense_is_refused_before_the_node_is_asked(string path, int status)
    {
        await ShouldBeAsync(path, status);
        Assert.That(_node.Asked.OfType<ApiRequest.ChangePolicy>(), Is.Empty);
    }

    [Test]
    public async Task Rules_maintenance_and_the_switch_reach_the_node()
    {
        await ShouldBeAsync("register-candidate/db2/3306/must_not", 200);
        await ShouldBeAsync("begin-maintenance/db2/3306/joe/upgrade", 200);
        await ShouldBeAsync("end-maintenance/db2/3306", 200);
        await ShouldBeAsync("end-maintenance/4", 200);
        await ShouldBeAsync("disable-global-recoveries", 200);
        Assert.That(_node.Asked.OfType<ApiRequest.ChangePolicy>().Select(c => c.Command), Is.EqualTo(new PolicyCommand[]
        {
            new PolicyCommand.SetPromotionRule(Db2, PromotionRule.MustNot, 3_600_000, default), new PolicyCommand.BeginMaintenance(Db2, "joe", "upgrade", 600_000, default),
            new PolicyCommand.EndMaintenance(Db2, 0, default), new PolicyCommand.EndMaintenance(null, 4, default), new PolicyCommand.SetRecoveries(false, "", default),
        }).Using<PolicyCommand>((a, b) => a is PolicyCommand.SetRecoveries && b is PolicyCommand.SetRecoveries || a == b));
        Assert.That((await ShouldBeAsync("in-maintenance/db2/3306", 200)).GetProperty("Details").GetBoolean(), Is.True);
        Assert.That((await ShouldBeAsync("check-global-recoveries", 200)).GetProperty("Details").GetString(), Is.EqualTo("disabled"));
        Assert.That((await ShouldBeAsync("automated-recovery-filters", 200)).GetProperty("Details").GetProperty("RecoverMasterClusterFilters")[0].GetString(), Is.EqualTo("alias=main"));
    }

    [TestCase("set-writeable/db1/3306", 200, "writeable")]
    [TestCase("set-read-only/db2/3306", 200, "read-only")]
    [TestCase("set-read-only/db1/3306", 500, "graceful-master-takeover")]
    [TestCase("set-writeable/db2/3306", 500, "two would take writes")]
    public async Task Whether_a_server_is_open_is_its_guardians_business(string path, int status, string words) =>
        Assert.That((await ShouldBeAsync(path, status)).GetProperty("Message").GetString(), Does.Contain(words));

    private static RecoveryPicture Recovery(bool isSuccessful)
    {
        var record = new RecoveryRecord
        {
            Id = 7, Cluster = "main", Failed = Db1, Analysis = "DeadMaster", Votes = "n1 down", SeenToken = new(5), Successor = Db2, IsOpen = false,
            IsSuccessful = isSuccessful, Closing = isSuccessful ? "db2:3306 is the primary" : "CatchUp failed once: too slow", OpenedAt = new(4_000, 9_000),
            Steps = [new(RecoveryStep.FenceOldPrimary, "db1:3306", 1, 0, true, "closed"), new(RecoveryStep.RepointReplicas, "db2:3306", 1, 0, true, "db3:3306 lost: not reachable")],
        };
        return new(7, "main", Db1, "DeadMaster", Db2, IsOpen: false, isSuccessful, []) { Record = record, Lost = [("db3:3306", "not reachable")] };
    }

    private static InstancePicture Server(InstanceKey key, bool isReadOnly) => new(
        key, "east", "MySQL 9.7.4", "uuid", LastProbeOk: true, 5, isReadOnly, isReadOnly ? Db1 : null, "Running", "Running", 0, "", "");

    private async Task<JsonElement> ShouldBeAsync(string path, int status)
    {
        using var response = await _http.GetAsync($"/api/{path}");
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo((HttpStatusCode)status), text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
