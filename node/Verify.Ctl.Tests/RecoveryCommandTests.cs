using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>What operators type about recoveries, against a small server with verify-node's shapes.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RecoveryCommandTests
{
    private readonly List<FakeNode> _nodes = [];
    private readonly Dictionary<string, Func<FakeRequest, FakeAnswer>> _answers = new(StringComparer.Ordinal)
    {
        ["GET /cluster/leader"] = _ => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }),
    };

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    [Test]
    public async Task A_takeover_is_followed_to_its_end_and_told()
    {
        _answers["GET /api/graceful-master-takeover-auto/main/db2/3306?wait=0"] = _ => FakeGroup.Json(200, new { Code = "OK", Message = "under way", Details = new { Id = 7, UID = "main:7" } });
        _answers["GET /api/audit-recovery/id/7"] = _ => FakeGroup.Json(200, new[] { new { Id = 7, IsActive = false, IsSuccessful = true, Closing = "db2:3306 is the primary with token 9" } });
        var run = await CtlRun.OfAsync(Node(), "takeover", "main", "--to", "db2:3306");
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain("db2:3306 is the primary with token 9"));
    }

    [Test]
    public async Task A_takeover_that_is_refused_is_sent_once_and_the_reason_is_shown()
    {
        var asked = 0;
        _answers["GET /api/force-master-failover/main?wait=0"] = _ =>
        {
            asked++;
            return FakeGroup.Json(500, new { Code = "ERROR", Message = "recovery 3 is under way", Details = (object?)null });
        };
        var run = await CtlRun.OfAsync(Node(), "takeover", "main", "--force");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("recovery 3 is under way"));
        Assert.That(asked, Is.EqualTo(1));
    }

    [Test]
    public async Task A_downtime_begins_with_owner_reason_and_length()
    {
        _answers["GET /api/begin-downtime/db1/3306/jane/new%20disk/2h"] = _ => FakeGroup.Json(200, new { Code = "OK", Message = "Downtime began on db1:3306" });
        var run = await CtlRun.OfAsync(Node(), "downtime", "begin", "db1:3306", "--owner", "jane", "--reason", "new disk", "--for", "2h");
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain("Downtime began on db1:3306"));
    }

    [Test]
    public async Task What_was_skipped_is_a_failure_with_the_reason()
    {
        _answers["GET /api/blocked-recoveries"] = _ => FakeGroup.Json(200, new[]
        {
            new { FailedInstanceKey = new { Hostname = "db1", Port = 3306 }, ClusterName = "main", Analysis = "DeadMaster", Reason = "db1:3306 is in downtime by jane" },
        });
        var run = await CtlRun.OfAsync(Node(), "recovery", "skipped");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Output, Does.Contain("main: DeadMaster of db1:3306: db1:3306 is in downtime by jane"));
    }

    private FakeNode Node()
    {
        var node = new FakeNode(request => _answers.TryGetValue($"{request.Method} {request.Path}", out var answer) ? answer(request) : FakeGroup.Json(404, new { error = "not found", message = $"{request.Method} {request.Path}" }));
        _nodes.Add(node);
        return node;
    }
}
