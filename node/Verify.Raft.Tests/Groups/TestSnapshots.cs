using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Verify.Raft.Tests.Groups;

/// <summary>The snapshots on a node's disk: the ids of everything that was applied, eight bytes for each entry's term, so that a
/// restored state can be held against what was committed.</summary>
internal sealed class TestSnapshots
{
    /// <summary>Three entries in a piece.</summary>
    public const int PieceBytes = 24;

    private readonly Dictionary<EntryId, (SnapshotMark Mark, ImmutableArray<EntryId> State)> _whole = [];
    private readonly List<byte> _partial = [];
    private SnapshotId? _partialOf;

    public SnapshotMark? Newest { get; private set; }

    public ImmutableArray<EntryId> StateOf(SnapshotMark mark) => _whole[mark.Last].State;

    public void Keep(SnapshotMark mark, ImmutableArray<EntryId> state)
    {
        _whole[mark.Last] = (mark, state);
        if (Newest is null || mark.Last.Index > Newest.Last.Index) Newest = mark;
    }

    public void Install(SnapshotMark mark) => Newest = mark;

    /// <summary>Null when the piece belongs to another snapshot than the newest.</summary>
    public Message.SnapshotChunk? Read(SnapshotSend send)
    {
        if (Newest is null || Newest.Last != send.Snapshot) return null;
        var bytes = Encode(StateOf(Newest));
        var from = (int)Math.Min(send.Offset, bytes.Length);
        var piece = bytes.AsMemory(from, Math.Min(PieceBytes, bytes.Length - from));
        return new Message.SnapshotChunk(new SnapshotId(Newest.Last, bytes.Length, Crc(bytes)), Newest.Membership, from, piece, ReadRound: 0);
    }

    /// <summary>True when the snapshot is whole and right.</summary>
    public bool Store(Message.SnapshotChunk chunk, out long received)
    {
        if (_partialOf != chunk.Id)
        {
            _partialOf = chunk.Id;
            _partial.Clear();
        }
        if (chunk.Offset == _partial.Count) _partial.AddRange(chunk.Bytes.Span);
        received = _partial.Count;
        if (received < chunk.Id.Bytes) return false;
        byte[] bytes = [.. _partial];
        Assert.That(Crc(bytes), Is.EqualTo(chunk.Id.Crc), "the pieces fit together");
        _whole[chunk.Id.Last] = (new SnapshotMark(chunk.Id.Last, chunk.Membership), Decode(bytes));
        return true;
    }

    private static byte[] Encode(ImmutableArray<EntryId> state)
    {
        var bytes = new byte[state.Length * 8];
        for (var i = 0; i < state.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * 8), state[i].Term.Value);
        return bytes;
    }

    private static ImmutableArray<EntryId> Decode(byte[] bytes) =>
        [.. Enumerable.Range(0, bytes.Length / 8).Select(i =>
            new EntryId(new Term(BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * 8))), new LogIndex(i + 1)))];

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = 0u;
        foreach (var b in bytes) crc = System.Numerics.BitOperations.Crc32C(crc, b);
        return crc;
    }
}
