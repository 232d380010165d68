using System.Xml.Linq;

namespace Verify.Chaos.Tests;

/// <summary>The command line: exit codes, what a run leaves behind, replay.</summary>
public sealed class CommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = ChaosProgram.NewFolder("command");

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_valid_run_exits_with_0_leaves_everything_behind_and_is_repeated_exactly()
    {
        var run = await ChaosProgram.RunAsync(Limit, "run", "dc-fencing", "--world", "sim", "--seeds", "7..8", "--out", _folder);
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        Assert.That(run.Output, Does.Contain("VERDICT  VALID"));
        var folder = ChaosProgram.RunFolderIn(_folder);
        foreach (var file in new[] { "report.html", "run.json", "history.ndjson", "events.ndjson", "junit.xml", "summary.md", "replay.json", "SHA256SUMS" })
        {
            Assert.That(new FileInfo(Path.Combine(folder, file)).Length, Is.GreaterThan(100), file);
        }

        var junit = XDocument.Load(Path.Combine(folder, "junit.xml")).Root!;
        Assert.That((int)junit.Attribute("failures")!, Is.Zero);
        Assert.That((int)junit.Attribute("tests")!, Is.GreaterThan(10));

        var replay = await ChaosProgram.RunAsync(Limit, "replay", folder);
        Assert.That((replay.ExitCode, replay.Output.Contains("THE SAME RUN", StringComparison.Ordinal)), Is.EqualTo((0, true)), replay.Output);

        var report = await ChaosProgram.RunAsync(Limit, "report", folder);
        Assert.That(report.ExitCode, Is.Zero, report.Output);
    }

    [Test]
    public async Task A_replay_that_gives_another_trace_says_so_and_exits_with_3()
    {
        var run = await ChaosProgram.RunAsync(Limit, "run", "leader-kill", "--world", "sim", "--seeds", "3", "--out", _folder);
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        var file = Path.Combine(ChaosProgram.RunFolderIn(_folder), "replay.json");
        var text = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, text.Replace("\"seed\": 3", "\"seed\": 4", StringComparison.Ordinal));
        var replay = await ChaosProgram.RunAsync(Limit, "replay", Path.GetDirectoryName(file)!);
        Assert.That((replay.ExitCode, replay.Output.Contains("ANOTHER RUN", StringComparison.Ordinal)), Is.EqualTo((3, true)), replay.Output);
    }

    [Test]
    public async Task A_violated_property_exits_with_1_and_prints_the_line_that_repeats_it()
    {
        var run = await ChaosProgram.RunAsync(Limit, "run", "dc-fencing", "--world", "sim", "--seeds", "1", "--no-fencing", "--out", _folder);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Output);
        Assert.That(run.Output, Does.Contain("replay it:  dotnet run --project chaos/Verify.Chaos -c Release -- replay "));
        var seed = Path.Combine(ChaosProgram.RunFolderIn(_folder), "sim", "seed-1");
        var replay = await ChaosProgram.RunAsync(Limit, "replay", seed);
        Assert.That((replay.ExitCode, replay.Output.Contains("THE SAME RUN", StringComparison.Ordinal)), Is.EqualTo((1, true)), replay.Output);
        Assert.That(await File.ReadAllTextAsync(Path.Combine(ChaosProgram.RunFolderIn(_folder), "report.html")), Does.Contain("INVALID"));
    }

    [TestCase("run", "no-such-scenario")]
    [TestCase("run", "dc-fencing", "--seeds", "nine")]
    [TestCase("run", "dc-fencing", "--world", "moon")]
    [TestCase("replay", "/nowhere")]
    [TestCase("report", "/nowhere")]
    public async Task What_cannot_be_done_is_one_sentence_and_exit_code_3(params string[] arguments)
    {
        var outcome = await ChaosProgram.RunAsync(Limit, arguments);
        Assert.That(outcome.ExitCode, Is.EqualTo(3), outcome.Output);
        Assert.That(outcome.Output, Does.StartWith("verify-chaos: ").And.Not.Contain("   at "));
    }

    [TestCase("write 1,read 1", 0)]
    [TestCase("write 1,read 2", 1)]
    [TestCase("write 1", 2)]
    [TestCase("swap 1", 3)]
    public async Task A_history_from_a_file_is_judged_and_the_exit_code_says_how(string calls, int exitCode)
    {
        var file = Path.Combine(_folder, "history.edn");
        await File.WriteAllLinesAsync(file, calls.Split(',').SelectMany((call, process) => new[]
        {
            $"{{:process {process}, :type :invoke, :f :{call.Split(' ')[0]}, :value {call.Split(' ')[1]}}}",
            $"{{:process {process}, :type :ok, :f :{call.Split(' ')[0]}, :value {call.Split(' ')[1]}}}",
        }));
        var outcome = await ChaosProgram.RunAsync(Limit, "check", "--model", "register", file);
        Assert.That(outcome.ExitCode, Is.EqualTo(exitCode), outcome.Output);
        if (exitCode == 1) Assert.That(outcome.Output, Does.Contain("line 3: process 1 read 2 → 2"));
        if (exitCode == 3) Assert.That(outcome.Output, Does.StartWith("verify-chaos: ").And.Contain("history.edn, line 1: ':swap'"));
    }

    [Test]
    public async Task A_wrong_scenario_file_is_refused_with_line_and_column()
    {
        var file = Path.Combine(_folder, "wrong.yaml");
        await File.WriteAllTextAsync(file, "name: wrong\nstory: x\nfleet:\n  nodez: { east: 1 }\n");
        var outcome = await ChaosProgram.RunAsync(Limit, "run", file, "--world", "sim");
        Assert.That(outcome.ExitCode, Is.EqualTo(3), outcome.Output);
        Assert.That(outcome.Output, Does.Match(@"wrong\.yaml:4:\d+: .*nodez"));
    }

    [Test]
    public async Task The_library_is_listed_and_every_command_has_help_with_an_example()
    {
        var scenarios = await ChaosProgram.RunAsync(Limit, "scenarios");
        Assert.That(scenarios.ExitCode, Is.Zero);
        Assert.That(scenarios.Output, Does.Contain("dc-fencing").And.Contain("asymmetric-partition"));
        foreach (var command in new[] { "run", "replay", "shrink", "diff", "bugbase", "report", "bench", "mutants", "check", "explore", "nightly", "compare" })
        {
            var help = await ChaosProgram.RunAsync(Limit, command, "--help");
            Assert.That(help.Output, Does.Contain("verify-chaos " + command), command);
        }
    }
}
