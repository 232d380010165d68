using System.Text.Json;
using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>What people type and what they get, against a small server with verify-node's shapes.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CommandTests
{
    private static readonly object[] Three = [Peer("n1", "Voter", leader: true), Peer("n2", "Voter"), Peer("n3", "Nonvoter")];
    private readonly List<FakeNode> _nodes = [];
    private readonly Dictionary<string, Func<FakeRequest, FakeAnswer>> _answers = new(StringComparer.Ordinal)
    {
        ["GET /cluster/leader"] = _ => FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true }),
        ["GET /cluster/status"] = _ => FakeGroup.Json(200, new
        {
            node_id = "n1", state = "Leader", leader_id = "n1", leader_addr = "n1:7000", has_lease = true, in_quorum = true, disk_full = false,
            peers = Three, last_index = 12, applied_index = 11, commit_index = 11, stats = new { term = 3 },
        }),
        ["GET /cluster/peers"] = _ => FakeGroup.Json(200, new { peers = Three, count = 3 }),
    };

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    [Test]
    public async Task Status_is_a_table_for_people_and_JSON_for_programs()
    {
        var node = Node();
        var people = await CtlRun.OfAsync(node, "cluster", "status");
        Assert.That(people.ExitCode, Is.Zero, people.Errors);
        Assert.That(people.Output, Does.Contain("Leader, term 3").And.Contain("last 12, committed 11, applied 11").And.Match("n3 .*n3:7000 .*Nonvoter"));
        var programs = await CtlRun.OfAsync(node, "cluster", "status", "--json");
        using var json = JsonDocument.Parse(programs.Output);
        Assert.That(json.RootElement.GetProperty("peers").GetArrayLength(), Is.EqualTo(3));
    }

    [Test]
    public async Task Services_are_registered_listed_and_picked()
    {
        var web = new { id = "web-1", name = "web", address = "10.0.0.5", port = 8080, status = "passing", node = "n1", tags = new[] { "v2" } };
        _answers["PUT /register"] = _ => FakeGroup.Json(200, new { message = "service registered", modify_index = 7 });
        _answers["GET /services/"] = _ => FakeGroup.Json(200, new[] { web });
        _answers["GET /lb/service/web"] = _ => FakeGroup.Json(200, new { service = web, strategy = "round-robin" });
        _answers["DELETE /deregister/none"] = _ => FakeGroup.Json(404, new { error = "not found" });
        var node = Node();
        var registered = await CtlRun.OfAsync(node, "service", "register", "web", "10.0.0.5", "8080", "--id", "web-1", "--tag", "v2", "--meta", "k=v", "--tcp", "10.0.0.5:8080", "--ttl", "0");
        Assert.That((registered.ExitCode, registered.Output.Trim()), Is.EqualTo((0, "registered (modify_index 7)")), registered.Errors);
        Assert.That(node.Asked.Single(r => r.Method == "PUT").Body, Is.EqualTo("""{"address":"10.0.0.5","checks":[{"interval":"10000ms","name":"web tcp","tcp":"10.0.0.5:8080"}],"id":"web-1","meta":{"k":"v"},"name":"web","port":8080,"tags":["v2"],"ttl":"0ms"}"""));
        Assert.That((await CtlRun.OfAsync(node, "service", "list")).Output, Does.Match("web .*web-1 .*10.0.0.5 .*8080 .*passing .*n1 .*v2"));
        Assert.That((await CtlRun.OfAsync(node, "service", "pick", "web")).Output.Trim(), Is.EqualTo("10.0.0.5:8080"));
        Assert.That((await CtlRun.OfAsync(node, "service", "deregister", "none")).ExitCode, Is.EqualTo(1));
    }

    [Test]
    public async Task Backups_and_access_rules_are_asked_for_as_the_node_takes_them()
    {
        _answers["POST /backup"] = _ => FakeGroup.Json(200, new { message = "Backup created successfully", backup_path = "b.ndjson" });
        _answers["GET /backups"] = _ => FakeGroup.Json(200, new { backups = new[] { new { name = "b.ndjson", bytes = 4711 } }, count = 1 });
        _answers["POST /restore"] = _ => FakeGroup.Json(200, new { message = "Backup restored successfully" });
        _answers["PUT /acl/tokens"] = _ => FakeGroup.Json(200, new { accessor_id = "token-1", secret = "s" });
        var node = Node();
        Assert.That((await CtlRun.OfAsync(node, "backup", "create")).Output, Does.Contain("b.ndjson"));
        var listed = await CtlRun.OfAsync(node, "backup", "list");
        Assert.That((listed.ExitCode, listed.Output), Is.EqualTo((0, listed.Output)), listed.Errors);
        Assert.That(listed.Output, Does.Contain("b.ndjson").And.Contain("4711"));
        Assert.That((await CtlRun.OfAsync(node, "backup", "list", "--json")).Output, Does.Contain("\"name\""));
        Assert.That((await CtlRun.OfAsync(node, "backup", "restore", "b.ndjson")).ExitCode, Is.Zero);
        Assert.That(node.Asked.Single(r => r.Path.StartsWith("/restore", StringComparison.Ordinal)).Body, Is.EqualTo("""{"backup_path":"b.ndjson","mode":"replace"}"""));
        Assert.That((await CtlRun.OfAsync(node, "acl", "create-token", "--policy", "app")).Output, Does.Contain("token-1"));
        Assert.That(node.Asked.Single(r => r.Path.StartsWith("/acl/tokens", StringComparison.Ordinal)).Body, Is.EqualTo("""{"policies":["app"],"description":""}"""));
    }

    [Test]
    public async Task Health_ends_with_1_when_the_group_is_not_healthy()
    {
        _answers["GET /cluster/health"] = _ => FakeGroup.Json(200, new
        {
            healthy = false, failure_tolerance = 0, doing = "waits for n2",
            servers = new[] { new { id = "n2", address = "n2:7000", role = "voter", healthy = false, last_contact_ms = 5000.25, entries_behind = 7, stable_for_seconds = 4.5, why = "not heard" } },
        });
        var run = await CtlRun.OfAsync(Node(), "cluster", "health");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Output, Does.Contain("NOT HEALTHY").And.Contain("waits for n2").And.Match("n2 .*voter .*NO .*5000 ms .*7 .*4.5 s .*not heard"));
    }

    [TestCase(new[] { "--address", "n4:7000" }, """{"node_id":"n4:7000","address":"n4:7000"}""")]
    [TestCase(new[] { "n4:7000" }, """{"node_id":"n4:7000","address":"n4:7000"}""")]
    [TestCase(new[] { "n4", "n4:7000" }, """{"node_id":"n4","address":"n4:7000"}""")]
    [TestCase(new[] { "--node", "n4", "--address", "n4:7000", "--learner" }, """{"node_id":"n4","address":"n4:7000","learner":true}""")]
    public async Task Join_takes_the_spelling_of_the_ADR_and_that_of_Konsul(string[] words, string body)
    {
        _answers["POST /cluster/join"] = _ => FakeGroup.Json(200, new { status = "ok" });
        var node = Node();
        var run = await CtlRun.OfAsync(node, ["cluster", "join", .. words]);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(node.Asked.Single(r => r.Method == "POST").Body, Is.EqualTo(body));
    }

    [Test]
    public async Task Join_waits_until_the_node_votes_and_says_what_it_waits_for()
    {
        var looks = 0;
        _answers["POST /cluster/join"] = _ => FakeGroup.Json(200, new { status = "ok" });
        _answers["GET /cluster/peers"] = _ => FakeGroup.Json(200, new { peers = new[] { Peer("n4", ++looks < 3 ? "Nonvoter" : "Voter") } });
        var run = await CtlRun.OfAsync(Node(), "cluster", "join", "n4", "n4:7000", "--wait");
        Assert.That((run.ExitCode, run.Output.Trim()), Is.EqualTo((0, "n4 is in and votes")));
        Assert.That(run.Errors, Does.Contain("n4: Nonvoter").And.Contain("n4: Voter"));
    }

    [Test]
    public async Task Replace_is_one_change_and_is_done_when_the_new_node_votes_and_the_old_one_is_gone()
    {
        var looks = 0;
        _answers["POST /cluster/join"] = _ => FakeGroup.Json(200, new { status = "ok" });
        _answers["GET /cluster/peers"] = _ => FakeGroup.Json(200, new { peers = ++looks < 3 ? [Peer("n2", "Staging"), Peer("n5", "Voter")] : new[] { Peer("n5", "Voter") } });
        var node = Node();
        var run = await CtlRun.OfAsync(node, "cluster", "replace", "n2", "n5", "n5:7000");
        Assert.That((run.ExitCode, run.Output.Trim()), Is.EqualTo((0, "n5 votes in the place of n2")), run.Errors);
        Assert.That(node.Asked.Single(r => r.Method == "POST").Body, Is.EqualTo("""{"node_id":"n5","address":"n5:7000","replaces":"n2"}"""));
        Assert.That(looks, Is.EqualTo(3));
    }

    [Test]
    public async Task Waiting_that_finds_no_end_is_called_unknown_and_not_failed()
    {
        _answers["POST /cluster/join"] = _ => FakeGroup.Json(200, new { status = "ok" });
        var run = await CtlRun.OfAsync(Node(), "cluster", "join", "n3", "n3:7000", "--wait", "--timeout", "0.3");
        Assert.That(run.ExitCode, Is.EqualTo(4));
        Assert.That(run.Errors, Does.Contain("not seen finished"));
    }

    [TestCase("leave", "--node", "n2")]
    [TestCase("leave", "n2")]
    public async Task Leave_takes_the_spelling_of_the_ADR_and_that_of_Konsul(params string[] words)
    {
        _answers["DELETE /cluster/leave/n2"] = _ => FakeGroup.Json(200, new { status = "ok" });
        var run = await CtlRun.OfAsync(Node(), ["cluster", .. words]);
        Assert.That((run.ExitCode, run.Output.Trim()), Is.EqualTo((0, "n2 has left the group")), run.Errors);
    }

    [Test]
    public async Task A_change_whose_answer_was_lost_is_looked_up_in_the_list_of_members()
    {
        _answers["DELETE /cluster/leave/n9"] = _ => FakeAnswer.HangUp;
        _answers["DELETE /cluster/leave/n2"] = _ => FakeAnswer.HangUp;
        var done = await CtlRun.OfAsync(Node(), "cluster", "leave", "n9");
        Assert.That((done.ExitCode, done.Output.Trim()), Is.EqualTo((0, "n9 has left the group")));
        var unknown = await CtlRun.OfAsync(Node(), "cluster", "leave", "n2");
        Assert.That((unknown.ExitCode, unknown.Output), Is.EqualTo((4, "")));
    }

    [Test]
    public async Task A_refusal_ends_with_1_and_the_words_of_the_node()
    {
        _answers["DELETE /cluster/leave/n2"] = _ => FakeGroup.Json(400, new { error = "refused", message = "the rest could not go on without n2" });
        var run = await CtlRun.OfAsync(Node(), "cluster", "leave", "n2");
        Assert.That((run.ExitCode, run.Errors.Trim()), Is.EqualTo((1, "verify-ctl: the rest could not go on without n2")));
    }

    [Test]
    public async Task No_leader_and_no_node_end_with_3()
    {
        _answers["GET /cluster/leader"] = _ => FakeGroup.NoLeader();
        Assert.That((await CtlRun.OfAsync(Node(), "cluster", "leader", "--timeout", "0.3")).ExitCode, Is.EqualTo(3));
        var gone = Node();
        await gone.DisposeAsync();
        _nodes.Remove(gone);
        var run = await CtlRun.OfAsync(gone, "cluster", "peers", "--timeout", "0.3");
        Assert.That(run.ExitCode, Is.EqualTo(3));
        Assert.That(run.Errors, Does.Contain("no node could be reached"));
    }

    [Test]
    public async Task Transfer_returns_when_another_node_leads()
    {
        var leader = "n1";
        var asked = 0;
        _answers["GET /cluster/leader"] = _ => FakeGroup.Json(200, new { leader_id = ++asked > 3 ? leader : "n1", leader_addr = "", leader_api = "", is_self = true });
        _answers["POST /cluster/transfer"] = _ =>
        {
            leader = "n2";
            return FakeGroup.Json(200, new { status = "ok" });
        };
        var run = await CtlRun.OfAsync(Node(), "cluster", "transfer", "--to", "n2");
        Assert.That((run.ExitCode, run.Output.Trim()), Is.EqualTo((0, "n2 leads now (before: n1)")), run.Errors);
        Assert.That(_nodes[0].Asked.Single(r => r.Method == "POST").Body, Is.EqualTo("""{"to":"n2"}"""));
    }

    [Test]
    public async Task A_join_token_is_printed_bare_or_written_to_a_file_that_only_its_owner_reads_but_never_in_JSON()
    {
        _answers["POST /cluster/token"] = _ => FakeGroup.Json(200, new { token = "id.s3cret", token_id = "id", valid_for_seconds = 60 });
        Assert.That((await CtlRun.OfAsync(Node(), "cluster", "token")).Output.Trim(), Is.EqualTo("id.s3cret"));
        var refused = await CtlRun.OfAsync(Node(), "cluster", "token", "--json");
        Assert.That((refused.ExitCode, refused.Output), Is.EqualTo((2, "")));
        var folder = Directory.CreateTempSubdirectory("verify-ctl-");
        try
        {
            var file = Path.Combine(folder.FullName, "token");
            var run = await CtlRun.OfAsync(Node(), "cluster", "token", "--json", "--out", file, "--valid-for", "30m");
            Assert.That(run.Output, Does.Not.Contain("s3cret").And.Contain("token_id"));
            Assert.That((await File.ReadAllTextAsync(file)).Trim(), Is.EqualTo("id.s3cret"));
            if (!OperatingSystem.IsWindows()) Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public async Task Export_goes_to_a_file_and_import_takes_it_from_there_or_from_standard_input()
    {
        const string exported = "{\"verify\":1}\n{\"key\":\"a\",\"value\":\"MQ==\"}\n{\"count\":1}\n";
        _answers["GET /cluster/export"] = _ => new FakeAnswer(200, exported);
        _answers["POST /cluster/import?mode=create"] = _ => FakeGroup.Json(200, new { status = "ok", imported = 1, skipped = 0 });
        var folder = Directory.CreateTempSubdirectory("verify-ctl-");
        try
        {
            var file = Path.Combine(folder.FullName, "backup.ndjson");
            var node = Node();
            var export = await CtlRun.OfAsync(node, "cluster", "export", "--out", file);
            Assert.That(export.Output.Trim(), Is.EqualTo($"1 key(s) written to {file}"));
            Assert.That((await CtlRun.OfAsync(node, "cluster", "export", "--out", file)).ExitCode, Is.EqualTo(2), "a file is not overwritten");
            Assert.That((await CtlRun.OfAsync(node, "cluster", "import", file)).ExitCode, Is.Zero);
            Assert.That((await CtlRun.OfAsync(new Dictionary<string, string>(StringComparer.Ordinal), exported, ["-e", node.Uri.ToString(), "cluster", "import", "-"])).ExitCode, Is.Zero);
            Assert.That(node.Asked.Where(r => r.Method == "POST").Select(r => r.Body), Is.All.EqualTo(exported));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public async Task A_key_is_read_and_a_missing_one_ends_with_1()
    {
        _answers["GET /kv/a?consistent=true"] = _ => FakeGroup.Json(200, new { key = "a", value = "blue", modify_index = 5, create_index = 4, flags = 0, applied_index = 9 });
        _answers["GET /kv/b?consistent=true"] = _ => FakeGroup.Json(404, new { error = "not found", message = "no such key", applied_index = 9 });
        Assert.That((await CtlRun.OfAsync(Node(), "kv", "get", "a")).Output.Trim(), Is.EqualTo("blue"));
        Assert.That((await CtlRun.OfAsync(Node(), "kv", "get", "b")).ExitCode, Is.EqualTo(1));
    }

    private FakeNode Node()
    {
        var node = new FakeNode(request => _answers.TryGetValue($"{request.Method} {request.Path}", out var answer) ? answer(request) : FakeGroup.Json(404, new { error = "not found", message = $"no {request.Path} here" }));
        _nodes.Add(node);
        return node;
    }

    private static object Peer(string id, string state, bool leader = false) => new { id, address = $"{id}:7000", state, leader, api_address = "", zone = "z1", reachable = true };
}
