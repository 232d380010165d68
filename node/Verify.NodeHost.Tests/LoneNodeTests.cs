using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>One real process that no group lets in: in what form it says so, and for how long it tries.</summary>
[NonParallelizable]
public sealed class LoneNodeTests
{
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-lone-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task With_LogFormat_json_every_line_is_one_object_with_its_time_in_UTC_its_level_and_its_words()
    {
        await using var node = NodeProcess.Start([], [.. Node("late", FreePort.Next(), FreePort.Next()), .. Joins(FreePort.Next(), giveUp: 1), ("KONSUL_LOG_FORMAT", "json")]);
        Assert.That(await node.ExitAsync(), Is.EqualTo(4), node.Output);
        var logged = node.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.That(logged, Has.Count.GreaterThan(2), node.Output);
        foreach (var line in logged)
        {
            Assert.That(line.GetProperty("Timestamp").GetString(), Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"));
            Assert.That(DateTimeOffset.UtcNow - line.GetProperty("Timestamp").GetDateTimeOffset(), Is.InRange(TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(2)));
            Assert.That(line.GetProperty("LogLevel").GetString(), Is.AnyOf("Trace", "Debug", "Information", "Warning", "Error", "Critical"));
            Assert.That(line.GetProperty("Message").GetString(), Is.Not.Empty);
        }
    }

    [Test]
    public async Task A_node_that_is_told_to_keep_trying_is_let_in_when_the_group_is_there_at_last()
    {
        var (port, peers, own) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        await using var late = NodeProcess.Start([], [.. Node("late", FreePort.Next(), own), .. Joins(peers, giveUp: 0)]);
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.That(late.HasExited, Is.False, late.Output);
        await using var first = NodeProcess.Start([], [.. Node("first", port, peers), ("KONSUL_RAFT_BOOTSTRAP", "true")]);
        using var http = new HttpClient();

        // Nobody comes in by the peers' port without a token; an operator may say who is to come in.
        await Until.AsyncOf("an operator lets it in", async () =>
        {
            using var said = await http.PostAsync($"http://127.0.0.1:{port}/cluster/join", new StringContent($$"""{ "node_id": "late", "address": "127.0.0.1:{{own}}" }""", Encoding.UTF8, "application/json"));
            return said.IsSuccessStatusCode ? "yes" : null;
        });
        await Until.AsyncOf("both in one group", async () =>
        {
            var text = await http.GetStringAsync($"http://127.0.0.1:{port}/cluster/peers");
            return text.Contains("\"late\"", StringComparison.Ordinal) && text.Contains("\"count\":2", StringComparison.Ordinal) ? text : null;
        });
        Assert.That(late.HasExited, Is.False, late.Output);
    }

    private (string Name, string Value)[] Node(string name, int port, int peers) =>
    [
        ("KONSUL_RAFT_NODE_ID", name), ("KONSUL_RAFT_DATA_DIR", Path.Combine(_directory, name)), ("KONSUL_PORT", $"{port}"), ("KONSUL_RAFT_BIND_ADDR", $"127.0.0.1:{peers}"),
    ];

    private static (string Name, string Value)[] Joins(int peers, int giveUp) => [("KONSUL_RAFT_JOIN", $"127.0.0.1:{peers}"), ("VERIFY_RAFT_JOIN_GIVE_UP_SECONDS", $"{giveUp}")];
}
