using Microsoft.Extensions.Logging;
using Verify.Node;
using Verify.Node.Seam;
using Verify.Node.Telemetry;

namespace Verify.NodeHost.Seam;

/// <summary>The end of the process when a promise is broken: say why, write the event, die at once. Nothing is tidied up:
/// after a broken invariant no code of the node may run any more.</summary>
public sealed partial class SystemHalt(string node, ILogger log, INodeEvents events) : IHalt
{
    public void Halt(string reason, Exception? cause)
    {
        if (cause is LeftGroupException) Leave(reason);
        Halted(log, cause, reason);
        events.Emit(new NodeEvent.Halted(node, reason));
        Console.Error.WriteLine($"verify-node halts: {reason}{(cause is null ? "" : Environment.NewLine + cause)}");
        Console.Error.Flush();
        Environment.Exit(ExitCode.Halted);
    }

    /// <summary>Nothing is broken: the node has no group, and says so with an exit code of its own.</summary>
    private void Leave(string reason)
    {
        Left(log, reason);
        Console.Error.WriteLine($"verify-node leaves: {reason}");
        Console.Error.Flush();
        Environment.Exit(ExitCode.CannotJoin);
    }

    [LoggerMessage(2, LogLevel.Critical, "The node leaves: {Reason}")]
    private static partial void Left(ILogger log, string reason);

    [LoggerMessage(1, LogLevel.Critical, "The node halts: {Reason}")]
    private static partial void Halted(ILogger log, Exception? cause, string reason);
}
