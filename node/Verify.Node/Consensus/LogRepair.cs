using Microsoft.Extensions.Logging;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Brings the files of the log into the shape that a <see cref="LogPlan"/> wants. A driver. It may be stopped at any operation and
/// begun again: each step leaves files from which the same plan follows. Damaged bytes are kept under another name, for analysis.</summary>
internal sealed class LogRepair(IDisk disk, DataOwner owner, LogSettings settings, ILogger log)
{
    public const string PartName = "segment.part";
    public const string KeptSuffix = ".damaged";

    public async ValueTask<LogFile> CarryOutAsync(LogPlan plan, IReadOnlyList<SegmentScan> found, EntryId snapshot)
    {
        foreach (var segment in plan.Superfluous) await DeleteAsync(segment.Name);
        await RemoveBehindAsync(plan, found);
        var segments = new List<LogSegment>();
        foreach (var part in plan.Parts)
        {
            var isBegun = part.Run.Offset == part.Segment.Header!.Bytes;
            segments.Add(isBegun ? Keep(part, segments, snapshot) : await RewriteAsync(part, snapshot));
        }

        if (plan.Parts.Length > 0) await FinishLastAsync(plan, segments[^1]);
        foreach (var segment in found)
            if (segment.Format is { } unused && !segments.Exists(s => ReferenceEquals(s.Format, unused))) unused.Dispose();
        return new(disk, owner, settings, snapshot, segments);
    }

    /// <summary>What lies behind the end of the log: segments that a crash left unfinished, or, behind a loss, what nothing can follow.</summary>
    private async ValueTask RemoveBehindAsync(LogPlan plan, IReadOnlyList<SegmentScan> found)
    {
        foreach (var segment in found.Reverse())
        {
            if (plan.Superfluous.Contains(segment) || plan.Parts.Any(part => ReferenceEquals(part.Segment, segment))) continue;
            if (plan.Lost is not null) await KeepAsideAsync(segment.Name);
            else
            {
                if (segment.Header is null) NodeLog.UnfinishedSegmentRemoved(log, segment.Name, segment.Bytes.Length);
                await DeleteAsync(segment.Name);
            }
        }
    }

    private static LogSegment Keep(LogPart part, List<LogSegment> before, EntryId snapshot)
    {
        var run = part.Run;
        var previous = part.Segment.Header!.PreviousTerm
            ?? (before.Count > 0 ? before[^1].Last.Term : snapshot.Index == run.First.Previous ? snapshot.Term : Term.Zero);
        var segment = new LogSegment(part.Segment.Name, run.First, previous, run.End, part.Segment.Format!);
        segment.Records.AddRange(run.Places);
        return segment;
    }

    /// <summary>The good end of a segment whose damaged beginning is in the snapshot becomes a segment of its own.</summary>
    private async ValueTask<LogSegment> RewriteAsync(LogPart part, EntryId snapshot)
    {
        var run = part.Run;
        var previous = run.First == snapshot.Index.Next ? snapshot.Term : Term.Zero;
        var (format, header) = SegmentFormat.New(settings.Keys.Active, owner, run.First, previous, settings.Dice);
        var segment = new LogSegment(LogCodec.SegmentName(run.First), run.First, previous, header.Length, format);
        var bytes = new WireWriter(part.Segment.Bytes.Length + header.Length);
        bytes.Raw(header);
        foreach (var entry in run.Entries)
        {
            segment.Records.Add(new(bytes.Length, entry.Term));
            format.Write(bytes, entry);
        }

        segment.End = bytes.Length;
        using (var file = disk.Open(PartName, create: true))
        {
            await file.SetLengthAsync(0);
            await file.WriteAsync(bytes.Written, 0);
            await file.SyncAsync();
        }

        disk.Rename(PartName, segment.Name);
        await disk.SyncDirectoryAsync();
        await KeepAsideAsync(part.Segment.Name);
        return segment;
    }

    /// <summary>The last segment ends with its last good record. What was read of it may lie in the page cache alone: a process that was
    /// killed before its sync, or halted after a failed one, leaves such pages, and after a failed sync the kernel takes them for
    /// clean, so that syncing again writes nothing (Rebello et al., ATC'20). Only the last segment can hold such bytes. They are written
    /// anew before they count.</summary>
    private async ValueTask FinishLastAsync(LogPlan plan, LogSegment last)
    {
        var (scan, run) = plan.Parts[^1];
        if (last.Name != scan.Name) return;
        var rest = scan.Bytes.Length - run.End;
        Mark.ReachedIf(rest > 0 && plan.Lost is null, "a torn tail was cut");
        if (rest > 0 && plan.Lost is not null) await CopyAsideAsync(scan);
        else if (rest > 0) NodeLog.TornTailCut(log, scan.Name, run.End, rest);
        using var file = disk.Open(scan.Name, create: false);
        await file.SetLengthAsync(run.End);
        await file.WriteAsync(scan.Bytes[..(int)run.End], 0);
        await file.SyncAsync();
        await disk.SyncDirectoryAsync();
    }

    private async ValueTask CopyAsideAsync(SegmentScan segment)
    {
        var name = segment.Name + KeptSuffix;
        try
        {
            using var copy = disk.Open(name, create: true);
            await copy.SetLengthAsync(0);
            await copy.WriteAsync(segment.Bytes, 0);
            await copy.SyncAsync();
            await disk.SyncDirectoryAsync();
            NodeLog.DamagedFileKept(log, segment.Name, name);
        }
        catch (DiskFullException none)
        {
            NodeLog.DamagedFileNotKept(log, segment.Name, none.Message);
            disk.Delete(name);
        }
    }

    private async ValueTask KeepAsideAsync(string name)
    {
        disk.Rename(name, name + KeptSuffix);
        await disk.SyncDirectoryAsync();
        NodeLog.DamagedFileKept(log, name, name + KeptSuffix);
    }

    private async ValueTask DeleteAsync(string name)
    {
        disk.Delete(name);
        await disk.SyncDirectoryAsync();
    }
}
