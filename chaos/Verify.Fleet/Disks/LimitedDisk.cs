using System.Globalization;
using Verify.Fleet.Processes;

namespace Verify.Fleet.Disks;

/// <summary>A directory that holds so many bytes and then answers ENOSPC, truly: a file system of its own (a tmpfs with a
/// size, or ext4 in a file where tmpfs cannot be mounted). For the data directories of servers and of nodes.</summary>
public sealed class LimitedDisk : IAsyncDisposable
{
    private const string BallastName = ".ballast";
    private const int ErrorNoSpace = 28;
    private static readonly TimeSpan ToolDeadline = TimeSpan.FromSeconds(60);
    private readonly string? _image;
    private bool _mounted = true;

    private LimitedDisk(string directory, long bytesMax, string kind, string? image) =>
        (Directory, BytesMax, Kind, _image) = (directory, bytesMax, kind, image);

    public string Directory { get; }
    public long BytesMax { get; }

    /// <summary>"tmpfs" or "ext4 in a file".</summary>
    public string Kind { get; }

    /// <summary>True from <see cref="Fill"/> to <see cref="Free"/>.</summary>
    public bool IsFilled => File.Exists(Ballast);

    private string Ballast => Path.Combine(Directory, BallastName);

    /// <summary>Mounts a disk of this size on a directory of the run; it is unmounted with the run at the latest.</summary>
    /// <exception cref="FleetException">This machine does not let us mount anything; the message says why.</exception>
    public static Task<LimitedDisk> CreateAsync(FleetRun run, string directory, long bytesMax, CancellationToken cancel = default) =>
        CreateAsync(run, directory, bytesMax, mayUseTmpfs: true, cancel);

    internal static async Task<LimitedDisk> CreateAsync(FleetRun run, string directory, long bytesMax, bool mayUseTmpfs, CancellationToken cancel)
    {
        if (!OperatingSystem.IsLinux()) throw new FleetException("a disk of limited size needs Linux");
        if (!Libc.IsRoot) throw new FleetException("a disk of limited size needs root, because it is a mount of its own: run as root, or leave disk-full scenarios out");
        System.IO.Directory.CreateDirectory(directory);
        run.Leftovers.Mount(directory);
        if (mayUseTmpfs && Libc.Mount("verify", directory, "tmpfs", Libc.NoSuidNoDevNoAtime, string.Create(CultureInfo.InvariantCulture, $"size={bytesMax},mode=0700")) == 0)
        {
            return new(directory, bytesMax, "tmpfs", image: null);
        }

        var refusal = mayUseTmpfs ? Libc.LastError : "not tried";
        var image = directory.TrimEnd('/') + ".image";
        if (await LoopAsync(image, directory, bytesMax, cancel) is { } second)
        {
            throw new FleetException($"cannot mount a disk of limited size here (tmpfs: {refusal}; ext4 in a file: {second}): give this machine or container the right to mount (CAP_SYS_ADMIN)");
        }

        return new(directory, bytesMax, "ext4 in a file", image);
    }

    /// <summary>Takes all space that is left, or all but so many bytes.</summary>
    /// <returns>Bytes taken.</returns>
    public long Fill(long leaveBytes = 0)
    {
        using var ballast = new FileStream(Ballast, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var block = new byte[1 << 20];
        var left = leaveBytes == 0 ? long.MaxValue : Math.Max(0, FreeBytes - leaveBytes);
        for (var size = block.Length; size >= 1 && left > 0;)
        {
            try
            {
                var piece = (int)Math.Min(size, left);
                ballast.Write(block, 0, piece);
                left -= piece;
            }
            catch (IOException full) when (IsFull(full))
            {
                // The last bytes go in smaller and smaller pieces.
                size /= 2;
            }
        }

        return ballast.Length;
    }

    /// <summary>True from <see cref="Stall"/> to <see cref="Run"/>.</summary>
    public bool IsStalled { get; private set; }

    /// <summary>It stands still: whoever writes to it waits in the kernel (and cannot be killed), whoever reads what is in memory does not.</summary>
    /// <exception cref="FleetException">A tmpfs cannot be frozen.</exception>
    public void Stall()
    {
        if (Libc.AskFileSystem(Directory, Libc.Freeze) is { } refusal) throw new FleetException($"the {Kind} at {Directory} cannot be frozen: {refusal}");
        IsStalled = true;
    }

    /// <summary>It takes up where it stood.</summary>
    public void Run()
    {
        if (!IsStalled) return;
        IsStalled = false;
        if (Libc.AskFileSystem(Directory, Libc.Thaw) is { } refusal) throw new FleetException($"the {Kind} at {Directory} cannot be thawed: {refusal}; fsfreeze --unfreeze {Directory}");
    }

    /// <summary>Gives the space back.</summary>
    public void Free() => File.Delete(Ballast);

    /// <summary>Bytes that can still be written.</summary>
    public long FreeBytes => new DriveInfo(Directory).AvailableFreeSpace;

    /// <summary>True for an error that says "no space left on device".</summary>
    public static bool IsFull(IOException error) => (error.HResult & 0xFFFF) == ErrorNoSpace || error.HResult == ErrorNoSpace;

    /// <summary>Unmounts; what was on it is gone.</summary>
    public ValueTask DisposeAsync()
    {
        if (IsStalled) _ = Libc.AskFileSystem(Directory, Libc.Thaw);
        if (_mounted) _ = Libc.Unmount(Directory, Libc.DetachLazily);
        _mounted = false;
        if (_image is not null) File.Delete(_image);
        return ValueTask.CompletedTask;
    }

    /// <summary>Null, or why it cannot be done.</summary>
    private static async Task<string?> LoopAsync(string image, string directory, long bytesMax, CancellationToken cancel)
    {
        await using (var file = new FileStream(image, FileMode.Create, FileAccess.Write)) file.SetLength(bytesMax);
        foreach (var command in new[]
        {
            new Command("mkfs.ext4", ["-q", "-F", "-m", "0", "-O", "^has_journal", image]),
            new Command("mount", ["-o", "loop,nosuid,nodev,noatime", image, directory]),
        })
        {
            var result = await command.RunAsync(ToolDeadline, cancel);
            if (result.ExitCode != 0)
            {
                File.Delete(image);
                return $"{command.Program}: {result.Complaint}";
            }
        }

        return null;
    }
}
