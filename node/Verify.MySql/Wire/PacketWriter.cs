using System.Buffers.Binary;
using System.Text;

namespace Verify.MySql.Wire;

/// <summary>Builds packets one behind the other in one buffer, to be sent with a single write.</summary>
internal sealed class PacketWriter
{
    private byte[] _buffer = new byte[1024];
    private int _end;
    private int _packetStart = -1;

    /// <summary>The packets that are finished and not reset.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _end);

    public PacketWriter Begin(byte sequence)
    {
        if (_packetStart >= 0) throw new InvalidOperationException("the packet before is not ended");
        _packetStart = _end;
        Room(PacketReader.HeaderBytes);
        _buffer[_end + 3] = sequence;
        _end += PacketReader.HeaderBytes;
        return this;
    }

    /// <exception cref="MySqlProtocolException">The packet is longer than one packet may be; it is taken back.</exception>
    public PacketWriter End()
    {
        if (_packetStart < 0) throw new InvalidOperationException("no packet is begun");
        var start = _packetStart;
        var length = _end - start - PacketReader.HeaderBytes;
        _packetStart = -1;
        if (length > PacketReader.PayloadBytesMax)
        {
            _end = start;
            throw new MySqlProtocolException(
                $"a packet of {length} bytes was not sent; the limit is {PacketReader.PayloadBytesMax}: make the statement shorter");
        }

        _buffer[start] = (byte)length;
        _buffer[start + 1] = (byte)(length >> 8);
        _buffer[start + 2] = (byte)(length >> 16);
        return this;
    }

    public PacketWriter Byte(byte value)
    {
        Room(1);
        _buffer[_end++] = value;
        return this;
    }

    public PacketWriter UInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Room(2), value);
        _end += 2;
        return this;
    }

    public PacketWriter UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Room(4), value);
        _end += 4;
        return this;
    }

    public PacketWriter Zeros(int count)
    {
        Room(count)[..count].Clear();
        _end += count;
        return this;
    }

    public PacketWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _end += bytes.Length;
        return this;
    }

    public PacketWriter Text(string text)
    {
        var room = Room(Encoding.UTF8.GetMaxByteCount(text.Length));
        _end += Encoding.UTF8.GetBytes(text, room);
        return this;
    }

    public PacketWriter ZeroEnded(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal)) throw new ArgumentException("a zero byte cannot stand in this text", nameof(text));
        return Text(text).Byte(0);
    }

    public PacketWriter LengthEncoded(ulong value) => value switch
    {
        < 0xFB => Byte((byte)value),
        <= 0xFFFF => Byte(0xFC).UInt16((ushort)value),
        <= 0xFFFFFF => Byte(0xFD).UInt16((ushort)value).Byte((byte)(value >> 16)),
        _ => Byte(0xFE).UInt32((uint)value).UInt32((uint)(value >> 32)),
    };

    public PacketWriter LengthEncoded(ReadOnlySpan<byte> bytes) => LengthEncoded((ulong)bytes.Length).Bytes(bytes);

    public PacketWriter LengthEncoded(string text) => LengthEncoded((ulong)Encoding.UTF8.GetByteCount(text)).Text(text);

    /// <summary>Forgets all packets; the buffer stays.</summary>
    public void Reset()
    {
        _end = 0;
        _packetStart = -1;
    }

    /// <summary>Sends all finished packets with one write and forgets them.</summary>
    public async ValueTask SendAsync(Stream stream, CancellationToken cancel)
    {
        await stream.WriteAsync(Written, cancel);
        Reset();
        await stream.FlushAsync(cancel);
    }

    private Span<byte> Room(int bytes)
    {
        if (_buffer.Length - _end < bytes) Array.Resize(ref _buffer, checked(Math.Max(_buffer.Length * 2, _end + bytes)));
        return _buffer.AsSpan(_end);
    }
}
