using System.Text.Json;
using System.Text.RegularExpressions;

namespace Verify.NodeHost.Tests;

/// <summary>The curl samples of Konsul's documents (CAS.md, CLUSTERING.md, RAFT_CLUSTERING.md, the ADRs 0011, 0018 and 0020, the API pages) against a verify-node process:
/// testdata/konsul-curl.txt.</summary>
[NonParallelizable]
public sealed partial class KonsulTranscriptTests
{
    private string _directory = null!;

    [GeneratedRegex(@"(?<="")\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)(?="")", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Time();

    /// <summary>Where an entry got into the log depends on the heartbeats of the node itself; what has to be equal is compared by the commands.</summary>
    [GeneratedRegex(@"(?<name>""([a-z_]*index|[a-z_]*term|uptime[a-z_]*|applied|new_indices|bytes|age_ms|last_contact_ms|entries_behind|stable_for_seconds)"":)([\d.]+|\{[^}]*\}|""[^""]*"")", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Number();

    [GeneratedRegex(@"verify-\d{8}T\d+-\d+\.ndjson", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Backup();

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-konsul-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task Curl_gets_what_Konsuls_documents_say()
    {
        var (raft, http) = ($"127.0.0.1:{FreePort.Next()}", $"127.0.0.1:{FreePort.Next()}");
        var file = Path.Combine(_directory, "node.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new { RaftDataDir = Path.Combine(_directory, "data"), RaftBind = raft, RaftNodeId = "node1", ListenAddress = http }));
        await using var node = NodeProcess.Start(["--config", file]);
        using var client = new HttpClient();
        await Until.AsyncOf("a node that is ready", async () => (await client.GetAsync($"http://{http}/health/ready")).IsSuccessStatusCode ? "yes" : null);
        var played = await new CurlTranscript("konsul-curl.txt", ("KONSUL", http), ("WORK", _directory))
        {
            Clean = output => Number().Replace(Backup().Replace(Time().Replace(output, "<time>"), "<backup>"), "${name}<n>").Replace(raft, "<raft>", StringComparison.Ordinal).Replace(http, "<http>", StringComparison.Ordinal).Replace(_directory, "<dir>", StringComparison.Ordinal),
            Story = () => node.Output,
        }.PlayAsync();
        Assert.That(played, Is.GreaterThan(50));
    }
}
