using System.Diagnostics;
using Verify.Fleet.Disks;
using Verify.Fleet.Processes;

namespace Verify.Fleet.Tests;

/// <summary>Nothing is left behind: not at a normal end, and not by a run that was killed.</summary>
public sealed class LeftoverTests
{
    private FleetCache _cache = null!;

    [SetUp]
    public void MakeCache() => _cache = new(Directory.CreateTempSubdirectory("verify-cache-").FullName);

    [TearDown]
    public void RemoveCache() => Directory.Delete(_cache.Directory, recursive: true);

    [Test]
    public async Task A_run_that_ends_takes_its_processes_and_its_directory_with_it()
    {
        var run = FleetRun.Begin(_cache);
        var child = await StartSleepAsync(run, run.Directory);
        Assert.That(child.IsRunning && Directory.Exists(run.Directory));
        await run.DisposeAsync();
        Assert.That(ProcessIdentity.Of(child.Pid), Is.Null);
        Assert.That(Directory.Exists(run.Directory), Is.False);
        Assert.That(Directory.EnumerateFiles(_cache.Folder("runs")), Is.Empty);
    }

    [Test]
    public async Task The_next_run_removes_what_a_dead_one_has_left()
    {
        // A run whose owner is gone: this process stands in for it, under an identity that no process has.
        var run = FleetRun.Begin(_cache);
        var child = await StartSleepAsync(run, run.Directory);
        var dead = Path.Combine(_cache.Folder("runs"), "dead.leftovers");
        File.WriteAllText(dead, File.ReadAllText(run.Leftovers.Path).Replace($"owner\t{Environment.ProcessId}\t", "owner\t4000000\t", StringComparison.Ordinal));
        File.Delete(run.Leftovers.Path);

        var removed = LeftoverRegistry.RemoveLeftovers(_cache);
        Assert.That(removed, Has.Some.StartsWith($"ended process {child.Pid} ").And.Some.StartsWith("removed "));
        await child.Exited.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.That(Directory.Exists(run.Directory), Is.False);
        Assert.That(File.Exists(dead), Is.False);
        Assert.That(LeftoverRegistry.RemoveLeftovers(_cache), Is.Empty);
    }

    [Test]
    public async Task A_process_that_was_started_but_not_yet_noted_is_found_by_the_pid_it_wrote_itself()
    {
        var run = FleetRun.Begin(_cache);
        var child = await StartSleepAsync(run, run.Directory);

        // The process writes its pid itself, in its own time.
        var pids = Path.Combine(run.Directory, "pids");
        Assert.That(SpinWait.SpinUntil(() => Directory.EnumerateFiles(pids).Any(f => new FileInfo(f).Length > 0), TimeSpan.FromSeconds(10)), "the process wrote its pid");
        var lines = File.ReadAllLines(run.Leftovers.Path).Where(l => !l.StartsWith("process\t", StringComparison.Ordinal));
        File.WriteAllLines(Path.Combine(_cache.Folder("runs"), "dead.leftovers"),
            lines.Select(l => l.Replace($"owner\t{Environment.ProcessId}\t", "owner\t4000000\t", StringComparison.Ordinal)));
        Assert.That(LeftoverRegistry.RemoveLeftovers(_cache), Has.Some.StartsWith($"ended process {child.Pid} "));
        await run.DisposeAsync();
    }

    /// <summary>CI of 2026-11-22, twice: a process that was just becoming its program had no command line, was taken for a stranger's and left
    /// running; then one that was looked at twice, and became its next program in between.</summary>
    [Test]
    public async Task A_process_that_has_no_command_line_yet_is_ended_all_the_same()
    {
        for (var i = 0; i < 20; i++)
        {
            await using var run = FleetRun.Begin(_cache);
            var child = await StartSleepAsync(run, run.Directory);
            Assert.That(run.Leftovers.CleanUp(), Has.Some.StartsWith($"ended process {child.Pid} "));
        }
    }

