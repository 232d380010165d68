namespace Verify.NodeHost;

/// <summary>How the process ends, for scripts and service managers.</summary>
internal static class ExitCode
{
    public const int Stopped = 0;

    /// <summary>A check was asked for, and its answer is no.</summary>
    public const int Refused = 1;
    public const int BadSettings = 2;
    public const int CannotStart = 3;
    public const int CannotJoin = 4;
    public const int HistoryLost = 5;

    /// <summary>EX_SOFTWARE of sysexits.h: a broken promise halted the node.</summary>
    public const int Halted = 70;
}
