using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Verify.Node.Telemetry;
using Verify.NodeHost.Http;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost.Tests;

/// <summary>orchestrator's list of failures that were detected, and its log of verdicts.</summary>
[TestFixture]
internal sealed class DetectionLogTests
{
    private DetectionLog _log = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    [SetUp]
    public async Task Start()
    {
        _log = new(new HostEvents(null), new At(new(2026, 3, 1, 9, 15, 0, TimeSpan.Zero)));
        _app = await TestHttp.StartAsync(_log.Map);
        _http = _app.GetTestClient();
    }

    [TearDown]
    public async Task Stop()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Test]
    public async Task The_changelog_has_every_verdict_of_each_server_in_orchestrators_form()
    {
        Tell("NoProblem", "DeadMaster", "NoProblem");
        Assert.That(await _http.GetStringAsync("/api/replication-analysis-changelog"), Is.EqualTo(
            """[{"AnalyzedInstanceKey":{"Hostname":"db1","Port":3306},"Changelog":["2026-03-01 09:15:00;NoProblem,","2026-03-01 09:15:00;DeadMaster,","2026-03-01 09:15:00;NoProblem,"]}]"""));
    }

    [Test]
    public async Task A_failure_is_listed_with_the_recovery_that_it_led_to_or_the_reason_why_not()
    {
        Tell("NoProblem", "DeadMaster");
        _log.Emit(new NodeEvent.RecoverySkipped("n1", "main", "db1:3306", "DeadMaster", "filter", "no filter names main"));
        Tell("NoProblem", "DeadMasterAndSomeReplicas");
        _log.Emit(new NodeEvent.Recovery("n1", "main", 4711, "opened", "", ""));
        _log.Emit(new NodeEvent.RecoverySkipped("n1", "main", "db1:3306", "DeadMaster", "filter", "of the next one"));
        var all = await ListAsync("");
        Assert.That(all, Is.EqualTo(new[] { (4L, "DeadMasterAndSomeReplicas", 4711L, ""), (2L, "DeadMaster", 0L, "no filter names main") }), "newest first, and no verdict that all is well");
        Assert.That(await ListAsync("/id/2"), Is.EqualTo(all[1..]));
        Assert.That(await ListAsync("/alias/main"), Is.EqualTo(all));
        Assert.That(await ListAsync("/alias/other"), Is.Empty);
        Assert.That(await ListAsync("/1"), Is.Empty, "pages of 20");
    }

    [Test]
    public async Task No_more_than_a_thousand_verdicts_are_kept()
    {
        for (var i = 0; i < 600; i++) Tell("NoProblem", "DeadMaster");
        Assert.That((await ListAsync("/24")).Last().Id, Is.EqualTo(202));
        Assert.That(await ListAsync("/25"), Is.Empty);
    }

    private void Tell(params string[] codes)
    {
        foreach (var code in codes) _log.Emit(new NodeEvent.Verdict("n1", "main", "db1:3306", code, "n1 down"));
    }

    private async Task<(long Id, string Code, long Recovery, string Reason)[]> ListAsync(string path)
    {
        using var rows = JsonDocument.Parse(await _http.GetStringAsync($"/api/audit-failure-detection{path}"));
        return [.. rows.RootElement.EnumerateArray().Select(r => (
            r.GetProperty("Id").GetInt64(), r.GetProperty("AnalysisEntry").GetProperty("Analysis").GetString()!, r.GetProperty("RelatedRecoveryId").GetInt64(), r.GetProperty("Reason").GetString()!))];
    }

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
