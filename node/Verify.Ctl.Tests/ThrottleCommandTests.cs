using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>verify-ctl throttle against a small server with freno's shapes.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ThrottleCommandTests
{
    private const string Ok = """{"StatusCode":200,"Message":"OK"}""";
    private FakeNode? _node;

    [TearDown]
    public async Task CloseAsync()
    {
        if (_node is not null) await _node.DisposeAsync();
    }

    [TestCase(200, "", 0, "go on (200): value 0.5, threshold 1")]
    [TestCase(429, "Threshold exceeded: db3:3306 is at 5", 1, "wait (429): value 0.5, threshold 1; Threshold exceeded: db3:3306 is at 5")]
    [TestCase(417, "App denied", 1, "wait (417)")]
    [TestCase(404, "No such metric", 1, "wait (404)")]
    [TestCase(500, "no sample of mysql/main is newer than 1000 ms", 1, "wait (500)")]
    public async Task A_check_ends_with_0_only_when_one_may_write(int status, string message, int exitCode, string said)
    {
        var run = await PlayAsync("/check/gh-ost/mysql/main", new(status, $$"""{"StatusCode":{{status}},"Value":0.5,"Threshold":1,"Message":"{{message}}"}"""), "throttle", "check", "gh-ost", "main");
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((exitCode, run.Output)));
        Assert.That(run.Output, Does.Contain(said));
    }

    [TestCase("/check-read-if-exists/a/mysql/main/0.5?p=low", new[] { "check", "a", "main", "--low", "--if-exists", "--threshold", "0.5" })]
    [TestCase("/throttle-app/archiver/ttl/120/ratio/0.5?store_name=main", new[] { "app", "archiver", "--ttl", "2h", "--ratio", "0.5", "--store", "main" })]
    [TestCase("/unthrottle-app/archiver", new[] { "release", "archiver" })]
    [TestCase("/skip-host/db3/ttl/30", new[] { "skip", "db3", "--ttl", "30m" })]
    [TestCase("/recover-host/db3", new[] { "recover", "db3" })]
    public async Task Every_word_becomes_frenos_path(string path, string[] words)
    {
        var run = await PlayAsync(path, new(200, Ok), ["throttle", .. words]);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
    }

    [Test]
    public async Task Without_a_ttl_it_is_said_that_it_never_ends() =>
        Assert.That((await PlayAsync("/throttle-app/archiver", new(200, Ok), "throttle", "app", "archiver")).Output, Does.Contain("without an end"));

    [Test]
    public async Task What_the_node_refuses_is_said_and_ends_with_1()
    {
        var run = await PlayAsync("/throttle-app/a/ratio/2", new(500, """{"StatusCode":500,"Message":"ratio must be in [0..1] range; got 2"}"""), "throttle", "app", "a", "--ratio", "2");
        Assert.That((run.ExitCode, run.Errors.Trim()), Is.EqualTo((1, "verify-ctl: ratio must be in [0..1] range; got 2")));
    }

    [Test]
    public async Task Lists_are_tables_or_JSON()
    {
        var answer = new FakeAnswer(200, """{"mysql/main":"0.250000"}""");
        Assert.That((await PlayAsync("/aggregated-metrics", answer, "throttle", "metrics")).Output, Does.Match("mysql/main +0.250000"));
        await CloseAsync();
        Assert.That((await PlayAsync("/aggregated-metrics", answer, "throttle", "metrics", "--json")).Output, Does.Contain("\"mysql/main\": \"0.250000\""));
    }

    [TestCase("0m")]
    [TestCase("30")]
    [TestCase("soon")]
    public async Task A_ttl_that_cannot_be_meant_ends_with_2(string ttl) =>
        Assert.That((await PlayAsync("/", new(200, Ok), "throttle", "app", "a", "--ttl", ttl)).ExitCode, Is.EqualTo(2));

    private async Task<CtlRun> PlayAsync(string path, FakeAnswer answer, params string[] words)
    {
        _node = new(request => request.Path switch
        {
            "/cluster/leader" => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }),
            var asked when asked == path => answer,
            var other => new(404, $"not scripted: {other}"),
        });
        return await CtlRun.OfAsync(_node, words);
    }
}
