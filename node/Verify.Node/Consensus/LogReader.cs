using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The log as it was found at the start of a node.</summary>
/// <param name="Entries">In order, without gaps. The first is at or before the one that follows the snapshot.</param>
/// <param name="Lost">What this node may have acknowledged and must get back from its peers before it votes; null in the ordinary case.</param>
internal sealed record LogFound(LogFile File, ImmutableArray<Entry> Entries, LostEntries? Lost);

/// <summary>On what grounds a node that has lost entries may go on without them.</summary>
/// <param name="Kept">Its term and vote; null when they are lost as well.</param>
/// <param name="HasPeers">Whether there are others from whom the entries can come, as far as the configuration knows.</param>
/// <param name="SnapshotDamage">What is wrong with a newer snapshot, if that is why entries are missed.</param>
internal sealed record RebuildGrounds(HardState? Kept, bool HasPeers, string? SnapshotDamage = null)
{
    public static readonly RebuildGrounds None = new(null, HasPeers: false);
}

/// <summary>Reads the log at the start of a node. It tells a write that a crash cut short (at the very end of the last segment, never
/// acknowledged: cut off) from damage, and damage to what a snapshot holds as well (harmless: those segments go) from damage to what may be
/// committed. Of that a node with peers and an intact vote is rebuilt without voting (<see cref="LostEntries"/>); any other is
/// refused, with the place and the remedy. After Alagappan et al., "Protocol-Aware Recovery", FAST'18.</summary>
internal sealed class LogReader(IDisk disk, DataOwner owner, LogSettings settings, ILogger log)
{
    public static bool IsThereALog(IDisk disk) => disk.List().Any(LogCodec.IsSegmentName);

    /// <param name="snapshot">The newest good one; null when there is none.</param>
    /// <param name="grounds">Whether the node may be rebuilt from its peers.</param>
    /// <exception cref="DamagedLogException"/>
    /// <exception cref="UnusableDataException"/>
    /// <exception cref="IOException"/>
    public async ValueTask<LogFound> ReadAsync(SnapshotMark? snapshot, RebuildGrounds grounds)
    {
        var before = await LostEntries.ReadAsync(disk, owner);
        if (disk.List().Contains(LogRepair.PartName, StringComparer.Ordinal)) disk.Delete(LogRepair.PartName);
        var segments = await ScanAsync();
        var plan = LogPlan.Of(segments, snapshot?.Last ?? EntryId.Zero);
#if VERIFY_MUTANTS
        if (Mutant.Is("M25", deviates: plan.Lost is not null)) plan = plan with { Lost = null };
#endif
        var lost = plan.Lost is { } loss ? await OweAsync(loss, plan, snapshot, grounds, before) : before;
        if (plan.Note is { } note) NodeLog.LogPartsDropped(log, plan.Superfluous.Length, note);
        var file = await new LogRepair(disk, owner, settings, log).CarryOutAsync(plan, segments, snapshot?.Last ?? EntryId.Zero);
        if (lost is not null && lost.AreBackIn(file.Last))
        {
            await LostEntries.ForgetAsync(disk);
            lost = null;
        }

        return new(file, [.. plan.Parts.SelectMany(part => part.Run.Entries)], lost);
    }

    private async ValueTask<List<SegmentScan>> ScanAsync()
    {
        var segments = new List<SegmentScan>();
        foreach (var name in disk.List().Where(LogCodec.IsSegmentName).OrderBy(name => name, StringComparer.Ordinal))
        {
            using var file = disk.Open(name, create: false);
            var bytes = await ReadAllAsync(file, name);
            var format = default(SegmentFormat);
            if (LogCodec.TryReadHeader(bytes, name, out var header))
            {
                if (header.Owner != owner) throw UnusableDataException.Foreign(name, header.Owner, owner);
                format = SegmentFormat.Of(header, settings.Keys, name);
            }

            segments.Add(SegmentScan.Of(name, bytes, format is null ? null : header, format));
        }

        return segments;
    }

    /// <summary>Notes durably what this node may have acknowledged and does not have any more, or refuses to start.</summary>
    private async ValueTask<LostEntries> OweAsync(LogLoss loss, LogPlan plan, SnapshotMark? snapshot, RebuildGrounds grounds, LostEntries? before)
    {
        var members = plan.Parts.SelectMany(part => part.Run.Entries).LastOrDefault(e => e.Kind == EntryKind.Membership) is { } change
            ? MembershipCodec.TryDecode(change.Payload.Span) : snapshot?.Membership;
        var hasPeers = members is { IsEmpty: false } known ? known.All.Any(id => id != owner.Node && known.IsVoter(id)) : grounds.HasPeers;
        if (grounds.Kept is not { } kept || !hasPeers) throw Refusal(loss, grounds, hasPeers);
        var lost = new LostEntries(LogIndex.Max(loss.Last, before?.Until ?? default), kept.Term);
        await lost.WriteAsync(disk, owner);
        NodeLog.EntriesLost(log, $"{loss.Segment.Name}, offset {loss.Offset}: {loss.What}", loss.First, loss.Last);
        return lost;
    }

    private static DamagedLogException Refusal(LogLoss loss, RebuildGrounds grounds, bool hasPeers)
    {
        var (name, offset) = (loss.Segment.Name, loss.Offset);
        var cause = grounds.SnapshotDamage is { } damage ? $" The snapshot that held them cannot be read ({damage})." : "";
        var why = !hasPeers ? "there is no other voter from whom they could come" : "the node's vote is not there either";
        var remedy = hasPeers
            ? $"or {UnusableDataException.ReplaceInstead}"
            : $"or, to go on without them knowingly, cut the file with 'truncate -s {offset} {name}' and remove the segments after it; "
                + "or import an export of it into a new node (verify-ctl cluster import)";
        return new($"{name}, offset {offset}: {loss.What}.{cause} Entries {loss.First} to {loss.Last} are lost on this node, some of them may be "
            + $"committed, and {why}, so it will not start. Restore {name} from a backup of this node; {remedy}.");
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
