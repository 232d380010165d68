using Verify.NodeHost.Seam;

namespace Verify.NodeHost.Tests;

/// <summary>The real data directory behind the seam.</summary>
public sealed class SystemDiskTests
{
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-disk-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public async Task What_was_written_and_synced_is_there_for_the_next_start()
    {
        using (var disk = new SystemDisk(_directory))
        {
            using var file = disk.Open("log", create: true);
            await file.WriteAsync("hello"u8.ToArray(), 0);
            await file.WriteAsync("world"u8.ToArray(), 5);
            await file.SyncAsync();
            await disk.SyncDirectoryAsync();
            await disk.ReplaceAsync("state", "one"u8.ToArray());
            await disk.ReplaceAsync("state", "two"u8.ToArray());
        }

        using var again = new SystemDisk(_directory);
        Assert.That(again.List(), Is.EqualTo(new[] { "log", "state" }));
        using var read = again.Open("log", create: false);
        var buffer = new byte[16];
        var count = await read.ReadAsync(buffer, 0);
        Assert.That(buffer.AsSpan(0, count).ToArray(), Is.EqualTo("helloworld"u8.ToArray()));
        using var state = again.Open("state", create: false);
        Assert.That(await state.ReadAsync(buffer, 0), Is.EqualTo(3));
    }

    [Test]
    public void Two_nodes_cannot_work_in_one_directory()
    {
        using var first = new SystemDisk(_directory);
        var refusal = Assert.Throws<IOException>(() => new SystemDisk(_directory).Dispose())!;
        Assert.That(refusal.Message, Does.Contain("another verify-node works in this data directory"));
    }

    /// <summary>The pause of writers at the end of each snapshot of 100 MB, 2026-11-22: 30 ms, in which the file before the last was removed.</summary>
    [Test]
    public async Task A_large_file_goes_by_steps_and_its_name_goes_first()
    {
        using var disk = new SystemDisk(_directory);
        await MakeAsync(disk, "snapshot", Large);
        disk.Delete("snapshot");
        Assert.That(disk.List(), Is.Empty);
        Assert.That(Directory.EnumerateFiles(_directory).Select(Path.GetFileName), Is.EqualTo(new[] { "verify-node.lock" }));

        // Shortened by steps as well, to just as much as was asked for.
        await MakeAsync(disk, "part", Large);
        using var part = disk.Open("part", create: false);
        await part.SetLengthAsync(1);
        Assert.That(part.Length, Is.EqualTo(1));
        await part.SetLengthAsync(3);
        Assert.That(part.Length, Is.EqualTo(3));
    }

    [Test]
    public async Task A_node_that_died_while_it_removed_a_large_file_removes_the_rest_at_its_next_start()
    {
        using (var disk = new SystemDisk(_directory)) await MakeAsync(disk, "snapshot", Large);
        File.Move(Path.Combine(_directory, "snapshot"), Path.Combine(_directory, "snapshot.gone.tmp"));
        using var again = new SystemDisk(_directory);
        Assert.That(again.List(), Is.Empty);
        Assert.That(File.Exists(Path.Combine(_directory, "snapshot.gone.tmp")), Is.False);
    }

    /// <summary>A snapshot that is being sent while it becomes too old.</summary>
    [Test]
    public async Task Who_has_a_large_file_open_reads_all_of_it_after_it_was_removed()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("Windows refuses to remove an open file");
        using var disk = new SystemDisk(_directory);
        await MakeAsync(disk, "snapshot", Large);
        using var open = disk.Open("snapshot", create: false);
        disk.Delete("snapshot");
        Assert.That(disk.List(), Is.Empty);
        Assert.That(open.Length, Is.EqualTo(Large));
        Assert.That(await open.ReadAsync(new byte[1], Large - 1), Is.EqualTo(1));
    }

    private const int Large = 9 << 20;

    private static async Task MakeAsync(SystemDisk disk, string name, int bytes)
    {
        using var file = disk.Open(name, create: true);
        await file.WriteAsync(new byte[bytes], 0);
        await file.SyncAsync();
        await disk.SyncDirectoryAsync();
    }
}
