using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.Node;
using Verify.Node.Codec;
using Verify.Node.Consensus;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Fuzz.Decoders;

/// <summary>What a node reads from its data directory.</summary>
internal static class DataDecoders
{
    private const int SessionsMax = 100;
    private const int RecoveriesMax = 10;
    private const int RecordHeadBytes = 29; // of version 2
    private const string Segment = "log-00000000000000000001.seg";
    private static readonly DataOwner Owner = new("verify", new("n1:10008"));

    private static readonly DataKeys Keys = new([new("k1", Enumerable.Range(0, 32).Select(static i => (byte)i).ToArray())]);

    public static IEnumerable<IDecoder> All()
    {
        yield return new SpanDecoder("log-segment", [Golden.Named("data-v1", Segment), Golden.Named("data-v2.", Segment), NewestSegment(DataKeys.None)], bytes => ReadSegment(bytes, DataKeys.None))
        {
            Refusals = [typeof(UnusableDataException)], Seal = SealSegment, AllocatedBytesPerByte = 1024,
        };
        yield return new SpanDecoder("log-segment-sealed", [NewestSegment(Keys)], bytes => ReadSegment(bytes, Keys))
        {
            Refusals = [typeof(UnusableDataException)], Seal = SealSegment, AllocatedBytesPerByte = 1024,
        };
        yield return new SpanDecoder("lost-entries", [new LostEntries(new(300), new(2)).Write(Owner), new LostEntries(new(long.MaxValue), new(1L << 40)).Write(Owner)], bytes => LostEntries.Read(bytes, Owner).Until.Value >= 0)
        {
            Refusals = [typeof(UnusableDataException)], Seal = SealHeader,
        };
        yield return new SpanDecoder("hard-state", [.. Golden.Read("hardstate-").Select(Slots)], bytes => HardStateFile.Newest(Whole(bytes)) is not null)
        {
            Refusals = [typeof(UnusableDataException)], Seal = SealSlot,
        };
        var (image, snapshot) = Snapshot(DataKeys.None);
        yield return new SpanDecoder("state-blocks", [image, Blocks(Golden.Lines("state-v1")), Blocks(Golden.Lines("state-sections-")), Blocks(Golden.Lines("kv-").Where(static l => l.Name.StartsWith("state", StringComparison.Ordinal)))], ReadBlocks);
        yield return new SpanDecoder("snapshot-file", [snapshot], bytes => ReadSnapshot(bytes, DataKeys.None))
        {
            Refusals = [typeof(DamagedSnapshotException), typeof(UnusableDataException)], Seal = SealSnapshot,
        };
        yield return new SpanDecoder("snapshot-file-sealed", [Snapshot(Keys).File], bytes => ReadSnapshot(bytes, Keys))
        {
            Refusals = [typeof(DamagedSnapshotException), typeof(UnusableDataException)], Seal = SealSnapshot,
        };
    }

    /// <summary>As the start of a node reads it: header, then every record that is good, at any offset, and what the rest may be.</summary>
    private static bool ReadSegment(ReadOnlySpan<byte> bytes, DataKeys keys)
    {
        var copy = bytes.ToArray();
        if (!LogCodec.TryReadHeader(copy, Segment, out var header))
        {
            _ = SegmentScan.Of(Segment, copy, header: null, format: null);
            return false;
        }

        using var format = SegmentFormat.Of(header, keys, Segment);
        return SegmentScan.Of(Segment, copy, header, format).Runs.Count > 0;
    }

