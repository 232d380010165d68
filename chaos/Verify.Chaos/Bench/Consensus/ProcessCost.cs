using System.Globalization;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>CPU time and memory of processes, as Linux counts them (man 5 proc_pid_stat, proc_pid_status).</summary>
internal static class ProcessCost
{
    /// <summary>_SC_CLK_TCK, which is 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;
    private const int UserTicksAt = 11; // Counted from the field behind the name in parentheses.

    /// <summary>User and system time since the process started; 0 when it is gone.</summary>
    public static double CpuSeconds(int pid) => pid == 0 ? 0 : CpuSeconds($"/proc/{pid}/stat");

    /// <summary>Of the thread that asks, since it started.</summary>
    public static double ThreadCpuSeconds() => CpuSeconds("/proc/thread-self/stat");

    private static double CpuSeconds(string file)
    {
        if (!File.Exists(file)) return 0;
        var text = File.ReadAllText(file);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[UserTicksAt], CultureInfo.InvariantCulture) + long.Parse(fields[UserTicksAt + 1], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    public static double CpuSeconds(IKvGroup group) => Enumerable.Range(0, group.Size).Sum(m => CpuSeconds(group.Pid(m)));

    /// <summary>Resident memory now; 0 when the process is gone.</summary>
    public static double ResidentMiB(int pid)
    {
        var file = $"/proc/{pid}/status";
        if (pid == 0 || !File.Exists(file)) return 0;
        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }
}
