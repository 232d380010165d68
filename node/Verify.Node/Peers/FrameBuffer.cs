using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Verify.Node.Codec;

namespace Verify.Node.Peers;

/// <summary>Cuts a stream of bytes into frames. Memory grows only up to the largest frame that is allowed.</summary>
/// <param name="versionMax">Frames of a newer protocol are refused.</param>
internal sealed class FrameBuffer(int frameBytesMax, int versionMax = PeerCodec.VersionMax)
{
    private byte[] _bytes = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>What the checksums of the next frames are made of.</summary>
    public FrameSeal Seal { get; set; } = FrameSeal.Plain(1);

    /// <summary>Where the next bytes go; never empty.</summary>
    public Memory<byte> Space
    {
        get
        {
            if (_start > 0)
            {
                _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min((long)_bytes.Length * 2, (long)frameBytesMax + PeerCodec.HeaderBytes));
            return _bytes.AsMemory(_end);
        }
    }

    /// <summary>So many bytes were put into <see cref="Space"/>.</summary>
    public void Filled(int count) => _end += count;

    /// <exception cref="WireFormatException">These bytes are no frame; nothing that follows on this stream can be believed.</exception>
    public bool TryTake([NotNullWhen(true)] out PeerFrame? frame)
    {
        frame = null;
        var bytes = _bytes.AsSpan(_start, _end - _start);
        if (bytes.Length < PeerCodec.HeaderBytes) return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length == 0 || length > frameBytesMax) throw new WireFormatException($"a frame of {length} bytes; at most {frameBytesMax} are allowed", 0);
        if (bytes.Length < PeerCodec.HeaderBytes + (int)length) return false;
        var body = bytes.Slice(PeerCodec.HeaderBytes, (int)length);
        if (Seal.Next(bytes[..4], body) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]))
        {
            Raft.Mark.Reached("a frame was refused by its checksum");
            throw WrongChecksum();
        }
        frame = PeerCodec.Read(body, versionMax);
        _start += PeerCodec.HeaderBytes + (int)length;
        return true;
    }

    private WireFormatException WrongChecksum() => new(
        Seal.Version == 1
            ? "a frame whose checksum is wrong"
            : $"frame {Seal.Frames} of this stream has a checksum that is wrong at this place of this session: it is garbled, or replayed", 4);
}
