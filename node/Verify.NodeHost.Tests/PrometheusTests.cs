using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Verify.NodeHost.Tests;

/// <summary>A real Prometheus that scrapes a real node, with the alert rules of this repository; and every query of the dashboard put to it.</summary>
[NonParallelizable]
[Category("Live")]
public sealed partial class PrometheusTests
{
    private const string Program = "/usr/bin/prometheus";
    private string _directory = null!;

    [GeneratedRegex(@"\$__[a-z_]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex GrafanasTime();

    [SetUp]
    public async Task MakeDirectoryAsync()
    {
        await LiveProgram.RequireAsync(Program, "prometheus");
        _directory = Directory.CreateTempSubdirectory("verify-prometheus-").FullName;
    }

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task It_loads_the_rules_understands_what_the_node_exposes_and_answers_every_query_of_the_dashboard()
    {
        var (port, own) = (FreePort.Next(), FreePort.Next());
        await using var node = NodeProcess.Start([],
            ("KONSUL_RAFT_NODE_ID", "n1"), ("KONSUL_RAFT_DATA_DIR", Path.Combine(_directory, "data")), ("KONSUL_RAFT_BOOTSTRAP", "true"),
            ("KONSUL_RAFT_BIND_ADDR", $"127.0.0.1:{FreePort.Next()}"), ("KONSUL_HOST", "127.0.0.1"), ("KONSUL_PORT", $"{port}"));
        using var prometheus = Start(port, own);
        try
        {
            using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{own}") };
            await Until.AsyncOf("Prometheus is ready", async () => await http.GetStringAsync("/-/ready"));
            await Until.AsyncOf("the node was scraped", async () => (await ValuesAsync(http, "konsul_raft_state")).Length > 0 ? "yes" : null);
            Assert.That(await ValuesAsync(http, "up"), Is.EqualTo(new[] { "1" }), "everything that the node exposes was understood");
            Assert.That(await ValuesAsync(http, "sum(konsul_raft_state)"), Is.EqualTo(new[] { "1" }), "one state holds");
            await RulesAreEvaluatedAsync(http);
            foreach (var query in DashboardQueries()) await ValuesAsync(http, query);
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
        }
    }

    private Process Start(int node, int own)
    {
        var rules = Path.Combine(TestContext.CurrentContext.TestDirectory, "Monitoring", "verify-alerts.yaml");
        var file = Path.Combine(_directory, "prometheus.yml");
        File.WriteAllText(file, $$"""
            global: { scrape_interval: 1s, evaluation_interval: 1s }
            rule_files: [ "{{rules}}" ]
            scrape_configs:
              - job_name: verify
                static_configs: [ { targets: [ "127.0.0.1:{{node}}" ] } ]
            """);
        return Process.Start(new ProcessStartInfo(Program, [$"--config.file={file}", $"--storage.tsdb.path={Path.Combine(_directory, "tsdb")}", $"--web.listen-address=127.0.0.1:{own}", "--log.level=warn"]) { UseShellExecute = false })!;
    }

    private static async Task RulesAreEvaluatedAsync(HttpClient http)
    {
        await Until.AsyncOf("all rules evaluated", async () =>
        {
            using var document = JsonDocument.Parse(await http.GetStringAsync("/api/v1/rules"));
            var rules = document.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray().SelectMany(g => g.GetProperty("rules").EnumerateArray()).ToArray();
            var broken = rules.Where(r => r.GetProperty("health").GetString() is "err").Select(r => r.GetProperty("name").GetString()).ToArray();
            Assert.That(broken, Is.Empty);
            return rules.Length > 8 && rules.All(r => r.GetProperty("health").GetString() is "ok") ? "yes" : null;
        });
    }

    private static IEnumerable<string> DashboardQueries()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Monitoring", "grafana-verify.json")));
        return [.. document.RootElement.GetProperty("panels").EnumerateArray().SelectMany(p => p.GetProperty("targets").EnumerateArray())
            .Select(t => GrafanasTime().Replace(t.GetProperty("expr").GetString()!, "1m").Replace("$job", "verify", StringComparison.Ordinal))];
    }

    private static async Task<string[]> ValuesAsync(HttpClient http, string query)
    {
        using var answer = await http.GetAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}");
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), $"{query}: {text}");
        using var document = JsonDocument.Parse(text);
        return [.. document.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(r => r.GetProperty("value")[1].GetString()!)];
    }
}
