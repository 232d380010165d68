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
