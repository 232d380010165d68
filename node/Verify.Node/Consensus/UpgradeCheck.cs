using System.Collections.Immutable;
using Verify.Node.Seam;

namespace Verify.Node.Consensus;

/// <summary>What this program would do with a data directory, for an operator who is about to upgrade (verify-node --upgrade-check).</summary>
/// <param name="Files">Sorted by name.</param>
/// <param name="CanStart">Every file that counts can be read, with the keys that were given.</param>
/// <param name="FormatBefore">The oldest format that can read the directory as it is.</param>
/// <param name="FormatAfter">The oldest format that can read it once this program has written to it. Higher than before: there is no way
/// back to the older program but a backup.</param>
public sealed record UpgradeReport(ImmutableArray<UpgradeFile> Files, bool CanStart, uint FormatBefore, uint FormatAfter)
{
    /// <summary>The keys without which this directory cannot be read, sorted.</summary>
    public ImmutableArray<string> KeysInUse => [.. Files.Select(file => file.SealedBy).Where(id => id.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}

/// <summary>One file of the data directory.</summary>
/// <param name="Kind">log, snapshot, vote, lost entries, kept for analysis, unfinished, or not ours.</param>
/// <param name="Version">Of its format; null when it cannot be told.</param>
/// <param name="SealedBy">The id of its key; empty: in the clear.</param>
/// <param name="WillBeRewritten">This program writes the file anew at its start, or removes it.</param>
/// <param name="ReadableByAfterwards">The oldest format version that can still read it then; null when it is removed or was never readable.</param>
/// <param name="Problem">What is wrong with it; empty: nothing.</param>
public sealed record UpgradeFile(
    string Name, string Kind, uint? Version, long Bytes, string SealedBy, bool IsReadable, bool WillBeRewritten, uint? ReadableByAfterwards, string Problem);

/// <summary>Reads every file of a data directory wholly and changes nothing.</summary>
public static class UpgradeCheck
{
    private const string NotOurs = "not ours";

    /// <exception cref="IOException"/>
    public static async ValueTask<UpgradeReport> RunAsync(IDisk disk, DataKeys keys)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(keys);
        var files = ImmutableArray.CreateBuilder<UpgradeFile>();
        foreach (var name in disk.List()) files.Add(await LookAsync(disk, name, keys));
        var last = files.LastOrDefault(file => file.Kind == "log");
        var newest = files.LastOrDefault(file => file.Kind == "snapshot" && file.IsReadable);
        var mustBeReadable = files.Where(file => file.Kind is "log" or "vote" or "lost entries");
        var isWhole = mustBeReadable.All(file => file.IsReadable || (file == last && file.WillBeRewritten));
        var hasSnapshots = files.Any(file => file.Kind == "snapshot");
        var logs = files.Where(file => file.Kind == "log").Select(file => file.Version ?? 1).DefaultIfEmpty(1u).Max();
        return new(files.ToImmutable(), isWhole && (!hasSnapshots || newest is not null), hasSnapshots ? LogCodec.Version : logs, LogCodec.Version);
    }

    private static async ValueTask<UpgradeFile> LookAsync(IDisk disk, string name, DataKeys keys)
    {
        using var file = disk.Open(name, create: false);
        var kind = KindOf(name);
        var bytes = kind == "snapshot" ? await ReadAsync(file, FileHeader.Bytes) : await ReadAsync(file, (int)Math.Min(file.Length, 1 << 30));
        var found = new UpgradeFile(name, kind, null, file.Length, "", IsReadable: false, WillBeRewritten: kind == "unfinished", null, "");
        try
        {
            return kind switch
            {
                "log" => Log(found, bytes, keys),
                "snapshot" => await SnapshotAsync(found, file, bytes, keys),
                "vote" => Vote(found, bytes),
                "lost entries" => Lost(found, bytes),
                "unfinished" => found with { IsReadable = true },
                _ => found with { IsReadable = true, Problem = kind == NotOurs ? "no file of this program; it is left alone" : "" },
            };
        }
        catch (Exception unreadable) when (unreadable is UnusableDataException or DamagedSnapshotException)
        {
            return found with { Version = VersionOf(bytes), Problem = unreadable.Message };
        }
    }

    private static string KindOf(string name) => name switch
    {
        HardStateFile.Name => "vote",
        LostEntries.FileName => "lost entries",
        SnapshotCodec.PartName or SnapshotCodec.ReceivedPartName or LogRepair.PartName => "unfinished",
        _ when LogCodec.IsSegmentName(name) => "log",
        _ when SnapshotCodec.IsSnapshotName(name) => "snapshot",
        _ when SnapshotCodec.IsArrivedName(name) => "unfinished",
        _ when name.EndsWith(LogRepair.KeptSuffix, StringComparison.Ordinal) => "kept for analysis",
        _ => NotOurs,
    };

    private static UpgradeFile Log(UpgradeFile found, byte[] bytes, DataKeys keys)
    {
        var hasHeader = LogCodec.TryReadHeader(bytes, found.Name, out var header);
        found = found with { Version = header?.Version ?? VersionOf(bytes), SealedBy = header?.Seal?.KeyId ?? "", ReadableByAfterwards = header?.Version };
        try
        {
            using var format = hasHeader ? SegmentFormat.Of(header!, keys, found.Name) : null;
            var scan = SegmentScan.Of(found.Name, bytes, hasHeader ? header : null, format);
            return found with
            {
                IsReadable = hasHeader && scan.Tail != SegmentTail.Damaged && scan.Damage is null, WillBeRewritten = scan.Tail == SegmentTail.Torn,
                Problem = scan.Damage is { } damage ? $"{found.Name}, offset {damage.Offset}: {damage.What}"
                    : scan.Tail == SegmentTail.Torn ? "the last write was cut short by a crash; the rest of it will be cut off" : "",
            };
        }
        catch (UnusableDataException unreadable)
        {
            return found with { Problem = unreadable.Message, ReadableByAfterwards = null };
        }
    }

    private static async ValueTask<UpgradeFile> SnapshotAsync(UpgradeFile found, IDiskFile file, byte[] bytes, DataKeys keys)
    {
        if (!SnapshotCodec.TryReadHeader(bytes, found.Name, out var header)) throw new DamagedSnapshotException(found.Name, 0, "the header is damaged");
        found = found with { Version = VersionOf(bytes), SealedBy = header.Seal.KeyId };
        try
        {
            using var reader = await SnapshotReader.OpenAsync(file, found.Name, header.Owner, keys);
            while (await reader.NextAsync() is not null) { }
            return found with { IsReadable = true, ReadableByAfterwards = found.Version };
        }
        catch (Exception unreadable) when (unreadable is UnusableDataException or DamagedSnapshotException)
        {
            return found with { Problem = unreadable.Message };
        }
    }

    private static UpgradeFile Vote(UpgradeFile found, byte[] bytes)
    {
        var isReadable = HardStateFile.Newest(HardStateFile.Padded(bytes)) is not null;
        return found with
        {
            Version = HardStateFile.Version, IsReadable = isReadable, WillBeRewritten = isReadable, ReadableByAfterwards = isReadable ? HardStateFile.Version : null,
            Problem = isReadable ? "" : "neither copy of the vote can be read",
        };
    }

    private static UpgradeFile Lost(UpgradeFile found, byte[] bytes) =>
        LostEntries.IsReadable(bytes)
            ? found with { Version = LostEntries.Version, IsReadable = true, ReadableByAfterwards = LostEntries.Version }
            : found with { Problem = "damaged" };

    private static uint? VersionOf(byte[] bytes) => bytes.Length < 12 || !bytes.AsSpan().StartsWith("VRFY"u8) ? null : BitConverter.ToUInt32(bytes, 8);

    private static async ValueTask<byte[]> ReadAsync(IDiskFile file, int bytesMax)
    {
        var bytes = new byte[(int)Math.Min(file.Length, bytesMax)];
        var have = 0;
        while (have < bytes.Length && await file.ReadAsync(bytes.AsMemory(have), have) is > 0 and var read) have += read;
        return bytes;
    }
}
