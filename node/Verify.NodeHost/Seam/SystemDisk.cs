using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Verify.Node.Seam;

namespace Verify.NodeHost.Seam;

/// <summary>A real data directory: positioned reads and writes, sync of files and of the directory itself. Everything is done on
/// the caller's thread, which is the node's disk writer and never its loop: a hop to another thread would only wait
/// for its turn in the machine's run queue.</summary>
public sealed partial class SystemDisk : IDisk, IDisposable
{
    private const int Interrupted = 4; // EINTR
    private const string LockName = "verify-node.lock";
    private readonly string _directory;
    private readonly FileStream _lock;

    /// <exception cref="IOException">The directory cannot be made, or another node works in it.</exception>
    public SystemDisk(string directory)
    {
        _directory = Path.GetFullPath(directory);
        Directory.CreateDirectory(_directory);
        try
        {
            _lock = new(Path.Combine(_directory, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"{_directory}: another verify-node works in this data directory ({e.Message})", e);
        }

        RemoveWhatWasOnItsWayOut();
    }

    public IReadOnlyList<string> List() =>
        [.. Directory.EnumerateFiles(_directory).Select(p => Path.GetFileName(p)).Where(n => n != LockName && !n.EndsWith(".tmp", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    public IDiskFile Open(string name, bool create)
    {
        var path = Path.Combine(_directory, name);
        return new SystemFile(name, Guarded(name, () =>
            File.OpenHandle(path, create ? FileMode.OpenOrCreate : FileMode.Open, FileAccess.ReadWrite, FileShare.Read)));
    }

    public async ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content)
    {
        var temporary = Path.Combine(_directory, name + ".tmp");
        using (var file = new SystemFile(name, Guarded(name, () =>
            File.OpenHandle(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None))))
        {
            await file.WriteAsync(content, 0);
            await file.SyncAsync();
        }

        Guarded(name, () => File.Move(temporary, Path.Combine(_directory, name), overwrite: true));
        await SyncDirectoryAsync();
    }

    public void Rename(string from, string to) =>
        Guarded(from, () => File.Move(Path.Combine(_directory, from), Path.Combine(_directory, to), overwrite: true));

    public ValueTask SyncDirectoryAsync()
    {
        SyncDirectory();
        return ValueTask.CompletedTask;
    }

    public void Dispose() => _lock.Dispose();

    private void SyncDirectory()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) return;

        // .NET refuses to open a directory (UnauthorizedAccessException), hence libc.
        var descriptor = OpenDirectory(_directory, flags: 0);
        if (descriptor < 0) throw new IOException($"{_directory}: cannot be opened for sync (errno {Marshal.GetLastPInvokeError()})");
        try
        {
            if (FileSync(descriptor) != 0) throw new IOException($"{_directory}: fsync failed (errno {Marshal.GetLastPInvokeError()})");
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseDescriptor(int descriptor);

    private static bool IsFull(IOException e) => IsFull(e.HResult & 0xFFFF);

    private static bool IsFull(int error) => error is 28 or 112 or 122; // ENOSPC, Windows' DISK_FULL, EDQUOT

    private static T Guarded<T>(string name, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (IOException e) when (IsFull(e))
        {
            throw new DiskFullException(name);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{name}: {e.Message}", e);
        }
    }

    private static void Guarded(string name, Action action) => Guarded(name, () =>
    {
        action();
        return true;
    });

    private sealed class SystemFile(string name, SafeFileHandle handle) : IDiskFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public ValueTask<int> ReadAsync(Memory<byte> into, long offset) => RandomAccess.ReadAsync(handle, into, offset);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset)
        {
            Guarded(name, () => RandomAccess.Write(handle, bytes.Span, offset));
            return ValueTask.CompletedTask;
        }

        /// <summary>Content and length, but not the time stamps: man 2 fdatasync.</summary>
        public ValueTask SyncAsync()
        {
            if (OperatingSystem.IsLinux()) SyncData();
            else Guarded(name, () => RandomAccess.FlushToDisk(handle));
            return ValueTask.CompletedTask;
        }

        public ValueTask SetLengthAsync(long length)
        {
            Guarded(name, () => Shorten(handle, length));
            return ValueTask.CompletedTask;
        }

        public void Dispose() => handle.Dispose();

        private void SyncData()
        {
            while (FileDataSync(handle) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == Interrupted) continue; // Not a failure: a signal came first (man 7 signal).
                throw IsFull(error) ? new DiskFullException(name) : new IOException($"{name}: fdatasync failed (errno {error})");
            }
        }
    }
}
