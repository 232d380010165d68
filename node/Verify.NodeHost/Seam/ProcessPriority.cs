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
    private const string Autogroup = "/proc/self/autogroup";

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

            return RaiseSession();
        }
        catch (Exception refused) when (refused is Win32Exception or IOException or UnauthorizedAccessException)
        {
            return refused.Message;
        }
    }

    /// <summary>Where the kernel shares the cores among sessions first (man 7 sched, "The autogroup feature"), a thread's nice value counts
    /// only within its session: a node at -11 waited 250 ms and more for a core while compilers ran in sessions of their own. So the session
    /// is raised too, if it is this process's own, as under a service manager; the kernel ignores that for processes in a cgroup of their own.</summary>
    private static string? RaiseSession()
    {
        if (!File.Exists(Autogroup)) return null;
        if (SessionOf(0) != Environment.ProcessId)
            return "the kernel shares the cores among sessions first (autogroup), and this process shares its session with others; start it as a service or with setsid";
        File.WriteAllText(Autogroup, Nice.ToString(CultureInfo.InvariantCulture));
        return null;
    }

    [LibraryImport("libc", EntryPoint = "getsid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SessionOf(int process);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPriority(int which, uint who, int priority);
}
