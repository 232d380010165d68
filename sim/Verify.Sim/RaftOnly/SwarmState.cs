using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>The replicated state of the swarm: one number that follows from everything that was applied, in order. Two states are equal
/// when their numbers are; a snapshot of it is a few pieces long.</summary>
internal sealed class SwarmState
{
    private const int HeadBytes = 24;
    private EventHash _hash = EventHash.Start();

    /// <summary>The last entry that was applied.</summary>
    public EntryId Last { get; private set; }
    public ulong Hash => _hash.Value;

    public void Apply(Entry entry)
    {
        Last = entry.Id;
        _hash.Add((int)entry.Kind, 0, entry.Term.Value);
        var payload = entry.Payload.Span;
        foreach (var word in MemoryMarshal.Cast<byte, long>(payload)) _hash.Add(word);
        foreach (var rest in payload[(payload.Length & ~7)..]) _hash.Add(rest);
    }

    /// <summary>The bytes of a snapshot; how many follows from the state, so that nodes agree on them.</summary>
    public byte[] Freeze()
    {
        var bytes = new byte[HeadBytes + (int)(Hash % 24)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Last.Term.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Last.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Hash);
        return bytes;
    }

    public static SwarmState Restore(ReadOnlySpan<byte> bytes) => new()
    {
        Last = new(new(BinaryPrimitives.ReadInt64LittleEndian(bytes)), new(BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]))),
        _hash = EventHash.From(BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..])),
    };
}

/// <summary>A snapshot that is durable, or on its way to be.</summary>
internal sealed record SwarmSnapshot(SnapshotMark Mark, byte[] Bytes)
{
    public EntryId Last => Mark.Last;
    public SnapshotId Id { get; } = new(Mark.Last, Bytes.Length, Crc(Bytes));

    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var hash = EventHash.Start();
        foreach (var b in bytes) hash.Add(b);
        return (uint)(hash.Value ^ (hash.Value >> 32));
    }
}
