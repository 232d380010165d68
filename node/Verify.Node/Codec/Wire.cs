using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Verify.Node.Codec;

/// <summary>Writes the node's own binary format: little-endian fixed numbers, LEB128 varints, length-prefixed bytes.
/// Disk and wire share it.</summary>
public sealed class WireWriter(int capacity = 256)
{
    private readonly ArrayBufferWriter<byte> _out = new(capacity);

    public ReadOnlyMemory<byte> Written => _out.WrittenMemory;
    public int Length => _out.WrittenCount;
    public void Clear() => _out.ResetWrittenCount();

    public void Byte(byte value)
    {
        _out.GetSpan(1)[0] = value;
        _out.Advance(1);
    }

    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_out.GetSpan(4), value);
        _out.Advance(4);
    }

    public void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_out.GetSpan(8), value);
        _out.Advance(8);
    }

    /// <summary>A whole number that is never negative, in 1 to 9 bytes.</summary>
    public void Number(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        var rest = (ulong)value;
        while (rest >= 0x80)
        {
            Byte((byte)(rest | 0x80));
            rest >>= 7;
        }

        Byte((byte)rest);
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number(bytes.Length);
        Raw(bytes);
    }

    public void Raw(ReadOnlySpan<byte> bytes) => _out.Write(bytes);

    /// <summary>Takes so many bytes into what is written; the caller fills them before it writes anything else.</summary>
    public Span<byte> Room(int count)
    {
        var room = _out.GetSpan(Math.Max(count, 1))[..count];
        _out.Advance(count);
        return room;
    }

    public void Text(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Number(length);
        _out.Advance(Encoding.UTF8.GetBytes(text, _out.GetSpan(Math.Max(length, 1))));
    }

    /// <summary>A number that may be missing.</summary>
    public void NumberOrNull(long? number)
    {
        Bool(number is not null);
        if (number is { } value) Number(value);
    }

    /// <summary>A text that may be missing.</summary>
    public void TextOrNull(string? text)
    {
        Bool(text is not null);
        if (text is not null) Text(text);
    }
}

/// <summary>Reads what <see cref="WireWriter"/> wrote. Every length is checked before memory is taken.</summary>
public ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }
    public readonly int Left => _bytes.Length - Position;

    public byte Byte() => Take(1)[0];
    public bool Bool() => Byte() switch { 0 => false, 1 => true, var b => throw Malformed($"{b} is no truth value") };
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public long Number()
    {
        var value = 0UL;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var b = Byte();
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return (long)value;
        }

        throw Malformed("a number longer than 9 bytes");
    }

    /// <summary>A count of things that each take at least one byte.</summary>
    public int Count()
    {
        var count = Number();
        if (count > Left) throw Malformed($"a count of {count} with {Left} bytes left");
        return (int)count;
    }

    public ReadOnlySpan<byte> Bytes() => Take(Count());

    /// <summary>So many bytes, without a length before them.</summary>
    public ReadOnlySpan<byte> Raw(int count) => Take(count);
    public string Text() => Encoding.UTF8.GetString(Bytes());
    public long? NumberOrNull() => Bool() ? Number() : null;
    public string? TextOrNull() => Bool() ? Text() : null;

    /// <summary>Call at the end of a record.</summary>
    public readonly void End()
    {
        if (Left != 0) throw Malformed($"{Left} bytes too many");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left) throw Malformed($"{count} bytes wanted, {Left} left");
        var taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    /// <summary>The complaint about what was read last, with its place.</summary>
    public readonly WireFormatException Malformed(string what) => new(what, Position);
}

/// <summary>The bytes are not what the format says.</summary>
public sealed class WireFormatException(string what, int position) : Exception($"byte {position}: {what}")
{
    public int Position { get; } = position;
}

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4); check value of "123456789" is e3069283.</summary>
public static class Crc32C
{
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Continue(0xFFFFFFFFU, bytes);

    /// <summary>The checksum of bytes that lie in several places: Start, Continue, and in the end the complement (~).</summary>
    public static uint Start(ReadOnlySpan<byte> bytes) => Continue(0xFFFFFFFFU, bytes);

    public static uint Continue(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}

/// <summary>FNV-1a, 64 bits (draft-eastlake-fnv): names bytes in events and state hashes. Not a checksum against damage.</summary>
public static class Fnv1A
{
    public const ulong Seed = 0xCBF29CE484222325UL;

    public static ulong Of(ReadOnlySpan<byte> bytes, ulong hash = Seed)
    {
        foreach (var b in bytes) hash = (hash ^ b) * 0x100000001B3UL;
        return hash;
    }
}
