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
    private static readonly DataOwner Owner = new("verify", new("n1:10008"));

    public static IEnumerable<IDecoder> All()
    {
        yield return new SpanDecoder("log-record", Golden.Read("log-"), ReadRecords) { Refusals = [typeof(UnusableDataException)], Seal = SealRecord };
        yield return new SpanDecoder("hard-state", [.. Golden.Read("hardstate-").Select(Slots)], bytes => HardStateFile.Newest(Whole(bytes)) is not null)
        {
            Refusals = [typeof(UnusableDataException)], Seal = SealSlot,
        };
        var (image, snapshot) = Snapshot();
        yield return new SpanDecoder("state-blocks", [image], ReadBlocks);
        yield return new SpanDecoder("snapshot-file", [snapshot], ReadSnapshot)
        {
            Refusals = [typeof(DamagedSnapshotException), typeof(UnusableDataException)], Seal = SealSnapshot,
        };
    }

    private static bool ReadRecords(ReadOnlySpan<byte> bytes)
    {
        if (LogCodec.TryReadHeader(bytes, "log", out _)) return true;
        var seen = 0;
        while (LogCodec.TryReadRecord(bytes) is { } entry)
        {
            seen++;
            bytes = bytes[LogCodec.RecordBytes(entry)..];
        }

        return seen > 0;
    }

    private static byte[] SealRecord(byte[] bytes)
    {
        if (bytes.Length < LogCodec.RecordHeaderBytes) return bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(bytes.Length - LogCodec.RecordHeaderBytes));
        var crc = Crc32C.Continue(Crc32C.Start(bytes.AsSpan(0, 4)), bytes.AsSpan(8));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), ~crc);
        return bytes;
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

    private static bool ReadSnapshot(ReadOnlySpan<byte> bytes)
    {
        var disk = new MemoryDisk { ["snapshot"] = bytes.ToArray() };
        using var file = disk.Open("snapshot", create: false);
        using var reader = SnapshotReader.OpenAsync(file, "snapshot", Owner, DataKeys.None).AsTask().GetAwaiter().GetResult();
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
    private static (byte[] Blocks, byte[] File) Snapshot()
    {
        var state = new ReplicatedState(SessionsMax, RecoveriesMax);
        var index = 0L;
        foreach (var command in Golden.Read("command-")) state.Apply(new(new(3), new(++index)), CommandCodec.Decode(command));
        for (var i = 0; i < 20; i++)
        {
            state.Apply(new(new(3), new(++index)), new Command.KvPut($"key-{i}", Encoding.UTF8.GetBytes($"value {i}"), (ulong)i, null, new($"session-{i % 4}", i + 1)));
        }

        var image = state.Freeze();
        var blocks = new List<byte>();
        foreach (var block in image.Blocks())
        {
            blocks.AddRange(BitConverter.GetBytes(block.Length));
            blocks.AddRange(block.Span);
        }

        var disk = new MemoryDisk();
        using var store = SnapshotStore.OpenAsync(disk, Owner, DataKeys.None, new SnapshotSettings(), new Dice(7), NullLogger.Instance).AsTask().GetAwaiter().GetResult();
        var mark = new SnapshotMark(state.Applied, new Membership { Voters = [new("n1:10008")], Contacts = [] });
        var file = store.WriteAsync(state.Freeze(), mark).AsTask().GetAwaiter().GetResult();
        return ([.. blocks], disk[file.Name]);
    }
}
