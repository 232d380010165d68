using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The first sector of a file of the data directory: what it is, in which version, whose, and how it is sealed. Always the same
/// length, so that a file that a crash cut short in its header is known to hold nothing else. Little-endian.
/// <code>
/// header = magic:8 version:u32 bodyLength:u32 body zeros crc:u32      1024 bytes; crc covers all bytes before it
/// body   = clusterId:text nodeId:text seal own
/// seal   = keyId:text salt:32 check:8
/// </code></summary>
internal static class FileHeader
{
    public const int Bytes = 1024;
    private const int FixedBytes = 16;
    private const int CrcAt = Bytes - 4;

    /// <param name="own">The fields that this kind of file has besides.</param>
    public static byte[] Write(ReadOnlySpan<byte> magic, uint version, DataOwner owner, SealMark seal, Action<WireWriter> own)
    {
        var body = new WireWriter();
        body.Text(owner.ClusterId);
        body.Text(owner.Node.Name);
        seal.Write(body);
        own(body);
        Invariant.Holds(body.Length <= CrcAt - FixedBytes, "the names of cluster, node and key fit into a file header (900 bytes together)");
        var header = new byte[Bytes];
        magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), version);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)body.Length);
        body.Written.Span.CopyTo(header.AsSpan(FixedBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(CrcAt), Crc32C.Of(header.AsSpan(0, CrcAt)));
        return header;
    }

    /// <summary>The version that a file says it has; null when it does not begin with the magic word.</summary>
    public static uint? VersionOf(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> magic) =>
        bytes.Length >= 12 && bytes[..8].SequenceEqual(magic) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) : null;

    /// <summary>The body, owner and seal behind us. False: the header is damaged or not whole.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (bytes.Length < Bytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes[CrcAt..]) != Crc32C.Of(bytes[..CrcAt])) return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (length > CrcAt - FixedBytes) return false;
        body = bytes.Slice(FixedBytes, (int)length);
        return true;
    }
}
