using System.Runtime.InteropServices;

namespace Verify.Fleet.Processes;

/// <summary>The few calls of the C library that .NET has no name for (man 2 kill, mount, umount2, geteuid).</summary>
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

    public static bool IsRoot => OperatingSystem.IsLinux() && EffectiveUserId() == 0;

    /// <summary>The text of the last error, as errno(3) words it.</summary>
    public static string LastError => Marshal.GetLastPInvokeErrorMessage();
}
