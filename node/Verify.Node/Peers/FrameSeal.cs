using System.Buffers.Binary;
using Verify.Node.Codec;

namespace Verify.Node.Peers;

/// <summary>Computes the checksums of the frames of one direction of one stream. In version 1 a checksum covers the frame alone, so the same
/// bytes are good anywhere and at any time. From version 2 on it also covers the session numbers that both ends have drawn, the direction,
/// and the frame's running number: a frame that is replayed in another session, in the other direction, or a second time in the same
/// session is refused like a garbled one. CRC-32C is no signature: it keeps out accidents and stale bytes; against somebody who
/// computes checksums himself there is TLS.</summary>
internal sealed class FrameSeal
{
    private readonly uint _start;
    private readonly bool _isNumbered;
    private ulong _number;

    private FrameSeal(int version, uint start, bool isNumbered) => (Version, _start, _isNumbered) = (version, start, isNumbered);

    /// <summary>The protocol spoken on the stream.</summary>
    public int Version { get; }

    /// <summary>This frame was the so-many-th; for the sentence that refuses one.</summary>
    public ulong Frames => _number;

    /// <summary>For the first frame of a stream, when there is no session yet, and for all frames of version 1.</summary>
    public static FrameSeal Plain(int version) => new(version, Crc32C.Start([]), isNumbered: false);

    /// <summary>For the answer to an introduction: it belongs to that introduction and to no other.</summary>
    public static FrameSeal OfAnswer(ulong dialler) => OfSession(2, dialler, acceptor: 0, fromDialler: false);

    public static FrameSeal OfSession(int version, ulong dialler, ulong acceptor, bool fromDialler)
    {
        Span<byte> bytes = stackalloc byte[17];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, dialler);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], acceptor);
        bytes[16] = fromDialler ? (byte)1 : (byte)2;
        return new(version, Crc32C.Start(bytes), isNumbered: true);
    }

    /// <summary>The checksum of the next frame. Counts it.</summary>
    public uint Next(ReadOnlySpan<byte> length, ReadOnlySpan<byte> body)
    {
        var crc = _start;
        if (_isNumbered)
        {
            Span<byte> number = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(number, _number);
            crc = Crc32C.Continue(crc, number);
        }

        _number++;
        return ~Crc32C.Continue(Crc32C.Continue(crc, length), body);
    }
}
