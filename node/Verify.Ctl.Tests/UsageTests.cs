using System.Text;
using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>The command line itself: what is understood, what is refused before anybody is asked, what is never printed.</summary>
public sealed class UsageTests
{
    private static readonly SortedDictionary<string, string> Nothing = new(StringComparer.Ordinal);

    [TestCase("cluster", "fly")]
    [TestCase("cluster", "join")]
    [TestCase("cluster", "leave")]
    [TestCase("cluster", "status", "--timeout", "0")]
    [TestCase("cluster", "status", "--timeout", "soon")]
    [TestCase("cluster", "status", "--endpoint", "ftp://a:1")]
    [TestCase("cluster", "status", "--endpoint", "no such:place")]
    [TestCase("cluster", "status", "--user", "ann")]
    [TestCase("cluster", "status", "--ca", "no-such-file.pem")]
    [TestCase("cluster", "import", "no-such-file")]
    [TestCase("kv", "get", "a", "--stale", "--lease")]
    [TestCase("completion", "tcsh")]
    public async Task What_cannot_be_meant_ends_with_2_and_a_sentence(params string[] words)
    {
        var run = await CtlRun.OfAsync(Nothing, "", words);
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((2, "")));
        Assert.That(run.Errors, Does.StartWith("verify-ctl: "));
    }

    [TestCase("--help")]
    [TestCase("cluster", "--help")]
    [TestCase("cluster", "status", "--help")]
    [TestCase("cluster", "leader", "--help")]
    [TestCase("cluster", "join", "--help")]
    [TestCase("cluster", "leave", "--help")]
    [TestCase("cluster", "peers", "--help")]
    [TestCase("cluster", "stats", "--help")]
    [TestCase("cluster", "health", "--help")]
    [TestCase("cluster", "snapshot", "--help")]
    [TestCase("cluster", "transfer", "--help")]
    [TestCase("cluster", "token", "--help")]
    [TestCase("cluster", "config", "--help")]
    [TestCase("cluster", "replace", "--help")]
    [TestCase("cluster", "export", "--help")]
    [TestCase("cluster", "import", "--help")]
    [TestCase("cluster", "rotate-key", "--help")]
    [TestCase("kv", "get", "--help")]
    [TestCase("kv", "put", "--help")]
    [TestCase("kv", "delete", "--help")]
    [TestCase("kv", "list", "--help")]
    [TestCase("kv", "--help")]
    [TestCase("watch", "--help")]
    [TestCase("service", "--help")]
    [TestCase("service", "register", "--help")]
    [TestCase("service", "deregister", "--help")]
    [TestCase("service", "heartbeat", "--help")]
    [TestCase("service", "list", "--help")]
    [TestCase("service", "pick", "--help")]
    [TestCase("lock", "--help")]
    [TestCase("lock", "session", "--help")]
    [TestCase("lock", "acquire", "--help")]
    [TestCase("lock", "renew", "--help")]
    [TestCase("lock", "end", "--help")]
    [TestCase("lock", "release", "--help")]
    [TestCase("lock", "run", "--help")]
    [TestCase("backup", "--help")]
    [TestCase("backup", "create", "--help")]
    [TestCase("backup", "list", "--help")]
    [TestCase("backup", "restore", "--help")]
    [TestCase("throttle", "--help")]
    [TestCase("throttle", "check", "--help")]
    [TestCase("throttle", "app", "--help")]
    [TestCase("throttle", "skip", "--help")]
    [TestCase("throttle", "metrics", "--help")]
    public async Task Every_help_page_has_an_example(params string[] words)
    {
        var run = await CtlRun.OfAsync(Nothing, "", words);
        Assert.That(run.ExitCode, Is.Zero);
        Assert.That(run.Output, Does.Match("Examples?:").And.Contain("verify-ctl "));
    }

    [Test]
    public async Task The_addresses_come_from_the_environment_when_none_is_given_and_the_first_that_answers_will_do()
    {
        await using var node = new FakeNode(_ => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }));
        var run = await CtlRun.OfAsync(new SortedDictionary<string, string>(StringComparer.Ordinal) { ["VERIFY_CTL_ENDPOINTS"] = $"127.0.0.1:1,{node.Uri.Authority}" }, "", ["cluster", "leader"]);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain("n1:7000"));
    }

    [Test]
    public async Task Secrets_come_from_the_environment_or_a_file_and_are_not_printed_when_they_are_refused()
    {
        await using var node = new FakeNode(_ => FakeGroup.Json(401, new { error = "unauthorized", message = "wrong user or password" }));
        var run = await CtlRun.OfAsync(new SortedDictionary<string, string>(StringComparer.Ordinal) { ["VERIFY_CTL_PASSWORD"] = "s3cret" }, "", ["-e", node.Uri.ToString(), "--user", "ann", "cluster", "peers"]);
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Errors, Does.Contain("wrong user or password").And.Not.Contain("s3cret"));
        Assert.That(node.Requests.Select(r => r.Headers["Authorization"]), Is.All.EqualTo("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("ann:s3cret"))));
    }

    [Test]
    public async Task The_shell_is_told_the_commands_by_the_program_itself()
    {
        const string line = "verify-ctl cluster tr";
        var run = await CtlRun.OfAsync(Nothing, "", [$"[suggest:{line.Length}]", line]);
        Assert.That(run.Output.Split(Environment.NewLine), Does.Contain("transfer"));
        Assert.That((await CtlRun.OfAsync(Nothing, "", ["completion", "bash"])).Output, Does.Contain("complete -F _verify_ctl verify-ctl"));
    }
}