    private static byte[] SealHeader(byte[] bytes)
    {
        if (bytes.Length >= FileHeader.Bytes) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FileHeader.Bytes - 4), Crc32C.Of(bytes.AsSpan(0, FileHeader.Bytes - 4)));
        return bytes;
    }

    private static byte[] SealSegment(byte[] bytes)
    {
        if (bytes.Length < FileHeader.Bytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)) != LogCodec.Version) return bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FileHeader.Bytes - 4), Crc32C.Of(bytes.AsSpan(0, FileHeader.Bytes - 4)));
        if (!LogCodec.TryReadHeader(bytes, Segment, out var header) || header.Seal is not { } mark) return bytes;
        var start = Crc32C.Start(mark.Salt.Span);
        for (var at = FileHeader.Bytes; at + RecordHeadBytes <= bytes.Length;)
        {
            var head = bytes.AsSpan(at, RecordHeadBytes);
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(head), (uint)(bytes.Length - at - RecordHeadBytes));
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], ~Crc32C.Continue(start, bytes.AsSpan(at + RecordHeadBytes, length)));
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], ~Crc32C.Continue(Crc32C.Continue(start, head[..4]), head[8..]));
            at += RecordHeadBytes + length;
        }

        return bytes;
    }

    /// <summary>A segment of the newest version with entries of each kind.</summary>
    private static byte[] NewestSegment(DataKeys keys)
    {
        var (format, header) = SegmentFormat.New(keys.Active, Owner, new(1), Term.Zero, new Dice(5));
        using (format)
        {
            var to = new WireWriter();
            to.Raw(header);
            var payload = Golden.Read("command-")[0];
            for (var i = 1; i <= 6; i++) format.Write(to, new(new(new(2), new(i)), i == 1 ? EntryKind.Barrier : EntryKind.Command, i == 1 ? ReadOnlyMemory<byte>.Empty : payload));
            return to.Written.ToArray();
        }
    }

    private static byte[] Slots(byte[] copy)
    {
        var file = new byte[6144];
        copy.CopyTo(file, 0);
        return file;
    }

    /// <summary>The file has a fixed length; what is missing is zeros.</summary>
    private static byte[] Whole(ReadOnlySpan<byte> bytes)
    {
        var file = new byte[6144];
        bytes[..Math.Min(bytes.Length, file.Length)].CopyTo(file);
        return file;
    }

    private static byte[] SealSlot(byte[] bytes)
    {
        if (bytes.Length < 1024) return bytes;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        if (length > 1000) return bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16 + (int)length), Crc32C.Of(bytes.AsSpan(0, 16 + (int)length)));
        return bytes;
    }

    /// <summary>Blocks behind each other, each after its length.</summary>
    private static bool ReadBlocks(ReadOnlySpan<byte> bytes)
    {
        var state = new StateReader(SessionsMax, RecoveriesMax);
        while (bytes.Length >= 4)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(bytes), (uint)(bytes.Length - 4));
            state.Add(bytes.Slice(4, length));
            bytes = bytes[(4 + length)..];
        }

        return state.Finish().Applied.Index.Value >= 0;
    }

    private static bool ReadSnapshot(ReadOnlySpan<byte> bytes, DataKeys keys)
    {
        var disk = new MemoryDisk { ["snapshot"] = bytes.ToArray() };
        using var file = disk.Open("snapshot", create: false);
        using var reader = SnapshotReader.OpenAsync(file, "snapshot", Owner, keys).AsTask().GetAwaiter().GetResult();
        var state = new StateReader(SessionsMax, RecoveriesMax);
        while (reader.NextAsync().AsTask().GetAwaiter().GetResult() is { } block) state.Add(block.Span);
        return state.Finish().Applied.Index.Value >= 0;
    }

    private static byte[] SealSnapshot(byte[] bytes)
    {
        if (bytes.Length < FileHeader.Bytes) return bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FileHeader.Bytes - 4), Crc32C.Of(bytes.AsSpan(0, FileHeader.Bytes - 4)));
        if (HeaderOf(bytes) is not { } header) return bytes;
        var start = Crc32C.Start(header.Seal.Salt.Span);
        for (var at = FileHeader.Bytes; at + SnapshotCodec.HeadBytes <= bytes.Length;)
        {
            var head = bytes.AsSpan(at, SnapshotCodec.HeadBytes);
            var left = bytes.Length - at - SnapshotCodec.HeadBytes;
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(head), (uint)left);
            BinaryPrimitives.WriteUInt32LittleEndian(head[17..], ~Crc32C.Continue(start, bytes.AsSpan(at + SnapshotCodec.HeadBytes, length)));
            BinaryPrimitives.WriteUInt32LittleEndian(head[21..], ~Crc32C.Continue(start, head[..21]));
            at += SnapshotCodec.HeadBytes + length;
        }

        return bytes;
    }

    private static SnapshotHeader? HeaderOf(byte[] bytes)
    {
        try
        {
            return SnapshotCodec.TryReadHeader(bytes, "snapshot", out var header) ? header : null;
        }
        catch (UnusableDataException)
        {
            return null; // A version of the future: nothing behind it is read.
        }
    }

    /// <summary>A state with a little of everything: its blocks, and the snapshot file that holds them.</summary>
    private static (byte[] Blocks, byte[] File) Snapshot(DataKeys keys)
    {
        var state = new ReplicatedState(SessionsMax, RecoveriesMax);
        var index = 0L;
        foreach (var command in Golden.Commands()) state.Apply(new(new(3), new(++index)), CommandCodec.Decode(command));
        for (var i = 0; i < 20; i++)
        {
            state.Apply(new(new(3), new(++index)), new Command.KvPut($"key-{i}", Encoding.UTF8.GetBytes($"value {i}"), (ulong)i, null, new($"session-{i % 4}", i + 1)));
        }

        var disk = new MemoryDisk();
        using var store = SnapshotStore.OpenAsync(disk, Owner, keys, new SnapshotSettings(), new Dice(7), NullLogger.Instance).AsTask().GetAwaiter().GetResult();
        var mark = new SnapshotMark(state.Applied, new Membership { Voters = [new("n1:10008")], Contacts = [] });
        var file = store.WriteAsync(state.Freeze(), mark).AsTask().GetAwaiter().GetResult();
        return (Blocks(state.Freeze().Blocks().Select(block => ("", block.ToArray()))), disk[file.Name]);
    }

    private static byte[] Blocks(IEnumerable<(string Name, byte[] Bytes)> blocks) => [.. blocks.SelectMany(block => (IEnumerable<byte>)[.. BitConverter.GetBytes(block.Bytes.Length), .. block.Bytes])];
}
