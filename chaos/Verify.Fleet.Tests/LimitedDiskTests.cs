using Verify.Fleet.Disks;

namespace Verify.Fleet.Tests;

/// <summary>A limited disk answers ENOSPC, truly.</summary>
[Category("Live")]
public sealed class LimitedDiskTests
{
    private const long Size = 8 << 20;

    [TestCase(true, "tmpfs")]
    [TestCase(false, "ext4 in a file")]
    public async Task A_full_disk_refuses_the_next_byte_with_ENOSPC_and_takes_it_when_there_is_space_again(bool mayUseTmpfs, string kind)
    {
        await using var run = LiveMachine.Begin();
        await using var disk = await DiskAsync(run, mayUseTmpfs);
        Assert.That(disk.Kind, Is.EqualTo(kind));
        var file = Path.Combine(disk.Directory, "log");
        await File.WriteAllTextAsync(file, "before");
        var taken = disk.Fill();
        Assert.That(taken, Is.InRange(Size / 2, Size));
        Assert.That(disk.IsFilled);
        var full = await Assert.ThrowsAsync<IOException>(async () => await File.WriteAllBytesAsync(Path.Combine(disk.Directory, "more"), new byte[10_000]));
        Assert.That(LimitedDisk.IsFull(full!), full!.Message);
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("before"), "what is there stays readable");
        disk.Free();
        Assert.That(disk.IsFilled, Is.False);
        await File.WriteAllBytesAsync(file, new byte[Size / 2]);
    }

    [Test]
    public async Task Some_bytes_can_be_left_free()
    {
        await using var run = LiveMachine.Begin();
        await using var disk = await DiskAsync(run);
        disk.Fill(leaveBytes: 1 << 20);
        Assert.That(disk.FreeBytes, Is.InRange((1 << 20) - 8192, (1 << 20) + 8192));
    }

    [Test]
    public async Task It_goes_with_its_run_even_while_a_file_is_open_on_it()
    {
        string directory;
        FileStream open;
        await using (var run = LiveMachine.Begin())
        {
            directory = (await DiskAsync(run)).Directory;
            open = new(Path.Combine(directory, "held"), FileMode.Create);
        }

        await using (open)
        {
            Assert.That(File.ReadLines("/proc/self/mounts").Any(l => l.Contains(directory, StringComparison.Ordinal)), Is.False);
            Assert.That(Directory.Exists(directory), Is.False);
        }
    }

    [Test]
    public async Task A_disk_that_stands_still_holds_up_who_writes_and_not_who_reads()
    {
        await using var run = LiveMachine.Begin();
        await using var disk = await DiskAsync(run, mayUseTmpfs: false);
        var file = Path.Combine(disk.Directory, "log");
        await File.WriteAllTextAsync(file, "before");
        disk.Stall();
        var write = Task.Run(() => File.WriteAllText(file, "after"));
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("before"));
        await Task.Delay(300);
        Assert.That(write.IsCompleted, Is.False);
        disk.Run();
        await write.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("after"));
    }

    /// <summary>Who waits for such a disk waits in the kernel, where no signal ends it.</summary>
    [Test]
    public async Task A_run_ends_with_its_processes_also_while_they_wait_for_a_disk_that_stands_still()
    {
        await using var run = LiveMachine.Begin();
        var disk = await DiskAsync(run, mayUseTmpfs: false);
        var writer = await run.StartAsync(new("writer", run.Directory, ["/bin/sh", "-c", $"while true; do echo line >> {disk.Directory}/log; done", run.Directory])
        {
            LogFile = Path.Combine(run.Directory, "writer.log"),
        });
        Assert.That(SpinWait.SpinUntil(() => File.Exists(Path.Combine(disk.Directory, "log")), TimeSpan.FromSeconds(10)));
        disk.Stall();
        await Task.Delay(200);
        run.Leftovers.CleanUp();
        await writer.Exited.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(Directory.Exists(run.Directory), Is.False);
    }

    private static async Task<LimitedDisk> DiskAsync(FleetRun run, bool mayUseTmpfs = true)
    {
        try
        {
            return await LimitedDisk.CreateAsync(run, run.Folder("disk"), Size, mayUseTmpfs, CancellationToken.None);
        }
        catch (FleetException cannot)
        {
            throw LiveMachine.CannotRun(cannot.Message);
        }
    }
}
