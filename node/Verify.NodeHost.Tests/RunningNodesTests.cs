using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Verify.NodeHost.Keys;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Tests;

/// <summary>Real processes with real sockets and TLS on loopback.</summary>
[NonParallelizable]
public sealed partial class RunningNodesTests
{
    [GeneratedRegex("(konsul_raft|verify)_[a-z_]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MetricName();

    [GeneratedRegex("_(bucket|sum|count)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Suffix();

    private const string Password = "a-password-nobody-may-see";
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-run-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task Three_nodes_with_TLS_and_passwords_elect_a_leader_forward_and_redirect_and_keep_their_secrets()
    {
        TrialAuthority.Init(_directory, ["n1", "n2", "n3"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        var group = new TestGroup(_directory, ["n1", "n2", "n3"]);
        await using var n1 = group.Start("n1");
        await using var n2 = group.Start("n2");
        await using var n3 = group.Start("n3");
        using var http = Client();

        var leader = await Until.AsyncOf("a leader", async () => (await GetAsync(http, group.Api("n1"), "/cluster/leader")).GetProperty("leader_id").GetString());
        var follower = new[] { "n1", "n2", "n3" }.First(n => n != leader);

        // Nodes elect before their HTTP port is open.
        await Until.AsyncOf("an answer of the follower", async () => (await GetAsync(http, group.Api(follower), "/cluster/leader")).GetProperty("leader_id").GetString());
        using (var written = await http.PutAsync($"{group.Api(follower)}/kv/a", Json("""{ "value": "1" }""")))
            Assert.That(written.StatusCode, Is.EqualTo(HttpStatusCode.OK), "a follower forwards");

        // The leader is known to have told its HTTP address once it is in the membership.
        var location = await Until.AsyncOf("a redirect", async () =>
        {
            using var answer = await http.PostAsync($"{group.Api(follower)}/cluster/transfer?redirect=true", Json("{}"));
            return answer.StatusCode == HttpStatusCode.TemporaryRedirect ? answer.Headers.Location : null;
        });
        Assert.That(location.ToString(), Does.StartWith("http://127.0.0.1:").And.EndsWith("/cluster/transfer?redirect=true"));
        using (var followed = await http.PostAsync(location, Json("{}"))) Assert.That((int)followed.StatusCode, Is.Not.EqualTo(307));

        using (var nobody = new HttpClient())
        {
            using var refused = await nobody.GetAsync($"{group.Api("n1")}/cluster/status");
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        var shown = new StringBuilder();
        foreach (var path in new[] { "/cluster/config", "/cluster/status", "/cluster/stats", "/cluster/peers", "/metrics", "/api/raft-status", "/api/health" })
            shown.Append(await http.GetStringAsync(group.Api("n1") + path));
        foreach (var node in new[] { n1, n2, n3 }) shown.Append(node.Output);
        Assert.That(shown.ToString(), Does.Not.Contain(Password));
        Assert.That(shown.ToString(), Does.Contain("\"peer_tls\":true"));
        await MetricsAreWhatDashboardAndAlertsNameAsync(http, group.Api("n1"));

        Assert.That(await n2.StopAsync(), Is.Zero, n2.Output);
    }

    [Test]
    public async Task A_node_with_a_certificate_of_another_authority_or_name_is_kept_out_while_the_others_go_on()
    {
        TrialAuthority.Init(_directory, ["n1", "n2", "n3"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        var other = Path.Combine(_directory, "other");
        TrialAuthority.Init(other, ["n3"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        var group = new TestGroup(_directory, ["n1", "n2", "n3"]);
        await using var n1 = group.Start("n1");
        await using var n2 = group.Start("n2");
        using var http = Client();
        foreach (var (label, certificates, name) in new[] { ("another authority", other, "n3"), ("another name", _directory, "n2") })
        {
            await using var n3 = group.Start("n3", ("VERIFY_RAFT_TLS_CERT_FILE", Path.Combine(certificates, name + ".pem")),
                ("VERIFY_RAFT_TLS_KEY_FILE", Path.Combine(certificates, name + ".key")), ("VERIFY_RAFT_TLS_CA_FILE", Path.Combine(certificates, "ca.pem")));
            await Until.AsyncOf($"a refusal ({label})", () => Task.FromResult<string?>((n1.Output + n2.Output).Contains("refused", StringComparison.OrdinalIgnoreCase) ? "yes" : null));
            var status = await Until.AsyncOf("the outcast's status", async () => (await GetAsync(http, group.Api("n3"), "/cluster/status")).GetRawText());
            Assert.That(JsonDocument.Parse(status).RootElement.GetProperty("in_quorum").GetBoolean(), Is.False, label);
        }

        await Until.AsyncOf("a write without it", async () =>
        {
            using var written = await http.PutAsync($"{group.Api("n1")}/kv/a", Json("""{ "value": "1" }"""));
            return written.IsSuccessStatusCode ? "yes" : null;
        });
    }

    [Test]
    public async Task A_node_from_the_environment_alone_is_exported_and_imported_into_another()
    {
        var (one, two) = (Environment("one"), Environment("two"));
        await using var first = NodeProcess.Start([], one.Variables);
        await using var second = NodeProcess.Start([], two.Variables);
        using var http = new HttpClient();
        foreach (var key in new[] { "a", "b/c", "ü" })
        {
            await Until.AsyncOf("a write", async () =>
            {
                using var written = await http.PutAsync($"{one.Api}/kv/{Uri.EscapeDataString(key).Replace("%2F", "/", StringComparison.Ordinal)}", Json($$"""{ "value": "of {{key}}", "flags": 7 }"""));
                return written.IsSuccessStatusCode ? "yes" : null;
            });
        }

        var exported = await http.GetByteArrayAsync($"{one.Api}/cluster/export");
        await Until.AsyncOf("the other node", async () => await http.GetStringAsync($"{two.Api}/cluster/leader"));
        using (var cut = await http.PostAsync($"{two.Api}/cluster/import", new ByteArrayContent(exported[..^120])))
        {
            Assert.That(cut.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(await cut.Content.ReadAsStringAsync(), Does.Contain("cut off").Or.Contain("not valid JSON"));
        }

        using (var imported = await http.PostAsync($"{two.Api}/cluster/import", new ByteArrayContent(exported)))
            Assert.That(await imported.Content.ReadAsStringAsync(), Is.EqualTo("""{"status":"ok","message":"imported","imported":3,"skipped":0,"pairs":3,"services":0,"services_skipped":0}"""));
        using (var again = await http.PostAsync($"{two.Api}/cluster/import", new ByteArrayContent(exported)))
            Assert.That(await again.Content.ReadAsStringAsync(), Is.EqualTo("""{"status":"ok","message":"imported","imported":0,"skipped":3,"pairs":3,"services":0,"services_skipped":0}"""));
        var read = JsonDocument.Parse(await http.GetStringAsync($"{two.Api}/kv/%C3%BC")).RootElement;
        Assert.That((read.GetProperty("value").GetString(), read.GetProperty("flags").GetInt32()), Is.EqualTo(("of ü", 7)));
        Assert.That(await first.StopAsync(), Is.Zero, first.Output);
    }

    [Test]
    public async Task A_new_key_seals_what_is_written_after_it_was_rotated_and_the_old_data_stays_readable()
    {
        var file = Path.Combine(_directory, "data.keys");
        var first = DataKeyFile.Init(file).Id;
        var (plain, api) = Environment("sealed");
        (string, string)[] variables = [.. plain, ("VERIFY_DATA_KEY_FILE", file)];
        using var http = new HttpClient();
        string second;
        await using (var node = NodeProcess.Start([], variables))
        {
            await WriteAsync("before");
            second = DataKeyFile.Rotate(file).Active!.Id;
            using (var rotated = await http.PostAsync($"{api}/cluster/rotate-key", content: null))
                Assert.That(await rotated.Content.ReadAsStringAsync(), Does.Contain($"\"data_key\":\"{second}\""));
            await WriteAsync("after");
            Assert.That(await node.StopAsync(), Is.Zero, node.Output);
            Assert.That(node.Output, Does.Not.Contain(Convert.ToBase64String(DataKeyFile.Read(file).Active!.Secret.Span)));
        }

        await using (var check = NodeProcess.Start(["--upgrade-check", "--json"], variables))
        {
            Assert.That(await check.ExitAsync(), Is.Zero, check.Output);
            using var report = JsonDocument.Parse(check.Output);
            Assert.That(report.RootElement.GetProperty("KeysInUse").EnumerateArray().Select(k => k.GetString()), Is.EquivalentTo(new[] { first, second }));
        }

        Assert.That(Directory.EnumerateFiles(Path.Combine(_directory, "data-sealed")).Select(f => File.ReadAllText(f, Encoding.Latin1)), Has.None.Contains("value-that-must-not-be-seen"));
        await using var again = NodeProcess.Start([], variables);
        Assert.That(await Until.AsyncOf("the value from before", async () => (await GetAsync(http, api, "/kv/before")).GetProperty("value").GetString()), Is.EqualTo("value-that-must-not-be-seen"));

        Task<string> WriteAsync(string key) => Until.AsyncOf("a write", async () =>
        {
            using var written = await http.PutAsync($"{api}/kv/{key}", Json("""{ "value": "value-that-must-not-be-seen" }"""));
            return written.IsSuccessStatusCode ? "yes" : null;
        });
    }

    /// <summary>Found by helper ctl's live tests: the listener was configured before the certificate was read, and spoke plain HTTP.</summary>
    [Test]
    public async Task A_node_that_is_told_to_speak_HTTPS_speaks_nothing_else()
    {
        TrialAuthority.Init(_directory, ["n1=127.0.0.1"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        var (plain, api) = Environment("tls");
        await using var node = NodeProcess.Start([], [.. plain, ("KONSUL_TLS_ENABLED", "true"),
            ("KONSUL_TLS_CERT_FILE", Path.Combine(_directory, "n1.pem")), ("KONSUL_TLS_KEY_FILE", Path.Combine(_directory, "n1.key"))]);
        using var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(_directory, "ca.pem"));
        var policy = CertificateFiles.PolicyFor([authority], Usage.Server);
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } });
        var leader = await Until.AsyncOf("an answer over HTTPS", async () => await http.GetStringAsync(api.Replace("http://", "https://", StringComparison.Ordinal) + "/cluster/leader"));
        Assert.That(leader, Does.Contain("\"is_self\":true"));
        Assert.That(async () => await http.GetStringAsync(api + "/cluster/leader"), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task A_node_that_no_group_lets_in_leaves_with_exit_code_4_and_says_why()
    {
        var (variables, _) = Environment("lost");
        await using var node = NodeProcess.Start([], [.. variables.Where(v => v.Name != "KONSUL_RAFT_BOOTSTRAP"),
            ("KONSUL_RAFT_JOIN", $"127.0.0.1:{FreePort.Next()}"), ("VERIFY_RAFT_JOIN_GIVE_UP_SECONDS", "1"), ("VERIFY_RAFT_JOIN_TOKEN", $"id.{Password}")]);
        Assert.That(await node.ExitAsync(), Is.EqualTo(4), node.Output);
        Assert.That(node.Output, Does.Contain("was not let into the group within 1 s").And.Not.Contain(Password));
    }

    [Test]
    public async Task A_history_store_that_stays_away_ends_the_node_with_exit_code_5_unless_it_is_not_required()
    {
        var blocked = Path.Combine(_directory, "blocked");
        await File.WriteAllTextAsync(blocked, "a file where a directory should be");
        (string, string)[] history = [("VERIFY_HISTORY_STORE", "true"), ("VERIFY_SQLITE3_DATA_FILE", Path.Combine(blocked, "history.db")), ("VERIFY_HISTORY_STORE_GIVE_UP_SECONDS", "1")];
        var (variables, api) = Environment("tolerant");
        await using var tolerant = NodeProcess.Start([], [.. variables, .. history, ("VERIFY_HISTORY_STORE_REQUIRED", "false")]);
        await using var node = NodeProcess.Start([], [.. Environment("strict").Variables, .. history]);
        Assert.That(await node.ExitAsync(), Is.EqualTo(5), node.Output);
        Assert.That(node.Output, Does.Contain("Repair the store, or remove the file"));
        using var http = new HttpClient();
        await Until.AsyncOf("the other node goes on", async () => await http.GetStringAsync($"{api}/cluster/leader"));
        File.Delete(blocked);
        await Until.AsyncOf("its store is back", () => Task.FromResult<string?>(tolerant.Output.Contains("is written again", StringComparison.Ordinal) ? "yes" : null));
    }

    private static async Task MetricsAreWhatDashboardAndAlertsNameAsync(HttpClient http, string api)
    {
        var exposed = (await http.GetStringAsync($"{api}/metrics")).Split('\n').Where(l => l.StartsWith("# TYPE ", StringComparison.Ordinal))
            .Select(l => l.Split(' ')[2]).ToHashSet(StringComparer.Ordinal);
        Assert.That(exposed, Is.SupersetOf(new[]
        {
            "konsul_raft_state", "konsul_raft_leader_changes_total", "konsul_raft_commit_time_seconds", "konsul_raft_apply_time_seconds", "konsul_raft_log_entries_total",
            "konsul_raft_log_size_bytes", "konsul_raft_snapshot_duration_seconds", "konsul_raft_peers", "konsul_raft_last_contact_seconds",
        }), "the names of ADR-0011");
        var monitoring = Path.Combine(TestContext.CurrentContext.TestDirectory, "Monitoring");
        var named = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var file in new[] { "grafana-verify.json", "verify-alerts.yaml" })
        {
            foreach (Match match in MetricName().Matches(await File.ReadAllTextAsync(Path.Combine(monitoring, file))))
                named.Add(Suffix().Replace(match.Value, ""));
        }

        Assert.That(named, Has.Count.GreaterThan(10));
        Assert.That(exposed, Is.SupersetOf(named), "the dashboard and the alerts name what a node exposes");
    }

    private ((string Name, string Value)[] Variables, string Api) Environment(string name)
    {
        var port = FreePort.Next();
        return ([
            ("KONSUL_RAFT_DATA_DIR", Path.Combine(_directory, "data-" + name)), ("KONSUL_RAFT_BOOTSTRAP", "true"), ("KONSUL_PORT", $"{port}"),
            ("KONSUL_RAFT_BIND_ADDR", $"127.0.0.1:{FreePort.Next()}"), ("KONSUL_RAFT_NODE_ID", name)], $"http://127.0.0.1:{port}");
    }

    private static HttpClient Client()
    {
        var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(10) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{Password}")));
        return http;
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<JsonElement> GetAsync(HttpClient http, string api, string path)
    {
        using var document = JsonDocument.Parse(await http.GetStringAsync(api + path));
        return document.RootElement.Clone();
    }

    private sealed class TestGroup(string directory, string[] names)
    {
        private readonly SortedDictionary<string, (int Raft, int Http)> _ports = new(names.ToDictionary(n => n, _ => (FreePort.Next(), FreePort.Next()), StringComparer.Ordinal), StringComparer.Ordinal);

        public string Api(string name) => $"http://127.0.0.1:{_ports[name].Http}";

        public NodeProcess Start(string name, params (string, string)[] more)
        {
            var file = Path.Combine(directory, $"{name}.json");
            File.WriteAllText(file, JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["RaftDataDir"] = Path.Combine(directory, "data-" + name),
                ["RaftNodeId"] = name,
                ["RaftBind"] = $"127.0.0.1:{_ports[name].Raft}",
                ["RaftNodes"] = names.Select(n => $"{n}@127.0.0.1:{_ports[n].Raft}"),
                ["DataCenter"] = "dc",
                ["DataCenters"] = names.ToDictionary(n => n, _ => "dc", StringComparer.Ordinal),
                ["ListenAddress"] = $"127.0.0.1:{_ports[name].Http}",
                ["RaftTLSCertFile"] = Path.Combine(directory, name + ".pem"),
                ["RaftTLSKeyFile"] = Path.Combine(directory, name + ".key"),
                ["RaftTLSCAFile"] = Path.Combine(directory, "ca.pem"),
                ["HistoryStore"] = true,
                ["AuthenticationMethod"] = "multi",
                ["HTTPAuthUser"] = "admin",
                ["HTTPAuthPassword"] = "${NODE_PASSWORD}",
            }));
            return NodeProcess.Start(["--config", file], [("NODE_PASSWORD", Password), .. more]);
        }
    }
}
