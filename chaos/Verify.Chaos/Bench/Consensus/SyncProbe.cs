using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>What the disk itself takes to make a small write durable, so that the nodes' write latency can be judged. Two ways: at
/// the end of a growing file, as a log does it, and over bytes that are there, which needs no change of the file's metadata.</summary>
internal static partial class SyncProbe
{
    private const int RecordBytes = 256;

    /// <returns>Milliseconds per write and sync.</returns>
    public static (IReadOnlyList<double> Appending, IReadOnlyList<double> Overwriting) Measure(string directory, int writes)
    {
        var path = Path.Combine(directory, "sync-probe");
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
        try
        {
            return (Pass(file, writes), Pass(file, writes));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static List<double> Pass(SafeFileHandle file, int writes)
    {
        var record = new byte[RecordBytes];
        Array.Fill(record, (byte)'x');
        var taken = new List<double>(writes);
        for (var i = 0; i < writes; i++)
        {
            var start = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, record, (long)i * RecordBytes);
            Sync(file);
            taken.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return taken;
    }

    private static void Sync(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux()) RandomAccess.FlushToDisk(file);
        else if (FileDataSync(file) != 0) throw new IOException($"fdatasync failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileDataSync(SafeFileHandle file);
}
