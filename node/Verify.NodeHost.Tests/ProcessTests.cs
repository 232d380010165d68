using System.Diagnostics;
using System.Globalization;
using Verify.NodeHost.Keys;

namespace Verify.NodeHost.Tests;

/// <summary>What a service manager and a busy machine do to a verify-node process.</summary>
[TestFixture]
internal sealed class ProcessTests
{
    private string _directory = "";

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-process-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    /// <summary>A machine at 100 % CPU cost leaders their quorum: threads of the node queued behind everybody's.</summary>
    [Test]
    public async Task The_threads_that_answer_run_before_ordinary_processes_unless_the_node_is_told_otherwise()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root") Assert.Ignore("only root may raise a priority");
        foreach (var (asked, isService, expected) in new[] { ("high", true, -11), ("high", false, -11), ("normal", true, Own()) })
        {
            var (variables, api) = Settings($"{asked}{isService}");
            (string, string)[] environment = [.. variables, ("VERIFY_PROCESS_PRIORITY", asked)];
            await using var node = isService ? NodeProcess.StartService([], environment) : NodeProcess.Start([], environment);
            using var http = new HttpClient();
            await Until.AsyncOf("a leader", async () => await http.GetStringAsync($"{api}/cluster/leader"));
            Assert.That(NiceOf(node.Id, ".NET TP Worker"), Is.Not.Empty.And.All.EqualTo(expected), asked);
            Assert.That(NiceOf(node.Id, ""), Is.All.EqualTo(expected), "the runtime's own threads too: a collection waits for all");
            if (File.Exists($"/proc/{node.Id}/autogroup"))
            {
                if (isService) Assert.That(File.ReadAllText($"/proc/{node.Id}/autogroup").TrimEnd(), Does.EndWith(asked == "high" ? " nice -11" : " nice 0"), "nice counts only within the session");
                else Assert.That(node.Output, Does.Contain("shares its session with others"), "it does not raise the session of whoever started it, and says so");
            }

            Assert.That(await node.StopAsync(), Is.Zero, node.Output);
        }
    }

    [Test]
    public async Task SIGHUP_makes_the_node_read_its_key_file_again()
    {
        var file = Path.Combine(_directory, "data.keys");
        DataKeyFile.Init(file);
        var (variables, api) = Settings("hup");
        await using var node = NodeProcess.Start([], [.. variables, ("VERIFY_DATA_KEY_FILE", file)]);
        using var http = new HttpClient();
        await Until.AsyncOf("a leader", async () => await http.GetStringAsync($"{api}/cluster/leader"));
        var second = DataKeyFile.Rotate(file).Active!.Id;
        using (var hangUp = Process.Start("kill", ["-HUP", node.Id.ToString(CultureInfo.InvariantCulture)])) await hangUp.WaitForExitAsync();
        await Until.AsyncOf("the new key in the log", () => Task.FromResult<string?>(node.Output.Contains(second, StringComparison.Ordinal) ? "yes" : null));
        Assert.That(await node.StopAsync(), Is.Zero, "the node goes on after SIGHUP until it is told to stop");
    }

    /// <summary>What a child begins with: the value of this process, which may itself have been started by nice.</summary>
    private static int Own() => NiceOf(Environment.ProcessId, "")[0];

    /// <summary>Field 19 of /proc/PID/task/TID/stat (man 5 proc).</summary>
    private static int[] NiceOf(int process, string threads) =>
        [.. Directory.EnumerateDirectories($"/proc/{process}/task")
            .Where(task => File.ReadAllText(Path.Combine(task, "comm")).StartsWith(threads, StringComparison.Ordinal))
            .Select(task => File.ReadAllText(Path.Combine(task, "stat")))
            .Select(stat => int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[16], CultureInfo.InvariantCulture))];

    private ((string Name, string Value)[] Variables, string Api) Settings(string name)
    {
        var api = $"127.0.0.1:{FreePort.Next()}";
        return ([("VERIFY_RAFT_DATA_DIR", Path.Combine(_directory, name)), ("VERIFY_RAFT_BIND", $"127.0.0.1:{FreePort.Next()}"),
            ("KONSUL_RAFT_BOOTSTRAP", "true"), ("VERIFY_LISTEN_ADDRESS", api)], $"http://{api}");
    }
}
