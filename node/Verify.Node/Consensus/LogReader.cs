using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Reads the log at the start of a node. It tells a write that a crash cut short (at the very end of the last segment,
/// nothing valid after it: it was never acknowledged, so it is cut off) from damage to what may be committed (refused, with
/// the place and the remedy). Why the difference matters: Alagappan et al., "Protocol-Aware Recovery", FAST'18.</summary>
internal sealed class LogReader(IDisk disk, DataOwner owner, int segmentBytesMax, ILogger log)
{
    private readonly List<Entry> _entries = [];
    private readonly List<LogFile.Segment> _segments = [];

    private LogIndex NextIndex => _entries.Count == 0 ? new(1) : _entries[^1].Index.Next;

    public static bool IsThereALog(IDisk disk) => disk.List().Any(LogCodec.IsSegmentName);

    /// <exception cref="DamagedLogException"/>
    /// <exception cref="UnusableDataException"/>
    /// <exception cref="IOException"/>
    public async ValueTask<(LogFile File, ImmutableArray<Entry> Entries)> ReadAsync()
    {
        var names = disk.List().Where(LogCodec.IsSegmentName).OrderBy(name => name, StringComparer.Ordinal).ToArray();
        for (var i = 0; i < names.Length; i++) await ReadSegmentAsync(names[i], isLast: i == names.Length - 1);
        return (new(disk, owner, segmentBytesMax, _segments), [.. _entries]);
    }

    private async ValueTask ReadSegmentAsync(string name, bool isLast)
    {
        using var file = disk.Open(name, create: false);
        var bytes = await ReadAllAsync(file, name);
        if (!LogCodec.TryReadHeader(bytes, name, out var header))
        {
            if (!isLast || LastIndexIn(bytes, from: 0) is not null) throw Damaged(name, 0, "the segment's header is damaged", bytes);
            NodeLog.UnfinishedSegmentRemoved(log, name, bytes.Length);
            disk.Delete(name);
            await disk.SyncDirectoryAsync();
            return;
        }

        if (header.Owner != owner) throw UnusableDataException.Foreign(name, header.Owner, owner);
        if (header.First != NextIndex) throw Damaged(name, 0, $"the segment begins with entry {header.First} where entry {NextIndex} must follow", bytes);
        var segment = new LogFile.Segment(name, header.First, header.Bytes);
        _segments.Add(segment);
        ReadRecords(bytes, segment);
        if (segment.End < bytes.Length)
        {
            if (!isLast || LastIndexIn(bytes, (int)segment.End) is not null)
                throw Damaged(name, segment.End, $"the record of entry {NextIndex} is damaged", bytes);
            NodeLog.TornTailCut(log, name, segment.End, bytes.Length - segment.End);
        }

        if (isLast) await MakeDurableAsync(file, bytes.AsMemory(0, (int)segment.End));
    }

    /// <summary>What was read may lie in the page cache alone: a process that was killed before its sync, or halted after a failed
    /// one, leaves such pages, and after a failed sync the kernel takes them for clean, so that syncing again writes nothing
    /// (Rebello et al., ATC'20). Only the last segment can hold such bytes. They are written anew before they count.</summary>
    private async ValueTask MakeDurableAsync(IDiskFile file, ReadOnlyMemory<byte> content)
    {
        await file.SetLengthAsync(content.Length);
        await file.WriteAsync(content, 0);
        await file.SyncAsync();
        await disk.SyncDirectoryAsync();
    }

    private void ReadRecords(byte[] bytes, LogFile.Segment segment)
    {
        while (LogCodec.TryReadRecord(bytes.AsSpan((int)segment.End)) is { } entry && Follows(entry))
        {
            segment.Records.Add(new(segment.End, entry.Term));
            segment.End += LogCodec.RecordBytes(entry);
            _entries.Add(entry);
        }
    }

    private bool Follows(Entry entry) =>
        entry.Index == NextIndex && (_entries.Count == 0 || entry.Term >= _entries[^1].Term);

    /// <summary>Looks for any undamaged record at any offset. Returns the largest index found, null when there is none.</summary>
    private LogIndex? LastIndexIn(byte[] bytes, int from)
    {
        LogIndex? last = null;
        for (var at = from; at <= bytes.Length - LogCodec.RecordHeaderBytes; at++)
        {
            var here = bytes.AsSpan(at);
            var index = LogCodec.PeekIndex(here);
            if (index < 1 || index > NextIndex.Value + bytes.Length || LogCodec.TryReadRecord(here) is not { } entry) continue;
            last = last is { } known ? LogIndex.Max(known, entry.Index) : entry.Index;
            at += LogCodec.RecordBytes(entry) - 1;
        }

        return last;
    }

    private DamagedLogException Damaged(string name, long offset, string what, byte[] bytes)
    {
        var lastHere = LastIndexIn(bytes, (int)offset);
        var lastFile = disk.List().Where(LogCodec.IsSegmentName).OrderBy(n => n, StringComparer.Ordinal).Last();
        var last = string.Equals(lastFile, name, StringComparison.Ordinal)
            ? $"{lastHere ?? NextIndex}" : $"the end of {lastFile}";
        return new($"{name}, offset {offset}: {what}. Entries {NextIndex} to {last} are lost on this node, and some of them may be "
            + $"committed, so it will not start. Restore {name} from a backup of this node; or, when a majority of the other nodes "
            + "is healthy, remove the data directory, so that this node is rebuilt from its peers.");
    }

    private static async ValueTask<byte[]> ReadAllAsync(IDiskFile file, string name)
    {
        if (file.Length > Array.MaxLength) throw new IOException($"{name}: {file.Length} bytes are more than a segment can have");
        var bytes = new byte[file.Length];
        var have = 0;
        while (have < bytes.Length)
        {
            var read = await file.ReadAsync(bytes.AsMemory(have), have);
            if (read == 0) throw new IOException($"{name}: ended at {have} of {bytes.Length} bytes while it was read");
            have += read;
        }

        return bytes;
    }
}
