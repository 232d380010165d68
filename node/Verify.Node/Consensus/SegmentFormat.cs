using System.Buffers.Binary;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>The records of one log segment, in the version of its header. All numbers are little-endian.
/// <code>
/// record (2) = length:u32 headCrc:u32 bodyCrc:u32 term:u64 index:u64 kind:u8 body
///              headCrc covers salt, length, bodyCrc, term, index, kind; bodyCrc covers salt and body
///              body = payload; in a sealed segment ciphertext and tag (FileSeal): nonce = index and the low half of the term,
///              associated data = length term index kind
/// record (1) = length:u32 crc:u32 term:u64 index:u64 kind:u8 payload        crc covers length, term, index, kind, payload
/// </code>
/// A head has a checksum of its own, so that a write that a crash cut short can be told from rot: with a good head it is known how long
/// the record should be. The salt is not known to clients, so nothing that one of them wrote can be taken for a record.</summary>
internal sealed class SegmentFormat : IDisposable
{
    private const int HeadBytes1 = 25;
    private const int HeadBytes2 = 29;
    private readonly FileSeal? _seal;
    private readonly uint _saltCrc;

    private SegmentFormat(uint version, FileSeal? seal)
    {
        (Version, _seal) = (version, seal);
        if (seal is not null) _saltCrc = Crc32C.Start(seal.Mark.Salt.Span);
    }

    public uint Version { get; }

    /// <summary>Empty: in the clear.</summary>
    public string KeyId => _seal?.Mark.KeyId ?? "";
    public int HeadBytes => Version == 1 ? HeadBytes1 : HeadBytes2;

    /// <summary>For a new segment; with its header.</summary>
    public static (SegmentFormat Format, byte[] Header) New(DataKey? key, DataOwner owner, LogIndex first, Term previousTerm, Dice dice)
    {
        var seal = FileSeal.New(key, owner, LogCodec.Purpose(first), dice);
        return (new(LogCodec.Version, seal), LogCodec.Header(owner, seal.Mark, first, previousTerm));
    }

    /// <exception cref="UnusableDataException">The key that it is sealed with is not there, or is another one.</exception>
    public static SegmentFormat Of(SegmentHeader header, DataKeys keys, string file) => header.Seal is { } mark
        ? new(header.Version, FileSeal.Of(mark, keys, header.Owner, LogCodec.Purpose(header.First), file))
        : new(header.Version, null);

    public int RecordBytes(Entry entry) => HeadBytes + entry.Payload.Length + (_seal?.ExtraBytes ?? 0);

    public void Write(WireWriter to, Entry entry)
    {
        Invariant.Holds(Version == LogCodec.Version, "records are written in the newest version alone");
        Span<byte> head = stackalloc byte[HeadBytes2];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)(entry.Payload.Length + _seal!.ExtraBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(head[12..], (ulong)entry.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[20..], (ulong)entry.Index.Value);
        head[28] = (byte)entry.Kind;
        var body = entry.Payload.Span;
        if (_seal.IsSealed)
        {
            var sealed_ = new WireWriter(entry.Payload.Length + FileSeal.TagBytes);
            _seal.Seal(sealed_, body, Nonce(entry.Id, stackalloc byte[FileSeal.NonceBytes]), Associated(head, stackalloc byte[AssociatedBytes]));
            body = sealed_.Written.Span;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], ~Crc32C.Continue(_saltCrc, body));
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], HeadCrc(head));
        to.Raw(head);
        to.Raw(body);
    }

    /// <summary>The head at the start of the bytes, by its own checksum; of version 1, which had none for it, what looks like one.
    /// Null: none begins here.</summary>
    public RecordHead? TryReadHead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadBytes) return null;
        var fields = bytes[(Version == 1 ? 8 : 12)..];
        var head = new RecordHead(
            new(new((long)BinaryPrimitives.ReadUInt64LittleEndian(fields)), new((long)BinaryPrimitives.ReadUInt64LittleEndian(fields[8..]))),
            (EntryKind)fields[16], HeadBytes + (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        if (head.Id.Term <= Term.Zero || head.Id.Index <= LogIndex.Zero || !IsLegal(head.Kind)) return null;
        return Version > 1 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) != HeadCrc(bytes) ? null : head;
    }

    /// <summary>Whether the whole record behind this head is there and undamaged.</summary>
    public bool IsWhole(ReadOnlySpan<byte> bytes, RecordHead head)
    {
        if (head.Bytes > bytes.Length || head.Bytes < HeadBytes + (_seal?.ExtraBytes ?? 0)) return false;
        var body = bytes[HeadBytes..(int)head.Bytes];
        var isRight = Version == 1
            ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == ~Crc32C.Continue(Crc32C.Continue(Crc32C.Start(bytes[..4]), bytes[8..HeadBytes1]), body)
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == ~Crc32C.Continue(_saltCrc, body);
#if VERIFY_MUTANTS
        if (Mutant.Is("M24", deviates: !isRight)) isRight = true;
#endif
        return isRight;
    }

    /// <summary>The entry of a record that is whole.</summary>
    /// <exception cref="UnusableDataException">Its seal is not this node's.</exception>
    public Entry Open(ReadOnlySpan<byte> bytes, RecordHead head, string file, long offset)
    {
        var body = bytes[HeadBytes..(int)head.Bytes];
        if (_seal is not { IsSealed: true }) return new(head.Id, head.Kind, body.ToArray());
        var payload = new byte[body.Length - FileSeal.TagBytes];
        if (!_seal.TryOpen(body, payload, Nonce(head.Id, stackalloc byte[FileSeal.NonceBytes]), Associated(bytes, stackalloc byte[AssociatedBytes])))
            throw UnusableDataException.NotAuthentic(file, offset);
        return new(head.Id, head.Kind, payload);
    }

    public void Dispose() => _seal?.Dispose();

    private const int AssociatedBytes = 21;

    private bool IsLegal(EntryKind kind) =>
        kind is EntryKind.Command or EntryKind.Barrier || (kind == EntryKind.Membership && Version > 1);

    private uint HeadCrc(ReadOnlySpan<byte> head)
    {
        var crc = Crc32C.Continue(_saltCrc, head[..4]);
        return ~Crc32C.Continue(crc, head[8..HeadBytes2]);
    }

    private static ReadOnlySpan<byte> Nonce(EntryId id, Span<byte> nonce)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, (ulong)id.Index.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(nonce[8..], (uint)id.Term.Value);
        return nonce;
    }

    private static ReadOnlySpan<byte> Associated(ReadOnlySpan<byte> head, Span<byte> associated)
    {
        head[..4].CopyTo(associated);
        head[12..HeadBytes2].CopyTo(associated[4..]);
        return associated;
    }
}

/// <summary>What stands before a record's body.</summary>
/// <param name="Bytes">Of the whole record.</param>
internal readonly record struct RecordHead(EntryId Id, EntryKind Kind, long Bytes);
