using System.Diagnostics;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>Processor time of this process, over all its threads: a goal measured with it does not fail because the machine is busy
/// with something else, as one by the clock on the wall would.</summary>
internal static class CpuTime
{
    public static TimeSpan Of(Action work)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        work();
        process.Refresh();
        return process.TotalProcessorTime - before;
    }
}
