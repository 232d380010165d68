using System.Runtime.InteropServices;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>struct pollfd (man 2 poll).</summary>
internal struct PollFd
{
    public const short Readable = 1; // POLLIN

    /// <summary>A negative one is passed over.</summary>
    public int Descriptor;
    public short Wanted;
    public short Seen;
}

/// <summary>One thread that waits for many connections: on a machine of two cores, a thread per client would take from the servers what is
/// to be measured.</summary>
internal static partial class Polling
{
    /// <returns>How many are ready; negative when a signal came first (EINTR).</returns>
    public static int Wait(PollFd[] waits, int timeoutMs) => Poll(waits, (nuint)waits.Length, timeoutMs);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll([In, Out] PollFd[] waits, nuint count, int timeoutMs);
}
