using System.Globalization;
using System.Text;

namespace Verify.Fleet.Processes;

/// <summary>Which process a number means: a pid alone is reused by the kernel, a pid with its start time is not
/// (man 5 proc: field 22 of /proc/pid/stat, in clock ticks since boot).</summary>
/// <param name="Boot">The kernel's boot id: start times of different boots cannot be compared.</param>
public sealed record ProcessIdentity(int Pid, long StartTicks, string Boot)
{
    private const int StartTimeFieldAfterName = 19;

    /// <summary>The process that runs under this pid now, or null when there is none or it is a zombie.</summary>
    public static ProcessIdentity? Of(int pid)
    {
        var stat = TryRead($"/proc/{pid}/stat");
        if (stat is null) return null;

        // The name stands in parentheses and may hold blanks and parentheses itself: fields count from the last one.
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length <= StartTimeFieldAfterName || fields[0] is "Z" or "X") return null;
        return new(pid, long.Parse(fields[StartTimeFieldAfterName], CultureInfo.InvariantCulture), BootId());
    }

    public static ProcessIdentity OfThisProcess() => Of(Environment.ProcessId)
        ?? throw new FleetException("/proc is not mounted: the fleet needs Linux with /proc");

    /// <summary>True while this very process runs.</summary>
    public bool IsAlive => Of(Pid) == this;

    /// <summary>The arguments, separated by blanks; empty when the process is gone.</summary>
    public static string CommandLine(int pid) => (TryRead($"/proc/{pid}/cmdline") ?? "").Replace('\0', ' ').Trim();

    private static string BootId() => (TryRead("/proc/sys/kernel/random/boot_id") ?? "").Trim();

    private static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
