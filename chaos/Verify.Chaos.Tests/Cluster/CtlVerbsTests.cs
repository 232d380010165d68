using Verify.Chaos.Live.Groups;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>What an operator types, against three real nodes: each verb of verify-ctl for keys, services, locks, throttling and backups as a process
/// of its own, and what the group says afterwards.</summary>
[Category("Live")]
[NonParallelizable]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class CtlVerbsTests
{
    private LiveGroup _group = null!;

    [OneTimeSetUp]
    public async Task BeginAsync()
    {
        _group = await LiveGroup.StartAsync(3, TestContext.Progress.WriteLine);
        await _group.WholeAsync(CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _group.DisposeAsync();

    [Test]
    public async Task Keys_are_written_compared_listed_and_deleted_one_by_one_and_by_prefix()
    {
        Assert.That(await RunAsync("kv", "put", "team/colour", "blue"), Does.StartWith("done (modify_index "));
        var index = IndexOf(await RunAsync("kv", "put", "team/size", "5"));
        Assert.That(await RefusedAsync("kv", "put", "team/size", "6", "--cas", $"{index - 1}"), Does.Contain("conflict"));
        Assert.That(IndexOf(await RunAsync("kv", "put", "team/size", "6", "--cas", $"{index}")), Is.GreaterThan(index));
        Assert.That(await RunAsync("kv", "get", "team/size"), Is.EqualTo("6\n"));
        Assert.That(await RunAsync("kv", "list", "--prefix", "team/"), Is.EqualTo("team/colour\nteam/size\n"));
        Assert.That(await RunAsync("kv", "delete", "team/colour"), Does.StartWith("done"));
        await RefusedAsync("kv", "delete", "team/colour");
        await RefusedAsync("kv", "get", "team/colour");
        await RunAsync("kv", "delete", "team/", "--recurse");
        Assert.That(await RunAsync("kv", "list", "--prefix", "team/"), Is.Empty);
    }

    [Test]
    public async Task A_key_with_a_lifetime_lives_on_while_it_is_touched_and_cannot_be_touched_when_it_is_gone()
    {
        await RunAsync("kv", "put", "lives/short", "1", "--ttl", "3");
        Assert.That(await RunAsync("kv", "touch", "lives/short", "--ttl", "60"), Does.StartWith("done"));
        await Task.Delay(TimeSpan.FromSeconds(4));
        Assert.That(await RunAsync("kv", "get", "lives/short"), Is.EqualTo("1\n"), "it was touched");
        await RunAsync("kv", "touch", "lives/short", "--ttl", "1");
        await Task.Delay(TimeSpan.FromSeconds(3));
        await RefusedAsync("kv", "get", "lives/short");
        await RefusedAsync("kv", "touch", "lives/short");
    }

    [Test]
    public async Task A_watch_prints_what_others_write_and_ends_after_so_many()
    {
        var from = IndexOf(await RunAsync("kv", "put", "seen/a", "1"));
        await RunAsync("kv", "put", "seen/b", "2");
        await RunAsync("kv", "delete", "seen/a");
        var lines = (await RunAsync("watch", "seen/", "--index", $"{from}", "--count", "2")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines.Select(l => l[(l.IndexOf(' ', StringComparison.Ordinal) + 1)..]), Is.EqualTo(new[] { "set seen/b 2", "delete seen/a" }));
    }

    [Test]
    public async Task Services_are_registered_kept_alive_picked_and_removed()
    {
        await RunAsync("service", "register", "web", "127.0.0.5", "8080", "--id", "web-1", "--tag", "v2", "--ttl", "0");
        await RunAsync("service", "register", "web", "127.0.0.6", "8080", "--id", "web-2", "--ttl", "0");
        Assert.That(await RunAsync("service", "list", "web"), Does.Contain("web-1").And.Contain("web-2").And.Contain("v2"));
        Assert.That(await RunAsync("service", "heartbeat", "web", "--id", "web-1", "--connections", "3"), Does.StartWith("heard"));
        Assert.That(await RunAsync("service", "pick", "web", "--strategy", "least-connections"), Is.EqualTo("127.0.0.6:8080\n"));
        await RunAsync("service", "deregister", "web", "--id", "web-2");
        Assert.That(await RunAsync("service", "pick", "web"), Is.EqualTo("127.0.0.5:8080\n"));
        await RunAsync("service", "deregister", "web");
        await RefusedAsync("service", "pick", "web");
        await RefusedAsync("service", "heartbeat", "web", "--id", "web-1");
    }

    [Test]
    public async Task A_lock_is_held_by_one_session_with_a_token_that_rises_and_a_program_runs_under_it()
    {
        var one = (await RunAsync("lock", "session", "--ttl", "60", "--lock-delay", "0")).Trim();
        var two = (await RunAsync("lock", "session", "--ttl", "60", "--lock-delay", "0")).Trim();
        var first = long.Parse(await RunAsync("lock", "acquire", "jobs/nightly", "--session", one));
        await RefusedAsync("lock", "acquire", "jobs/nightly", "--session", two);
        await RefusedAsync("lock", "release", "jobs/nightly", "--session", two);
        Assert.That(await RunAsync("lock", "renew", "--session", one), Is.EqualTo("renewed\n"));
        await RunAsync("lock", "release", "jobs/nightly", "--session", one);
        Assert.That(long.Parse(await RunAsync("lock", "acquire", "jobs/nightly", "--session", two)), Is.GreaterThan(first));
        await RunAsync("lock", "end", "--session", two);
        await RefusedAsync("lock", "renew", "--session", two);
        var printed = await RunAsync("lock", "run", "jobs/nightly", "--", "/bin/sh", "-c", "echo token $VERIFY_FENCING_TOKEN");
        Assert.That(long.Parse(printed.Trim()["token ".Length..]), Is.GreaterThan(first + 1));
    }

    [Test]
    public async Task Applications_and_hosts_are_throttled_and_let_go_and_a_check_says_whether_to_wait()
    {
        Assert.That(await RefusedAsync("throttle", "check", "archiver", "nowhere"), Does.Contain("wait (404)"));
        Assert.That(await RunAsync("throttle", "check", "archiver", "nowhere", "--if-exists"), Does.StartWith("go on (200)"));
        await RunAsync("throttle", "app", "archiver", "--ttl", "30m", "--ratio", "1");
        await RunAsync("throttle", "skip", "db3", "--ttl", "2h");
        Assert.That(await RunAsync("throttle", "apps"), Does.Contain("archiver"));
        Assert.That(await RunAsync("throttle", "hosts"), Does.Contain("db3"));
        Assert.That(await RefusedAsync("throttle", "check", "archiver", "nowhere", "--if-exists"), Does.Contain("417"));
        await RunAsync("throttle", "release", "archiver");
        await RunAsync("throttle", "recover", "db3");
        Assert.That(await RunAsync("throttle", "apps"), Does.Not.Contain("archiver"));
        Assert.That(await RunAsync("throttle", "hosts"), Does.Not.Contain("db3"));
    }

    [Test]
    public async Task A_backup_brings_back_what_was_deleted_after_it()
    {
        await RunAsync("kv", "put", "kept/a", "before");
        var node = _group.Nodes[0].Http;
        var (code, made, errors) = await Ctl.TryAtAsync([node], TimeSpan.FromSeconds(20), "backup", "create", "--json");
        Assert.That(code, Is.Zero, made + errors);
        var name = System.Text.RegularExpressions.Regex.Match(made, "verify-[A-Za-z0-9-]+\\.ndjson", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)).Value;
        await RunAsync("kv", "put", "kept/a", "after");
        await RunAsync("kv", "put", "kept/b", "not in it");
        var (restored, said, why) = await Ctl.TryAtAsync([node], TimeSpan.FromSeconds(20), "backup", "restore", name);
        Assert.That(restored, Is.Zero, said + why);
        Assert.That(await RunAsync("kv", "get", "kept/a"), Is.EqualTo("before\n"));
        await RefusedAsync("kv", "get", "kept/b");
    }

    private async Task<string> RunAsync(params string[] words) => (await Ctl.RunAsync(_group, words)).ReplaceLineEndings("\n");

    /// <summary>It must end with 1, which is a refusal and no failure.</summary>
    private async Task<string> RefusedAsync(params string[] words)
    {
        var (code, output, errors) = await Ctl.TryAsync(_group, words);
        Assert.That(code, Is.EqualTo(1), $"verify-ctl {string.Join(' ', words)}: {output}{errors}");
        return output + errors;
    }

    private static long IndexOf(string told) => long.Parse(told[(told.LastIndexOf(' ') + 1)..].TrimEnd(')', '\n'));
}
