using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Verify.Node.Seam;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost.Tests;

/// <summary>The operator's commands as real processes of a real shell.</summary>
[TestFixture]
internal sealed class SystemProcessesTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(30);
    private static readonly ImmutableSortedDictionary<string, string> Nothing = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
    private string _directory = "";

    [SetUp]
    public void MakeDirectory()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("the commands need a shell that knows -c");
        _directory = Directory.CreateTempSubdirectory("verify-hooks-").FullName;
    }

    [TearDown]
    public void RemoveDirectory()
    {
        if (_directory.Length > 0) Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task A_command_is_run_by_the_shell_with_the_variables_and_what_it_prints_and_how_it_ends_is_told()
    {
        var end = await RunAsync("echo \"$ORC_FAILED_HOST is gone\"; echo $((1 + 1)) >&2; exit 3", Nothing.Add("ORC_FAILED_HOST", "db1 'quoted' $HOME"));
        Assert.That(end.ExitCode, Is.EqualTo(3));
        Assert.That(end.Output.Split('\n'), Does.Contain("db1 'quoted' $HOME is gone").And.Contain("2"), "a variable is not grammar");
        Assert.That((await RunAsync("true", Nothing)).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_script_of_the_operator_writes_what_it_was_told_to_a_file()
    {
        var (script, file) = (Path.Combine(_directory, "page"), Path.Combine(_directory, "told"));
        await File.WriteAllTextAsync(script, $"#!/bin/sh\nenv | grep ^ORC_ | sort > {file}\n");
        var end = await RunAsync($"sh {script}", Nothing.Add("ORC_FAILURE_TYPE", "DeadMaster").Add("ORC_COUNT_REPLICAS", "2"));
        Assert.That(end.ExitCode, Is.Zero, end.Output);
        Assert.That(await File.ReadAllLinesAsync(file), Is.EqualTo(new[] { "ORC_COUNT_REPLICAS=2", "ORC_FAILURE_TYPE=DeadMaster" }));
    }

    [Test]
    public async Task A_command_that_does_not_end_in_time_is_killed_with_everything_that_it_has_started()
    {
        var file = Path.Combine(_directory, "pids");
        var began = Stopwatch.GetTimestamp();
        var end = await RunAsync($"echo working; echo $$ > {file}; (sleep 300 & echo $! >> {file}; bash -c 'echo $$ >> {file}; sleep 301; true'; true); true", Nothing, TimeSpan.FromSeconds(1.5));
        Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(20)));
        Assert.That((end.ExitCode, end.Output), Is.EqualTo(((int?)null, "not within 2 s; killed. working\n")));
        var ids = (await File.ReadAllLinesAsync(file)).Select(static l => int.Parse(l, CultureInfo.InvariantCulture)).ToArray();
        Assert.That(ids, Has.Length.EqualTo(3), "shell, its child, its grandchild");
        await Until.AsyncOf("the end of all three", () => Task.FromResult<string?>(ids.Any(IsRunning) ? null : "ended"));
    }

    /// <summary>A hook that starts a service in the background must not count as failed, nor hold a failover up: it aborted one after the time limit.</summary>
    [Test]
    public async Task A_command_that_leaves_a_process_running_has_ended_when_its_shell_has()
    {
        var file = Path.Combine(_directory, "pid");
        var began = Stopwatch.GetTimestamp();
        var end = await RunAsync($"sleep 60 & echo $! > {file}; echo started", Nothing);
        var left = int.Parse(await File.ReadAllTextAsync(file), CultureInfo.InvariantCulture);
        try
        {
            Assert.That(end.ExitCode, Is.Zero, end.Output);
            Assert.That(end.Output, Does.Contain("started").And.Contain("left something running"));
            Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(20)));
            Assert.That(IsRunning(left), "nobody's business but the operator's");
        }
        finally
        {
            using var process = Process.GetProcessById(left);
            process.Kill();
        }
    }

    [Test]
    public async Task A_shell_that_is_not_there_is_said_and_is_no_exception()
    {
        var end = await new SystemProcesses().RunAsync(Path.Combine(_directory, "no-shell"), "true", Nothing, Enough);
        Assert.That((end.ExitCode, end.Output.Contains("cannot be started", StringComparison.Ordinal)), Is.EqualTo(((int?)null, true)), end.Output);
    }

    [Test]
    public async Task Of_a_command_that_prints_without_end_the_last_is_kept()
    {
        var end = await RunAsync("seq 1 20000", Nothing);
        Assert.That(end.Output, Does.EndWith("19999\n20000\n"));
        Assert.That(end.Output, Has.Length.LessThanOrEqualTo(4_000));
    }

    /// <summary>Killed and not yet waited for is not running (man 5 proc: state Z).</summary>
    private static bool IsRunning(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or IOException)
        {
            return false;
        }
    }

    private static async Task<ProcessEnd> RunAsync(string command, ImmutableSortedDictionary<string, string> environment, TimeSpan? limit = null) =>
        await new SystemProcesses().RunAsync("bash", command, environment, limit ?? Enough);
}
