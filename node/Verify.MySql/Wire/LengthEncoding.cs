using System.Buffers.Binary;
using System.Text;

namespace Verify.MySql.Wire;

/// <summary>Reads the parts of one packet from left to right: fixed little-endian integers, length-encoded integers and
/// texts (MySQL "Basic Data Types"). Whatever the bytes are, it either gives a value or throws
/// <see cref="MySqlProtocolException"/> with the packet's name and the offset.</summary>
internal ref struct PacketCursor(ReadOnlySpan<byte> packet, string what)
{
    private readonly ReadOnlySpan<byte> _packet = packet;
    private readonly string _what = what;

    public int Offset { get; private set; }

    public readonly int Left => _packet.Length - Offset;

    public byte Byte() => Take(1, "a byte")[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2, "a 2-byte integer"));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, "a 4-byte integer"));

    /// <summary>The next byte without taking it; -1 at the end.</summary>
    public readonly int Peek() => Left > 0 ? _packet[Offset] : -1;

    public ReadOnlySpan<byte> Bytes(int count) => Take(count, "bytes");

    public ReadOnlySpan<byte> Rest() => Take(Left, "the rest");

    /// <summary>Bytes up to a zero byte, which is taken too.</summary>
    public ReadOnlySpan<byte> ZeroEnded()
    {
        var length = _packet[Offset..].IndexOf((byte)0);
        if (length < 0) throw Broken("a text without its closing zero byte");
        var bytes = Take(length, "a text");
        Offset++;
        return bytes;
    }

    /// <summary>Like <see cref="ZeroEnded"/>, but the packet's end will do: several servers leave the last zero out.</summary>
    public ReadOnlySpan<byte> ZeroEndedOrRest() =>
        _packet[Offset..].Contains((byte)0) ? ZeroEnded() : Rest();

    public ulong LengthEncoded()
    {
        var first = Byte();
        switch (first)
        {
            case < 0xFB: return first;
            case 0xFC: return UInt16();
            case 0xFD:
                var three = Take(3, "a 3-byte integer");
                return (uint)(three[0] | (three[1] << 8) | (three[2] << 16));
            case 0xFE: return BinaryPrimitives.ReadUInt64LittleEndian(Take(8, "an 8-byte integer"));
            default:
                Offset--;
                throw Broken($"0x{first:x2}, which begins no length");
        }
    }

    public ReadOnlySpan<byte> LengthEncodedBytes()
    {
        var at = Offset;
        var length = LengthEncoded();
        if (length <= (ulong)Left) return Take((int)length, "a text");
        Offset = at;
        throw Broken($"a text of {length} bytes");
    }

    public string LengthEncodedText() => Encoding.UTF8.GetString(LengthEncodedBytes());

    /// <summary>The value of a column in a text row; null for SQL NULL.</summary>
    public string? NullableText()
    {
        if (Peek() != Header.LocalInfile) return LengthEncodedText();
        Offset++;
        return null;
    }

    public readonly MySqlProtocolException Broken(string found) =>
        new($"{_what}: found {found} at offset {Offset} of {_packet.Length}");

    private ReadOnlySpan<byte> Take(int count, string wanted)
    {
        if (count > Left) throw Broken($"{Left} bytes where {wanted} ({count} bytes) should be");
        var bytes = _packet.Slice(Offset, count);
        Offset += count;
        return bytes;
    }
}
