using System.Globalization;
using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>verify-ctl lock against a small server that keeps one lock.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LockCommandTests
{
    private const string Lock = "/lock/jobs/nightly?session=";
    private FakeNode? _node;
    private string? _holder;
    private bool _hasEnded;

    [TearDown]
    public async Task CloseAsync()
    {
        if (_node is not null) await _node.DisposeAsync();
    }

    [Test]
    public async Task A_session_is_begun_with_what_was_asked_for_and_its_id_is_printed()
    {
        var run = await PlayAsync("session", "--ttl", "30", "--lock-delay", "2", "--delete");
        var asked = _node!.Asked.Single();
        Assert.That((run.ExitCode, asked.Method, asked.Path), Is.EqualTo((0, "PUT", "/session")), run.Errors);
        Assert.That(asked.Body, Does.Contain("\"ttl\":\"30000ms\"").And.Contain("\"lock_delay\":\"2000ms\"").And.Contain("\"behavior\":\"delete\"").And.Contain($"\"id\":\"{run.Output.Trim()}\""));
    }

    [Test]
    public async Task Who_gets_the_lock_is_told_its_token_and_who_does_not_ends_with_1()
    {
        var got = await PlayAsync("acquire", "jobs/nightly", "--session", "a");
        Assert.That((got.ExitCode, got.Output.Trim()), Is.EqualTo((0, "7")), got.Errors);
        var refused = await PlayAsync("acquire", "jobs/nightly", "--session", "b");
        Assert.That((refused.ExitCode, refused.Output, refused.Errors.Trim()), Is.EqualTo((1, "", "verify-ctl: held by a")));
        Assert.That((await PlayAsync("acquire", "jobs/nightly", "--session", "a", "--json")).Output, Does.Match("\"fencing_token\": ?7"));
    }

    [Test]
    public async Task Only_the_holder_gives_a_lock_back()
    {
        _holder = "a";
        var other = await PlayAsync("release", "jobs/nightly", "--session", "b");
        Assert.That((other.ExitCode, other.Errors.Trim(), _holder), Is.EqualTo((1, "verify-ctl: this session does not hold the lock", "a")));
        var own = await PlayAsync("release", "jobs/nightly", "--session", "a");
        Assert.That((own.ExitCode, own.Output.Trim(), _holder), Is.EqualTo((0, "released", (string?)null)));
    }

    [Test]
    public async Task A_session_that_has_ended_is_not_renewed_but_may_be_ended_again()
    {
        Assert.That((await PlayAsync("renew", "--session", "a")).Output.Trim(), Is.EqualTo("renewed"));
        _hasEnded = true;
        var late = await PlayAsync("renew", "--session", "a");
        Assert.That((late.ExitCode, late.Errors.Trim()), Is.EqualTo((1, "verify-ctl: session a has ended")));
        Assert.That((await PlayAsync("end", "--session", "a")).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_program_runs_under_the_lock_with_its_token_and_its_exit_code_is_passed_on()
    {
        var run = await PlayAsync("run", "jobs/nightly", "--", "/bin/sh", "-c", "exit $VERIFY_FENCING_TOKEN");
        Assert.That((run.ExitCode, _holder), Is.EqualTo((7, (string?)null)), run.Errors);
        Assert.That(_node!.Asked.Select(a => $"{a.Method} {a.Path.Split('?')[0].Split('/')[1]}"), Is.EqualTo(new[] { "PUT session", "PUT session", "PUT lock", "DELETE lock", "DELETE session" }));
    }

    [Test]
    public async Task A_program_does_not_run_while_somebody_else_has_the_lock()
    {
        _holder = "somebody";
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"ran-{Guid.NewGuid():N}");
        var run = await PlayAsync("run", "jobs/nightly", "--timeout", "0.5", "--", "/bin/sh", "-c", $"touch '{file}'");
        Assert.That((run.ExitCode, File.Exists(file), _holder), Is.EqualTo((1, false, "somebody")), run.Errors);
        Assert.That(run.Errors, Does.Contain("not to be had within --timeout; the program was not run"));
        Assert.That(_node!.Asked[^1].Method, Is.EqualTo("DELETE"), "the session is not left behind");
    }

    [Test]
    public async Task A_program_is_killed_when_its_session_cannot_be_renewed_in_time()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var run = await PlayAsync("run", "jobs/nightly", "--ttl", "1", "--", "/bin/sh", "-c", "sleep 60", "loses its session");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("killed before somebody else may have the lock"));
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
    }

    [TestCase("acquire", "jobs/nightly")]
    [TestCase("run", "jobs/nightly")]
    [TestCase("session", "--ttl", "-1")]
    public async Task What_cannot_be_meant_ends_with_2_and_nobody_is_asked(params string[] words)
    {
        Assert.That((await PlayAsync(words)).ExitCode, Is.EqualTo(2));
        Assert.That(_node!.Asked, Is.Empty);
    }

    private Task<CtlRun> PlayAsync(params string[] words)
    {
        // The session of the last word's story is renewed once, before the lock is taken, and never again.
        var renewals = words[^1] == "loses its session" ? 1 : int.MaxValue;
        _node ??= new(request => request.Path switch
        {
            "/cluster/leader" => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }),
            "/session" => FakeGroup.Json(200, new { id = "s" }),
            var path when path.StartsWith("/session/renew/", StringComparison.Ordinal) => _hasEnded || renewals-- <= 0 ? FakeGroup.Json(404, new { error = "not found" }) : FakeGroup.Json(200, new { }),
            var path when path.StartsWith("/session/", StringComparison.Ordinal) => FakeGroup.Json(_hasEnded ? 404 : 200, new { }),
            var path when path.StartsWith(Lock, StringComparison.Ordinal) => request.Method == "PUT" ? Take(path[Lock.Length..]) : Give(path[Lock.Length..]),
            var other => new(418, string.Create(CultureInfo.InvariantCulture, $"not scripted: {other}")),
        });
        return CtlRun.OfAsync(_node, ["lock", .. words]);
    }

    private FakeAnswer Take(string session)
    {
        _holder ??= session;
        return _holder == session ? FakeGroup.Json(200, new { fencing_token = 7 }) : FakeGroup.Json(409, new { error = "held", message = $"held by {_holder}" });
    }

    private FakeAnswer Give(string session)
    {
        if (_holder != session) return FakeGroup.Json(409, new { error = "not yours" });
        _holder = null;
        return FakeGroup.Json(200, new { });
    }
}