    /// <summary>Two campaigns side by side, 2026-11-22: SIGTERM while a server's template was being copied ended the process with "Directory not empty".</summary>
    [Test]
    public async Task A_run_that_is_told_to_end_while_it_still_writes_into_its_directory_removes_it_all_the_same()
    {
        var run = FleetRun.Begin(_cache);
        var folder = run.Folder("copy");
        using var end = new CancellationTokenSource();
        var began = new TaskCompletionSource();
        var copying = Task.Run(() =>
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                try
                {
                    File.WriteAllText(Path.Combine(folder, $"{i}"), "");
                }
                catch (DirectoryNotFoundException)
                {
                    return;
                }

                if (i != 100) continue;
                end.CancelAfter(300);
                began.SetResult();
            }
        });
        await Task.WhenAny(began.Task, copying);
        Assert.That(run.Leftovers.CleanUp, Throws.Nothing);
        await copying;
        Assert.That(Directory.Exists(run.Directory), Is.False);
        await run.DisposeAsync();
    }

    [Test]
    public async Task Runs_that_are_alive_and_processes_that_only_share_a_pid_are_left_alone()
    {
        await using var run = FleetRun.Begin(_cache);
        var child = await StartSleepAsync(run, run.Directory);
        Assert.That(LeftoverRegistry.RemoveLeftovers(_cache), Is.Empty, "its owner is this process");

        var me = ProcessIdentity.Of(child.Pid)!;
        File.WriteAllText(Path.Combine(_cache.Folder("runs"), "dead.leftovers"),
            $"owner\t4000000\t1\tx\nprocess\t{me.Pid}\t{me.StartTicks + 1}\t{me.Boot}\t{run.Directory}\nprocess\t{me.Pid}\t{me.StartTicks}\t{me.Boot}\tanother marker\n");
        Assert.That(LeftoverRegistry.RemoveLeftovers(_cache), Is.Empty);
        Assert.That(child.IsRunning);
    }

    [Test]
    [Category("Live")]
    public async Task A_harness_that_is_killed_leaves_no_process_behind_and_the_next_start_removes_the_rest()
    {
        var assembly = typeof(LeftoverTests).Assembly.Location;
        using var harness = Process.Start(new ProcessStartInfo("dotnet", [Path.ChangeExtension(assembly, ".dll"), KilledHarness.Argument, _cache.Directory])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var line = await harness.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
        if (line is null || !line.StartsWith("ready ", StringComparison.Ordinal)) throw LiveMachine.CannotRun($"the helper process did not start: {line}");
        var words = line.Split(' ');
        var child = ProcessIdentity.Of(int.Parse(words[1]))!;
        Assert.That(child.IsAlive && Directory.Exists(words[2]));

        harness.Kill();
        await harness.WaitForExitAsync();
        var begin = TimeProvider.System.GetTimestamp();
        while (child.IsAlive && TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(5)) await Task.Delay(10);
        Assert.That(child.IsAlive, Is.False, "the kernel ends it with its parent");
        Assert.That(Directory.Exists(words[2]), "nobody could remove the directory yet");

        var said = new List<string>();
        await using (FleetRun.Begin(_cache, said.Add))
        {
            Assert.That(Directory.Exists(words[2]), Is.False);
            Assert.That(said, Has.Some.Contains($"removed {words[2]}"));
            if (words[3] is "mounted") Assert.That(said, Has.Some.Contains("unmounted "));
        }
    }

    private static Task<ChildProcess> StartSleepAsync(FleetRun run, string marker) =>
        run.StartAsync(new("sleep", marker, ["/bin/sh", "-c", "while true; do sleep 1; done", marker]) { LogFile = Path.Combine(run.Directory, "sleep.log") });
}

/// <summary>The harness that <see cref="LeftoverTests"/> kills: begins a run, starts a child, mounts a disk, and waits.</summary>
internal static class KilledHarness
{
    public const string Argument = "--killed-harness";

    public static async Task RunAsync(string cache)
    {
        var run = FleetRun.Begin(new(cache));
        var child = await run.StartAsync(new("sleep", run.Directory, ["/bin/sh", "-c", "while true; do sleep 1; done", run.Directory]) { LogFile = Path.Combine(run.Directory, "sleep.log") });
        var mounted = "mounted";
        try
        {
            await LimitedDisk.CreateAsync(run, run.Folder("disk"), 1 << 20);
        }
        catch (FleetException)
        {
            mounted = "unmounted";
        }

        Console.WriteLine($"ready {child.Pid} {run.Directory} {mounted}");
        await Task.Delay(TimeSpan.FromSeconds(60));
    }
}
