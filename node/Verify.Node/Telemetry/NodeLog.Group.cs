using Microsoft.Extensions.Logging;
using Verify.Raft;

namespace Verify.Node.Telemetry;

/// <summary>What the node says of the group, of snapshots and of its disk.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(14, LogLevel.Information, "{Peer} is reached at {Address} now.")]
    public static partial void PeerMoved(ILogger log, NodeId peer, Seam.Endpoint address);

    [LoggerMessage(15, LogLevel.Information, "Membership (entry {Index}): {Membership}.")]
    public static partial void MembershipIs(ILogger log, LogIndex index, Membership membership);

    [LoggerMessage(16, LogLevel.Warning, "The configuration names the members {Configured}; the log says {Known}, and the log counts.")]
    public static partial void ConfigurationDiffers(ILogger log, string configured, Membership known);

    [LoggerMessage(17, LogLevel.Information, "This node asks {Via} to be let into the group.")]
    public static partial void AsksToJoin(ILogger log, Seam.Endpoint via);

    [LoggerMessage(18, LogLevel.Warning, "Not let into the group yet ({Via}): {Why}")]
    public static partial void NotLetIn(ILogger log, Seam.Endpoint via, string why);

    [LoggerMessage(19, LogLevel.Information, "{Via} has let this node into the group; it waits for the log.")]
    public static partial void LetIn(ILogger log, Seam.Endpoint via);

    [LoggerMessage(20, LogLevel.Information, "Members say that they are reached elsewhere; the membership is told: {Changed}.")]
    public static partial void ContactsChange(ILogger log, string changed);

    [LoggerMessage(21, LogLevel.Error, "The node leaves: {Reason}")]
    public static partial void Leaves(ILogger log, string reason);

    [LoggerMessage(22, LogLevel.Warning, "The disk has not answered for {Since}: this node gives leadership away and asks for no votes until it does.")]
    public static partial void DiskStalls(ILogger log, TimeSpan since);

    [LoggerMessage(23, LogLevel.Information, "The disk answers again.")]
    public static partial void DiskAnswers(ILogger log);

    [LoggerMessage(24, LogLevel.Information, "Snapshot of everything up to {Last}: {Bytes} bytes in {Took}.")]
    public static partial void SnapshotTaken(ILogger log, EntryId last, long bytes, TimeSpan took);

    [LoggerMessage(25, LogLevel.Warning, "No snapshot for now ({Why}); it is tried again.")]
    public static partial void SnapshotPutOff(ILogger log, string why);

    [LoggerMessage(26, LogLevel.Information, "The leader's snapshot of everything up to {Last} has taken the place of log and state.")]
    public static partial void SnapshotInstalled(ILogger log, EntryId last);

    [LoggerMessage(27, LogLevel.Error, "A snapshot cannot be sent: {What}. A new one is made in its place.")]
    public static partial void SnapshotRotten(ILogger log, string what);

    [LoggerMessage(28, LogLevel.Warning, "This node has lost the end of its log and does not vote until it has everything up to entry {Until} again.")]
    public static partial void Recovering(ILogger log, LogIndex until);

    [LoggerMessage(29, LogLevel.Information, "This node has everything again that it may ever have acknowledged, and votes.")]
    public static partial void Recovered(ILogger log);
}
