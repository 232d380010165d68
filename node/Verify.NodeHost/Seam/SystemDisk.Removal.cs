using Microsoft.Win32.SafeHandles;

namespace Verify.NodeHost.Seam;

/// <summary>How large files go. The journal of a file system frees the blocks of a file in one piece, and whoever syncs another file meanwhile
/// waits for it: to remove 100 MB took 31 to 41 ms on ext4 (mounted with discard), and a sync of the log beside it 24 to 34 ms; by 4 MB at a
/// time nobody waited longer than 4 ms. That was the longest pause of writers at the end of each snapshot.</summary>
public sealed partial class SystemDisk
{
    private const long StepBytes = 4 << 20;

    /// <summary>A file that is on its way out. It has lost its name first, so that half of it is never taken for the whole.</summary>
    private const string GoingName = ".gone.tmp";

    public void Delete(string name)
    {
        var path = Path.Combine(_directory, name);
        Guarded(name, () =>
        {
            if (!IsLarge(path) || !IsRenamed(path, path + GoingName))
            {
                File.Delete(path);
                return;
            }

            // Its new name is durable before it is shortened.
            SyncDirectory();
            RemoveInSteps(path + GoingName);
        });
    }

    private void RemoveWhatWasOnItsWayOut()
    {
        foreach (var path in Directory.EnumerateFiles(_directory, "*" + GoingName)) RemoveInSteps(path);
    }

    private static bool IsLarge(string path) => new FileInfo(path) is { Exists: true, Length: > StepBytes };

    private static bool IsRenamed(string path, string to)
    {
        try
        {
            File.Move(path, to, overwrite: true);
            return true;
        }
        catch (IOException)
        {
            return false; // A full disk, say: it is removed at once.
        }
    }

    /// <summary>It has no name that counts any more: what cannot be removed today is removed by the next start.</summary>
    private static void RemoveInSteps(string path)
    {
        try
        {
            // Nobody else has it open, or it stays whole for them until they close it (man 2 unlink).
            using (var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) Shorten(handle, 0);
        }
        catch (Exception inUse) when (inUse is IOException or UnauthorizedAccessException)
        {
            // Then at once.
        }

        try
        {
            File.Delete(path);
        }
        catch (Exception stays) when (stays is IOException or UnauthorizedAccessException)
        {
            // The next start.
        }
    }

    private static void Shorten(SafeFileHandle handle, long length)
    {
        for (var rest = RandomAccess.GetLength(handle); rest - length > StepBytes; rest -= StepBytes) RandomAccess.SetLength(handle, rest - StepBytes);
        RandomAccess.SetLength(handle, length);
    }
}
