using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Whose data this is. Written into every file, so that a node never reads another node's vote or log.</summary>
internal sealed record DataOwner(string ClusterId, NodeId Node);

/// <summary>The bytes of the log, version 1. All numbers are little-endian.
/// <code>
/// segment  = header record*
/// header   = "VRFYRLOG" version:u32 bodyLength:u32 body crc:u32      crc covers all bytes before it
/// body     = clusterId:text nodeId:text firstIndex:u64
/// record   = length:u32 crc:u32 term:u64 index:u64 kind:u8 payload   crc covers length, term, index, kind, payload
/// </code></summary>
internal static class LogCodec
{
    public const uint Version = 1;
    public const int RecordHeaderBytes = 25;
    private const int HeaderFixedBytes = 16;

    public static ReadOnlySpan<byte> Magic => "VRFYRLOG"u8;

    /// <summary>Names sort as numbers do.</summary>
    public static string SegmentName(LogIndex first) => $"log-{first.Value:D20}.seg";

    public static bool IsSegmentName(string name) =>
        name.StartsWith("log-", StringComparison.Ordinal) && name.EndsWith(".seg", StringComparison.Ordinal);

    public static byte[] Header(DataOwner owner, LogIndex first)
    {
        var body = new WireWriter();
        body.Text(owner.ClusterId);
        body.Text(owner.Node.Name);
        body.UInt64((ulong)first.Value);
        var header = new WireWriter();
        header.Raw(Magic);
        header.UInt32(Version);
        header.UInt32((uint)body.Length);
        header.Raw(body.Written.Span);
        header.UInt32(Crc32C.Of(header.Written.Span));
        return header.Written.ToArray();
    }

    /// <summary>Reads a segment's header. False: the bytes are no whole header of version 1.</summary>
    /// <exception cref="UnusableDataException">It was written by a newer program.</exception>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, string file, [NotNullWhen(true)] out SegmentHeader? header)
    {
        header = null;
        if (bytes.Length < HeaderFixedBytes || !bytes[..8].SequenceEqual(Magic)) return false;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version > Version) throw UnusableDataException.Newer(file, version, Version);
        var bodyLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var looksWhole = bodyLength <= 4096 && bytes.Length >= HeaderFixedBytes + (int)bodyLength + 4;
        var crcIsRight = looksWhole && Crc32C.Of(bytes[..(HeaderFixedBytes + (int)bodyLength)])
            == BinaryPrimitives.ReadUInt32LittleEndian(bytes[(HeaderFixedBytes + (int)bodyLength)..]);
        if (!crcIsRight || version != Version) return false;
        try
        {
            var body = new WireReader(bytes.Slice(HeaderFixedBytes, (int)bodyLength));
            header = new(new(body.Text(), new(body.Text())), new((long)body.UInt64()), HeaderFixedBytes + (int)bodyLength + 4);
            body.End();
            return header.First.Value > 0;
        }
        catch (WireFormatException)
        {
            return false;
        }
    }

    public static int RecordBytes(Entry entry) => RecordHeaderBytes + entry.Payload.Length;

    public static void WriteRecord(WireWriter to, Entry entry)
    {
        Span<byte> head = stackalloc byte[RecordHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)entry.Payload.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], (ulong)entry.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[16..], (ulong)entry.Index.Value);
        head[24] = (byte)entry.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], CrcOf(head, entry.Payload.Span));
        to.Raw(head);
        to.Raw(entry.Payload.Span);
    }

    /// <summary>Reads the record at the start of the bytes. Null: no whole, undamaged record begins here.</summary>
    public static Entry? TryReadRecord(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < RecordHeaderBytes) return null;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length > bytes.Length - RecordHeaderBytes) return null;
        var kind = (EntryKind)bytes[24];
        var term = (long)BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        var index = (long)BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        if (kind is not (EntryKind.Command or EntryKind.Barrier) || term <= 0 || index <= 0) return null;
        var payload = bytes.Slice(RecordHeaderBytes, (int)length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != CrcOf(bytes[..RecordHeaderBytes], payload)) return null;
        return new(new(new(term), new(index)), kind, payload.ToArray());
    }

    /// <summary>The index that a record here would have; a cheap look before the checksum is computed.</summary>
    public static long PeekIndex(ReadOnlySpan<byte> bytes) =>
        bytes.Length < RecordHeaderBytes ? -1 : (long)BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);

    private static uint CrcOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload)
    {
        var start = Crc32C.Start(head[..4]);
        start = Crc32C.Continue(start, head[8..RecordHeaderBytes]);
        return ~Crc32C.Continue(start, payload);
    }
}

/// <summary>What a segment says of itself.</summary>
internal sealed record SegmentHeader(DataOwner Owner, LogIndex First, int Bytes);
