using System.Collections.Immutable;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Reads a snapshot file block by block and believes nothing: each block's checksum, its number, its seal, and at the end the
/// length and checksum of the whole.</summary>
internal sealed class SnapshotReader : IDisposable
{
    private readonly string _name;
    private readonly IDiskFile _file;
    private readonly ImmutableArray<SnapshotBlockPlace>.Builder _places = ImmutableArray.CreateBuilder<SnapshotBlockPlace>();
    private readonly byte[] _head = new byte[SnapshotCodec.HeadBytes];
    private byte[] _stored = [];
    private byte[] _plain = [];
    private uint _crc = 0xFFFFFFFFU;

    private SnapshotReader(string name, IDiskFile file, SnapshotHeader header, FileSeal seal) =>
        (_name, _file, Header, Seal, Position) = (name, file, header, seal, FileHeader.Bytes);

    public SnapshotHeader Header { get; }
    public FileSeal Seal { get; }
    public Membership Membership { get; private set; } = Membership.None;

    /// <summary>Where the next block begins in the file.</summary>
    public long Position { get; private set; }
    public uint NextNumber { get; private set; }
    public long StreamBytes { get; private set; }
    public uint StreamCrc => ~_crc;

    /// <summary>The end block was there and everything before it fits.</summary>
    public bool IsWhole { get; private set; }
    public ImmutableArray<SnapshotBlockPlace> Places => _places.ToImmutable();

    /// <summary>Reads header and mark.</summary>
    /// <exception cref="DamagedSnapshotException"/>
    /// <exception cref="UnusableDataException">Another node's, a newer program's, or sealed with a key that is not there.</exception>
    public static async ValueTask<SnapshotReader> OpenAsync(IDiskFile file, string name, DataOwner owner, DataKeys keys)
    {
        var bytes = new byte[(int)Math.Min(FileHeader.Bytes, file.Length)];
        await FillAsync(file, name, bytes, 0);
        if (!SnapshotCodec.TryReadHeader(bytes, name, out var header)) throw new DamagedSnapshotException(name, 0, "the header is damaged");
        if (header.Owner != owner) throw UnusableDataException.Foreign(name, header.Owner, owner);
        var seal = FileSeal.Of(header.Seal, keys, owner, SnapshotCodec.Purpose(header.Last), name);
        var reader = new SnapshotReader(name, file, header, seal);
        var (kind, membership) = await reader.NextBlockAsync();
        if (kind != SnapshotCodec.MarkBlock || MembershipCodec.TryDecode(membership.Span) is not { } decoded)
            throw new DamagedSnapshotException(name, FileHeader.Bytes, "the membership cannot be read");
        reader.Membership = decoded;
        return reader;
    }

    /// <summary>The next block of content, valid until the next call; null after the last, when the whole is right.</summary>
    /// <exception cref="DamagedSnapshotException"/>
    /// <exception cref="UnusableDataException"/>
    public async ValueTask<ReadOnlyMemory<byte>?> NextAsync()
    {
        if (IsWhole) return null;
        var at = Position;
        var (kind, plain) = await NextBlockAsync();
        switch (kind)
        {
            case SnapshotCodec.ContentBlock:
                _places.Add(new(at, StreamBytes));
                StreamBytes += SnapshotCodec.FrameHeadBytes + plain.Length;
                _crc = CrcWithFrame(_crc, plain.Span);
                return plain;
            case SnapshotCodec.EndBlock when IsEnd(plain.Span) && Position == _file.Length:
                IsWhole = true;
                return null;
            default:
                throw new DamagedSnapshotException(_name, at, "what was read does not fit the end of the snapshot");
        }
    }

    /// <summary>Reads all blocks from here on, for a file that may end anywhere: up to the last block that is whole.</summary>
    public async ValueTask ReadWhatIsWholeAsync()
    {
        try
        {
            while (await NextAsync() is not null) { }
        }
        catch (DamagedSnapshotException cut)
        {
            Position = cut.Offset;
        }
    }

    /// <summary>One block somewhere in the file, for a reader that knows its place.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAtAsync(long position)
    {
        Position = position;
        await FillAsync(_file, _name, _head, position);
        if (SnapshotCodec.TryReadHead(_head, Seal.Mark) is not { } head) throw new DamagedSnapshotException(_name, position, "a block's head is damaged");
        NextNumber = head.Number;
        return (await NextBlockAsync()).Plain;
    }

    public void Dispose() => Seal.Dispose();

    private async ValueTask<(byte Kind, ReadOnlyMemory<byte> Plain)> NextBlockAsync()
    {
        var at = Position;
        if (_file.Length - at < _head.Length) throw new DamagedSnapshotException(_name, at, "the file ends here, in the middle of the snapshot");
        await FillAsync(_file, _name, _head, at);
        if (SnapshotCodec.TryReadHead(_head, Seal.Mark) is not { } head || head.Number != NextNumber)
            throw new DamagedSnapshotException(_name, at, "a block's head is damaged");
        if (head.Length > StateImage.BlockBytesMax + FileSeal.TagBytes || head.Length < Seal.ExtraBytes || head.Length > _file.Length - at - _head.Length)
            throw new DamagedSnapshotException(_name, at, $"a block of {head.Length} bytes goes beyond the end");
        if (_stored.Length < head.Length) (_stored, _plain) = (new byte[head.Length], new byte[head.Length]);
        var stored = _stored.AsMemory(0, (int)head.Length);
        await FillAsync(_file, _name, stored, at + _head.Length);
        if (!SnapshotCodec.IsWhole(_head, stored.Span, Seal.Mark)) throw new DamagedSnapshotException(_name, at, "a block is damaged");
        var plain = _plain.AsMemory(0, (int)head.Length - Seal.ExtraBytes);
        if (!SnapshotCodec.TryOpen(_head, stored.Span, Seal, plain.Span)) throw UnusableDataException.NotAuthentic(_name, at);
        Position = at + _head.Length + head.Length;
        NextNumber++;
        return (head.Kind, plain);
    }

    private bool IsEnd(ReadOnlySpan<byte> plain)
    {
        try
        {
            var from = new WireReader(plain);
            var isRight = from.Number() == StreamBytes && from.UInt32() == StreamCrc;
            from.End();
            return isRight;
        }
        catch (WireFormatException)
        {
            return false;
        }
    }

    private static uint CrcWithFrame(uint crc, ReadOnlySpan<byte> block)
    {
        Span<byte> head = stackalloc byte[SnapshotCodec.FrameHeadBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)block.Length);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(head[4..], SnapshotCodec.FrameCrc(head, block));
        return Crc32C.Continue(Crc32C.Continue(crc, head), block);
    }

    private static async ValueTask FillAsync(IDiskFile file, string name, Memory<byte> into, long offset)
    {
        var have = 0;
        while (have < into.Length)
        {
            var read = await file.ReadAsync(into[have..], offset + have);
            if (read == 0) throw new DamagedSnapshotException(name, offset + have, "the file ends here, in the middle of the snapshot");
            have += read;
        }
    }
}
