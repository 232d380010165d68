using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Members that know each other by host name, when a name gets another address: real processes, a real resolver, and a hosts file of their own.</summary>
[NonParallelizable]
[Category("Live")]
public sealed class HostNameTests
{
    private static readonly string[] Names = ["n1", "n2", "n3"];
    private readonly int _peerPort = FreePort.Next();
    private readonly SortedDictionary<string, int> _http = new(Names.ToDictionary(n => n, _ => FreePort.Next(), StringComparer.Ordinal), StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _addresses = new(StringComparer.Ordinal) { ["n1"] = "127.0.7.1", ["n2"] = "127.0.7.2", ["n3"] = "127.0.7.3" };
    private string _directory = null!;

    [SetUp]
    public async Task MakeDirectoryAsync()
    {
        if (Environment.UserName != "root") Assert.Ignore("a hosts file of one's own needs root");
        await LiveProgram.RequireAsync("/usr/bin/unshare", "util-linux");
        _directory = Directory.CreateTempSubdirectory("verify-hosts-").FullName;
        TellAddresses();
    }

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    /// <summary>A container is started anew and gets another address; its name stays. The others are told nothing, and are not restarted.</summary>
    [Test]
    public async Task A_member_whose_name_gets_another_address_is_found_there_and_its_vote_counts()
    {
        await using var n1 = Start("n1");
        await using var n3 = Start("n3");
        using var http = new HttpClient();
        string leader;
        await using (var n2 = Start("n2"))
        {
            leader = await LeaderAsync(http, Names);
            await n2.StopAsync();
        }

        _addresses["n2"] = "127.0.7.22";
        TellAddresses();
        await using var moved = Start("n2");
        leader = await LeaderAsync(http, Names);

        // Without it there is no majority from here on.
        await (leader == "n1" ? n3 : n1).StopAsync();
        await Until.AsyncOf("a write that n2 has a part in", async () =>
        {
            using var written = await http.PutAsync($"http://127.0.0.1:{_http["n2"]}/v1/kv/a", new StringContent("1"));
            return written.IsSuccessStatusCode && await http.GetStringAsync($"http://127.0.0.1:{_http["n2"]}/v1/kv/a?raw") == "1" ? "yes" : null;
        });
    }

    /// <summary>Who leads, once all of these say the same.</summary>
    private Task<string> LeaderAsync(HttpClient http, string[] asked) => Until.AsyncOf("a leader whom all follow", async () =>
    {
        var said = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in asked)
        {
            using var document = JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{_http[name]}/cluster/leader"));
            said.Add(document.RootElement.TryGetProperty("leader_id", out var leader) ? leader.GetString()! : "");
        }

        return said is { Count: 1, Min.Length: > 0 } ? said.Min : null;
    });

    /// <summary>In place: the nodes see this very file.</summary>
    private void TellAddresses()
    {
        var text = new StringBuilder("127.0.0.1 localhost\n");
        foreach (var (name, address) in _addresses) text.Append(address).Append(' ').Append(name).Append(".verify.test\n");
        using var file = new FileStream(HostsFile, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(0);
        file.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private string HostsFile => Path.Combine(_directory, "hosts");

    private NodeProcess Start(string name)
    {
        var file = Path.Combine(_directory, $"{name}.json");
        File.WriteAllText(file, JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["RaftDataDir"] = Path.Combine(_directory, "data-" + name),
            ["RaftNodeId"] = name,
            ["RaftBind"] = $"{_addresses[name]}:{_peerPort}",
            ["RaftAdvertise"] = $"{name}.verify.test:{_peerPort}",
            ["RaftNodes"] = Names.Select(n => $"{n}@{n}.verify.test:{_peerPort}"),
            ["DataCenter"] = "dc",
            ["DataCenters"] = Names.ToDictionary(n => n, _ => "dc", StringComparer.Ordinal),
            ["ListenAddress"] = $"127.0.0.1:{_http[name]}",
        }));
        return NodeProcess.StartWithHosts(HostsFile, ["--config", file]);
    }
}
