using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The bytes of a snapshot file and of the stream in which its content travels, version 1. Little-endian.
/// <code>
/// file    = header block(mark) block(content)* block(end)
/// header  = FileHeader, magic "VRFYSNAP"; own fields: lastTerm lastIndex
/// block   = head body
/// head    = length:u32 number:u32 kind:u8 draw:u64 bodyCrc:u32 headCrc:u32      headCrc covers salt and the fields before it
/// body    = plain, or ciphertext and tag: nonce = number draw, associated data = length number kind; bodyCrc covers salt and body
/// mark    = the membership at the snapshot's last entry (MembershipCodec)
/// end     = bytes crc:u32 of the content stream
/// stream  = frame*
/// frame   = length:u32 crc:u32 block of StateImage; crc covers length and block
/// </code></summary>
internal static class SnapshotCodec
{
    public const uint Version = 1;
    public const int HeadBytes = 25;
    public const int FrameHeadBytes = 8;
    public const byte MarkBlock = 1;
    public const byte ContentBlock = 2;
    public const byte EndBlock = 3;

    /// <summary>A snapshot that this node makes, until it is whole.</summary>
    public const string PartName = "snapshot.part";

    /// <summary>A snapshot that comes from the leader, until it is whole.</summary>
    public const string ReceivedPartName = "received.part";
    private const string Prefix = "snap-";
    private const string Suffix = ".snap";
    private const string ArrivedSuffix = ".arrived";

    public static ReadOnlySpan<byte> Magic => "VRFYSNAP"u8;

    /// <summary>Names sort as the snapshots' places in the log do.</summary>
    public static string NameOf(EntryId last) => $"{Prefix}{last.Index.Value:D20}-{last.Term.Value:D20}{Suffix}";

    /// <summary>The name of one that has come whole and is not yet this node's state.</summary>
    public static string ArrivedNameOf(EntryId last) => $"{Prefix}{last.Index.Value:D20}-{last.Term.Value:D20}{ArrivedSuffix}";

    public static bool IsSnapshotName(string name) => TryLast(name, Suffix, out _);
    public static bool IsArrivedName(string name) => TryLast(name, ArrivedSuffix, out _);
    public static EntryId LastOf(string name) => TryLast(name, Suffix, out var last) ? last : throw new ArgumentException($"{name} is no snapshot", nameof(name));

    /// <summary>What the file's key is made for, besides its owner.</summary>
    public static string Purpose(EntryId last) => $"snapshot {last}";

    public static byte[] Header(DataOwner owner, SealMark seal, EntryId last) => FileHeader.Write(Magic, Version, owner, seal, body =>
    {
        body.Number(last.Term.Value);
        body.Number(last.Index.Value);
    });

    /// <summary>False: damaged, or not whole.</summary>
    /// <exception cref="UnusableDataException">A newer program wrote it.</exception>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, string file, [NotNullWhen(true)] out SnapshotHeader? header)
    {
        header = null;
        if (!FileHeader.TryRead(bytes, out var body) || FileHeader.VersionOf(bytes, Magic) is not { } version) return false;
        if (version > Version) throw UnusableDataException.Newer(file, version, Version);
        if (version == 0) return false;
        try
        {
            var from = new WireReader(body);
            header = new(new(from.Text(), new(from.Text())), SealMark.Read(ref from), new(new(from.Number()), new(from.Number())));
            from.End();
            return true;
        }
        catch (WireFormatException)
        {
            header = null;
            return false;
        }
    }

    public static void WriteBlock(WireWriter to, FileSeal seal, uint number, byte kind, ulong draw, ReadOnlySpan<byte> plain)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)(plain.Length + seal.ExtraBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], number);
        head[8] = kind;
        BinaryPrimitives.WriteUInt64LittleEndian(head[9..], draw);
        var body = new WireWriter(plain.Length + FileSeal.TagBytes);
        seal.Seal(body, plain, Nonce(head, stackalloc byte[FileSeal.NonceBytes]), head[..9]);
        BinaryPrimitives.WriteUInt32LittleEndian(head[17..], BodyCrc(seal.Mark, body.Written.Span));
        BinaryPrimitives.WriteUInt32LittleEndian(head[21..], HeadCrc(seal.Mark, head));
        to.Raw(head);
        to.Raw(body.Written.Span);
    }

    /// <summary>Null: these are not the undamaged bytes of a head.</summary>
    public static BlockHead? TryReadHead(ReadOnlySpan<byte> head, SealMark seal)
    {
        if (head.Length < HeadBytes || BinaryPrimitives.ReadUInt32LittleEndian(head[21..]) != HeadCrc(seal, head)) return null;
        return new(BinaryPrimitives.ReadUInt32LittleEndian(head), BinaryPrimitives.ReadUInt32LittleEndian(head[4..]), head[8]);
    }

    /// <summary>Whether the body fits its checksum.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, SealMark seal) =>
        BinaryPrimitives.ReadUInt32LittleEndian(head[17..]) == BodyCrc(seal, body);

    public static bool TryOpen(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, FileSeal seal, Span<byte> plain) =>
        seal.TryOpen(body, plain, Nonce(head, stackalloc byte[FileSeal.NonceBytes]), head[..9]);

    public static void WriteFrame(WireWriter to, ReadOnlySpan<byte> block)
    {
        Span<byte> head = stackalloc byte[FrameHeadBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)block.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], FrameCrc(head, block));
        to.Raw(head);
        to.Raw(block);
    }

    public static uint FrameCrc(ReadOnlySpan<byte> head, ReadOnlySpan<byte> block) => ~Crc32C.Continue(Crc32C.Start(head[..4]), block);

    private static uint HeadCrc(SealMark seal, ReadOnlySpan<byte> head) => ~Crc32C.Continue(Crc32C.Start(seal.Salt.Span), head[..21]);
    private static uint BodyCrc(SealMark seal, ReadOnlySpan<byte> body) => ~Crc32C.Continue(Crc32C.Start(seal.Salt.Span), body);

    private static ReadOnlySpan<byte> Nonce(ReadOnlySpan<byte> head, Span<byte> nonce)
    {
        head.Slice(4, 4).CopyTo(nonce);
        head.Slice(9, 8).CopyTo(nonce[4..]);
        return nonce;
    }

    private static bool TryLast(string name, string suffix, out EntryId last)
    {
        last = default;
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !name.EndsWith(suffix, StringComparison.Ordinal)) return false;
        var parts = name[Prefix.Length..^suffix.Length].Split('-');
        if (parts.Length != 2 || !TryNumber(parts[0], out var index) || !TryNumber(parts[1], out var term)) return false;
        last = new(new(term), new(index));
        return true;
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

/// <summary>What a snapshot file says of itself.</summary>
internal sealed record SnapshotHeader(DataOwner Owner, SealMark Seal, EntryId Last);

/// <summary>What stands before a block's body.</summary>
internal readonly record struct BlockHead(uint Length, uint Number, byte Kind);
