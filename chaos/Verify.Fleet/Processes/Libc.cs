using System.Runtime.InteropServices;

namespace Verify.Fleet.Processes;

/// <summary>The few calls of the C library that .NET has no name for (man 2 kill, mount, umount2, geteuid, ioctl, open, close).</summary>
internal static partial class Libc
{
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;
    public const int DetachLazily = 2;
    public const ulong NoSuidNoDevNoAtime = 2 | 4 | 1024;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mount(string source, string target, string fileSystem, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unmount(string target, int flags);

    /// <summary>FIFREEZE and FITHAW (linux/fs.h; man 8 fsfreeze): writers of this file system stand still in between.</summary>
    public const ulong Freeze = 0xC0045877;
    public const ulong Thaw = 0xC0045878;

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(int file, ulong request, nint argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    /// <summary>Asks the file system that is mounted here.</summary>
    /// <returns>Null, or why it cannot be done.</returns>
    public static string? AskFileSystem(string mountPoint, ulong request)
    {
        var file = Open(mountPoint, 0);
        if (file < 0) return LastError;
        var refusal = Control(file, request, 0) < 0 ? LastError : null;
        _ = Close(file);
        return refusal;
    }

    public static bool IsRoot => OperatingSystem.IsLinux() && EffectiveUserId() == 0;

    /// <summary>The text of the last error, as errno(3) words it.</summary>
    public static string LastError => Marshal.GetLastPInvokeErrorMessage();
}
