namespace Verify.Ctl;

/// <summary>What the program's exit code says; the same list stands in --help and in the README.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>Refused for good, not found, or (health) not healthy: nothing was done.</summary>
    public const int Refused = 1;

    /// <summary>The command line, the environment or a file named there is wrong: nobody was asked.</summary>
    public const int Usage = 2;

    /// <summary>No node could be reached, or none leads: nothing was done.</summary>
    public const int NoLeader = 3;

    /// <summary>It is not known whether it was done.</summary>
    public const int Unknown = 4;
}

/// <summary>The command cannot be carried out as it was given.</summary>
internal sealed class UsageException(string message) : Exception(message);
