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
}
