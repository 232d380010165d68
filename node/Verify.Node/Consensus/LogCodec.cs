using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Whose data this is. Written into every file, so that a node never reads another node's vote or log.</summary>
internal sealed record DataOwner(string ClusterId, NodeId Node);

/// <summary>The names and headers of log segments. Version 2 is written; version 1 is read for ever. All numbers are little-endian.
/// <code>
/// segment    = header record*                                           records: SegmentFormat
/// header (2) = FileHeader, magic "VRFYRLOG"; own fields: firstIndex:u64 previousTerm:u64
/// header (1) = "VRFYRLOG" version:u32 bodyLength:u32 body crc:u32       crc covers all bytes before it
/// body   (1) = clusterId:text nodeId:text firstIndex:u64
/// </code></summary>
internal static class LogCodec
{
    public const uint Version = 2;
    private const int HeaderFixedBytes = 16;
    private const string Prefix = "log-";
    private const string Suffix = ".seg";

    public static ReadOnlySpan<byte> Magic => "VRFYRLOG"u8;

    /// <summary>Names sort as numbers do.</summary>
    public static string SegmentName(LogIndex first) => $"{Prefix}{first.Value:D20}{Suffix}";

    public static bool IsSegmentName(string name) => TryFirst(name, out _);

    /// <summary>The first entry of a segment, by its name.</summary>
    public static LogIndex FirstOf(string name) => TryFirst(name, out var first) ? first : throw new ArgumentException($"{name} is no segment", nameof(name));

    /// <summary>What the file's key is made for, besides its owner.</summary>
    public static string Purpose(LogIndex first) => $"log {first}";

    /// <param name="previousTerm">The term of the entry before the first.</param>
    public static byte[] Header(DataOwner owner, SealMark seal, LogIndex first, Term previousTerm) =>
        FileHeader.Write(Magic, Version, owner, seal, body =>
        {
            body.UInt64((ulong)first.Value);
            body.UInt64((ulong)previousTerm.Value);
        });

    /// <summary>Reads a segment's header. False: the bytes are no whole header.</summary>
    /// <exception cref="UnusableDataException">It was written by a newer program.</exception>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, string file, [NotNullWhen(true)] out SegmentHeader? header)
    {
        header = null;
        if (FileHeader.VersionOf(bytes, Magic) is not { } version) return false;
        if (version > Version) throw UnusableDataException.Newer(file, version, Version);
        try
        {
            header = version switch
            {
                1 => ReadHeader1(bytes),
                2 => ReadHeader2(bytes),
                _ => null,
            };
            return header?.First.Value > 0;
        }
        catch (WireFormatException)
        {
            return false;
        }
    }

    private static SegmentHeader? ReadHeader2(ReadOnlySpan<byte> bytes)
    {
        if (!FileHeader.TryRead(bytes, out var body)) return null;
        var from = new WireReader(body);
        var (owner, seal) = (new DataOwner(from.Text(), new(from.Text())), SealMark.Read(ref from));
        var header = new SegmentHeader(2, owner, new((long)from.UInt64()), FileHeader.Bytes) { PreviousTerm = new((long)from.UInt64()), Seal = seal };
        from.End();
        return header;
    }

    private static SegmentHeader? ReadHeader1(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderFixedBytes) return null;
        var bodyLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (bodyLength > 4096 || bytes.Length < HeaderFixedBytes + (int)bodyLength + 4) return null;
        var end = HeaderFixedBytes + (int)bodyLength;
        if (Crc32C.Of(bytes[..end]) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[end..])) return null;
        var from = new WireReader(bytes[HeaderFixedBytes..end]);
        var header = new SegmentHeader(1, new(from.Text(), new(from.Text())), new((long)from.UInt64()), end + 4);
        from.End();
        return header;
    }

    private static bool TryFirst(string name, out LogIndex first)
    {
        first = default;
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !name.EndsWith(Suffix, StringComparison.Ordinal)) return false;
        if (!long.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        first = new(number);
        return true;
    }
}

/// <summary>What a segment says of itself.</summary>
/// <param name="Bytes">Where the first record begins.</param>
internal sealed record SegmentHeader(uint Version, DataOwner Owner, LogIndex First, int Bytes)
{
    /// <summary>The term of the entry before the first; null in version 1, which did not say.</summary>
    public Term? PreviousTerm { get; init; }

    /// <summary>Null in version 1.</summary>
    public SealMark? Seal { get; init; }
}
