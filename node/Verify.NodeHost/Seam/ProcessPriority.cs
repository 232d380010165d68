using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Verify.NodeHost.Seam;

/// <summary>Asks the system to run this process before ordinary ones, as corosync and keepalived do: whoever must answer within a
/// quarter of a second in order to keep leading may not queue behind a backup job. The node uses little CPU, so it takes little.</summary>
internal static partial class ProcessPriority
{
    private const int PrioProcess = 0; // PRIO_PROCESS, which on Linux means one thread (man 2 setpriority).
    private const int Nice = -11; // What ProcessPriorityClass.High is on Linux.

    /// <summary>To be called before the node starts threads: on Linux the priority belongs to a thread and is handed on to those that it
    /// starts (man 7 sched). The runtime's own threads are there already and get it too: a collection waits for every thread that runs
    /// managed code, and one that is kept from its core by an ordinary process would hold up all others.</summary>
    /// <returns>Null when it was granted, else why not.</returns>
    public static string? Raise()
    {
        try
        {
            using var self = Process.GetCurrentProcess();
            self.PriorityClass = ProcessPriorityClass.High;
            if (!OperatingSystem.IsLinux()) return null;
            foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
            {
                // A thread that has ended meanwhile needs no priority.
                _ = SetPriority(PrioProcess, uint.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), Nice);
            }

            return null;
        }
        catch (Win32Exception refused)
        {
            return refused.Message;
        }
    }

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPriority(int which, uint who, int priority);
}
