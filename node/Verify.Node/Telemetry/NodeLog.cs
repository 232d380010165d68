using Microsoft.Extensions.Logging;
using Verify.Raft;

namespace Verify.Node.Telemetry;

/// <summary>Every sentence the node says to its operator.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(1, LogLevel.Information, "Node {Node} in {DataCenter} starts: term {Term}, last entry {Last}, {Members} members.")]
    public static partial void Starting(ILogger log, NodeId node, string dataCenter, Term term, EntryId last, int members);

    [LoggerMessage(2, LogLevel.Information, "{Role} in term {Term}; leader: {Leader}.")]
    public static partial void RoleChanged(ILogger log, RaftRole role, Term term, string leader);

    [LoggerMessage(3, LogLevel.Warning, "{File}: the last write was cut short by a crash at offset {Offset}; {Bytes} bytes that nobody was told of are cut off.")]
    public static partial void TornTailCut(ILogger log, string file, long offset, long bytes);

    [LoggerMessage(4, LogLevel.Warning, "{File}: a crash came while this segment was begun; the {Bytes} bytes are removed.")]
    public static partial void UnfinishedSegmentRemoved(ILogger log, string file, int bytes);

    [LoggerMessage(5, LogLevel.Error, "Disk full ({Why}): this node refuses writes and leadership, and tries again each second.")]
    public static partial void DiskIsFull(ILogger log, string why);

    [LoggerMessage(6, LogLevel.Warning, "The disk has space again: everything that waited is written.")]
    public static partial void DiskHasSpace(ILogger log);

    [LoggerMessage(7, LogLevel.Information, "Link to {Peer} is up.")]
    public static partial void LinkUp(ILogger log, NodeId peer);

    [LoggerMessage(8, LogLevel.Information, "Link to {Peer} is down: {Why}")]
    public static partial void LinkDown(ILogger log, NodeId peer, string why);

    [LoggerMessage(9, LogLevel.Warning, "A connection was refused ({Source}): {Why}")]
    public static partial void PeerRefused(ILogger log, string source, string why);

    [LoggerMessage(10, LogLevel.Warning, "{Why}: leadership is handed over to {Peer}.")]
    public static partial void HandingOver(ILogger log, string why, NodeId peer);

    [LoggerMessage(11, LogLevel.Critical, "The node halts: {Reason}")]
    public static partial void Halting(ILogger log, Exception cause, string reason);

    [LoggerMessage(12, LogLevel.Information, "The node stops.")]
    public static partial void Stopping(ILogger log);

    [LoggerMessage(13, LogLevel.Warning, "The node was not running for {Pause}; as follower it counts that as {Counted} ticks.")]
    public static partial void Paused(ILogger log, TimeSpan pause, long counted);

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
}
