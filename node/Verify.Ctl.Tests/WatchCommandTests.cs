using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>verify-ctl watch against a small server with three changes behind index 10.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WatchCommandTests
{
    private FakeNode? _node;

    [TearDown]
    public async Task CloseAsync()
    {
        if (_node is not null) await _node.DisposeAsync();
    }

    [Test]
    public async Task It_begins_now_prints_what_happens_and_ends_after_so_many_changes()
    {
        var run = await PlayAsync("team/", "--count", "3");
        Assert.That((run.ExitCode, run.Output.TrimEnd().Split(Environment.NewLine)), Is.EqualTo((0, new[] { "11 set team/a blue", "12 delete team/a", "13 set team/b red" })), run.Errors);
        Assert.That(_node!.Asked.Select(a => a.Path.Split("&wait")[0]), Is.EqualTo(new[] { "/kv/?prefix=team%2F&consistent=true", "/watch/team/?prefix&index=10", "/watch/team/?prefix&index=12" }));
    }

    [Test]
    public async Task It_goes_on_behind_the_index_of_a_line_and_misses_nothing()
    {
        var run = await PlayAsync("team/", "--index", "12", "--count", "1");
        Assert.That((run.ExitCode, run.Output.TrimEnd()), Is.EqualTo((0, "13 set team/b red")), run.Errors);
        Assert.That(_node!.Asked, Has.Count.EqualTo(1), "nothing was listed");
    }

    [Test]
    public async Task JSON_says_the_same()
    {
        var run = await PlayAsync("team/", "--index", "10", "--count", "2", "--json");
        Assert.That(run.Output, Does.Match("\"index\": ?11").And.Match("\"type\": ?\"delete\"").And.Match("\"value\": ?\"blue\""));
    }

    [Test]
    public async Task An_index_that_is_too_old_ends_with_1_and_the_nodes_reason()
    {
        var run = await PlayAsync("team/", "--index", "1");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("what happened since is no longer known"));
    }

    [Test]
    public async Task The_timeout_is_its_ordinary_end()
    {
        var run = await PlayAsync("team/", "--index", "13", "--timeout", "2");
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((0, "")), run.Errors);
        Assert.That(_node!.Asked[0].Path, Does.EndWith("&wait=1s"), "a node with nothing to tell answers before it is given up");
    }

    private async Task<CtlRun> PlayAsync(params string[] words)
    {
        _node = new(request => request.Path.Split("&wait")[0] switch
        {
            "/cluster/leader" => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }),
            "/kv/?prefix=team%2F&consistent=true" => FakeGroup.Json(200, new { keys = Array.Empty<string>(), applied_index = 10 }),
            "/watch/team/?prefix&index=10" => FakeGroup.Json(200, new
            {
                index = 12,
                changes = new object[] { new { index = 11, type = "set", key = "team/a", value = "blue" }, new { index = 12, type = "delete", key = "team/a" } },
            }),
            "/watch/team/?prefix&index=12" => FakeGroup.Json(200, new { index = 13, changes = new[] { new { index = 13, type = "set", key = "team/b", value = "red" } } }),
            "/watch/team/?prefix&index=1" => FakeGroup.Json(410, new { error = "gone", message = "what happened since is no longer known" }),
            "/watch/team/?prefix&index=13" => FakeGroup.Json(200, new { index = 13, changes = Array.Empty<object>() }),
            var other => new(418, $"not scripted: {other}"),
        });
        return await CtlRun.OfAsync(_node, ["watch", .. words]);
    }
}
