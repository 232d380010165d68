using System.ComponentModel;
using System.Diagnostics;

namespace Verify.NodeHost.Seam;

/// <summary>Asks the system to run this process before ordinary ones, as corosync and keepalived do: whoever must answer within a
/// quarter of a second in order to keep leading may not queue behind a backup job. The node uses little CPU, so it takes little.</summary>
internal static class ProcessPriority
{
    /// <summary>To be called from the main thread before others exist: on Linux the priority belongs to a thread and is handed on to those
    /// that it starts (man 7 sched).</summary>
    /// <returns>Null when it was granted, else why not.</returns>
    public static string? Raise()
    {
        try
        {
            using var self = Process.GetCurrentProcess();
            self.PriorityClass = ProcessPriorityClass.High;
            return null;
        }
        catch (Win32Exception refused)
        {
            return refused.Message;
        }
    }
}
