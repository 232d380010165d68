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

    [LoggerMessage(60, LogLevel.Error, "Snapshot damaged: {What}. An older one is used where the log reaches back to it.")]
    public static partial void SnapshotDamaged(ILogger log, string what);

    [LoggerMessage(61, LogLevel.Warning, "The transfer of a snapshot begins again from its first byte: {What}")]
    public static partial void TransferForgotten(ILogger log, string what);

    [LoggerMessage(62, LogLevel.Warning, "{Segments} segments of the log are dropped: {Why}.")]
    public static partial void LogPartsDropped(ILogger log, int segments, string why);

    [LoggerMessage(63, LogLevel.Error, "Log damaged ({What}): entries {First} to {Last} are lost on this node, and some of them may be committed. "
        + "It takes no part in votes until it has them back from its peers.")]
    public static partial void EntriesLost(ILogger log, string what, LogIndex first, LogIndex last);

    [LoggerMessage(64, LogLevel.Warning, "{File} is damaged; it is kept as {Kept} for analysis.")]
    public static partial void DamagedFileKept(ILogger log, string file, string kept);

    [LoggerMessage(65, LogLevel.Warning, "{File} is damaged and is repaired without a copy of what was there: {Why}")]
    public static partial void DamagedFileNotKept(ILogger log, string file, string why);
}
