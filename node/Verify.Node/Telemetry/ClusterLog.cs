using Microsoft.Extensions.Logging;
using Verify.Raft;

namespace Verify.Node.Telemetry;

/// <summary>Every sentence about members that come and go.</summary>
internal static partial class ClusterLog
{
    [LoggerMessage(101, LogLevel.Information, "Members: {Why}. The group becomes {Target}.")]
    public static partial void Changing(ILogger log, string why, Membership target);

    [LoggerMessage(102, LogLevel.Warning, "Members: {Why}, but the change was refused: {Reason}")]
    public static partial void ChangeRefused(ILogger log, string why, string reason);

    [LoggerMessage(104, LogLevel.Information, "{Node} at {Address} is let in.")]
    public static partial void Admitted(ILogger log, NodeId node, string address);

    [LoggerMessage(105, LogLevel.Warning, "{Node} at {Address} is not let in: {Why}")]
    public static partial void NotAdmitted(ILogger log, NodeId node, string address, string why);

    [LoggerMessage(106, LogLevel.Information, "{Node} leaves the group on request.")]
    public static partial void Leaving(ILogger log, NodeId node);
}
