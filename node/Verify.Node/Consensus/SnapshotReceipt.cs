using System.Buffers.Binary;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>A snapshot that comes in pieces. The pieces are cut into the blocks that they carry; each block is checked and goes to disk as
/// in a snapshot of this node's own, sealed with its own key.</summary>
internal sealed class SnapshotReceipt(SnapshotWriter writer, SnapshotMark mark, SnapshotId? id) : IDisposable
{
    private byte[] _pending = [];
    private int _count;

    public SnapshotMark Mark { get; } = mark;

    /// <summary>What comes; null until the first piece, when the file was found at the start of the node.</summary>
    public SnapshotId? Id { get; private set; } = id;
    public SnapshotWriter Writer { get; } = writer;
    public long Received => Writer.StreamBytes + _count;

    /// <summary>Whether a piece of this snapshot goes on here.</summary>
    public bool Takes(Message.SnapshotChunk chunk)
    {
        if (Id is null && Mark.Last == chunk.Id.Last && Mark.Membership.Equals(chunk.Membership) && Received <= chunk.Id.Bytes) Id = chunk.Id;
        return Id == chunk.Id;
    }

    /// <summary>Takes the bytes that follow <see cref="Received"/>. False: they cannot be right.</summary>
    /// <exception cref="DiskFullException">Call again, with the same bytes or without.</exception>
    /// <exception cref="UnusableDataException">A newer program wrote the snapshot.</exception>
    public async ValueTask<bool> AddAsync(ReadOnlyMemory<byte> bytes)
    {
        if (Writer.HasBacklog) await Writer.FlushAsync();
        if (Received + bytes.Length > Id!.Value.Bytes) return false;
        if (_pending.Length < _count + bytes.Length) Array.Resize(ref _pending, Math.Max(_count + bytes.Length, _pending.Length * 2));
        bytes.CopyTo(_pending.AsMemory(_count));
        _count += bytes.Length;
        var taken = 0;
        DiskFullException? full = null;
        while (_count - taken >= SnapshotCodec.FrameHeadBytes && full is null)
        {
            var frame = _pending.AsMemory(taken, _count - taken);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(frame.Span);
            if (length is < 2 or > StateImage.BlockBytesMax) return false;
            if (frame.Length < SnapshotCodec.FrameHeadBytes + length) break;
            var block = frame.Slice(SnapshotCodec.FrameHeadBytes, (int)length);
            if (!IsRight(frame.Span, block.Span)) return false;
            taken += SnapshotCodec.FrameHeadBytes + (int)length;
            try
            {
                await Writer.AddAsync(block);
            }
            catch (DiskFullException none)
            {
                full = none; // The block waits in the writer; what follows it must not be lost.
            }
        }

        _pending.AsSpan(taken, _count - taken).CopyTo(_pending);
        _count -= taken;
        return full is null ? true : throw full;
    }

    /// <summary>Everything is here, and it is what the leader said that it sends.</summary>
    public bool IsWhole => _count == 0 && Id is { } id && Writer.StreamBytes == id.Bytes && Writer.StreamCrc == id.Crc;

    public void Dispose() => Writer.Dispose();

    private static bool IsRight(ReadOnlySpan<byte> head, ReadOnlySpan<byte> block)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) != SnapshotCodec.FrameCrc(head, block)) return false;
        if (!StateReader.Knows(block[0], block[1]))
            throw new UnusableDataException($"The leader sends a snapshot with part {block[0]} of the state in version {block[1]}, which this program does not know: upgrade this node.");
        return true;
    }
}
