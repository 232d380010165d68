using System.Buffers.Binary;
using System.Numerics;

namespace Verify.Sim.Tracing;

/// <summary>One number for "the same": rolls over all that happened, in order.</summary>
public struct TraceHash
{
    private ulong _value;

    public readonly ulong Value => _value;

    public void Add(ulong word)
    {
        var mixed = (_value ^ word) * 0x9E3779B97F4A7C15UL;
        _value = mixed ^ (mixed >> 29);
    }

    /// <summary>CRC32C of the bytes; the processor does eight at a time.</summary>
    public static uint OfBytes(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFF_FFFFu;
        for (; bytes.Length >= 8; bytes = bytes[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
