namespace Verify.MySql.Wire;

/// <summary>Cuts a stream into packets: 3 bytes length, 1 byte sequence, payload (MySQL "MySQL Packets"). One buffer for the
/// life of the session, which grows with what has arrived, never with what a length claims.</summary>
internal sealed class PacketReader(Stream stream)
{
    /// <summary>A payload of 0xFFFFFF bytes would be continued in the next packet; nothing of ours is that long.</summary>
    public const int PayloadBytesMax = 0xFFFFFE;

    public const int HeaderBytes = 4;
    private const int BufferBytesAtRest = 8 * 1024;
    private const int BufferBytesKept = 256 * 1024;

    private byte[] _buffer = new byte[BufferBytesAtRest];
    private int _start;
    private int _end;

    /// <summary>Where the bytes come from; replaced once, when TLS begins.</summary>
    public Stream Stream { get; set; } = stream;

    /// <summary>The number that the next packet must carry.</summary>
    public byte NextSequence { get; set; }

    /// <summary>A longer packet is refused as soon as its length is known.</summary>
    public int PayloadLimit { get; set; } = PayloadBytesMax;

    /// <summary>Bytes that have arrived and were not taken yet.</summary>
    public int Buffered => _end - _start;

    /// <summary>Takes the next packet if it has arrived whole. The payload is good until the next fill.</summary>
    /// <exception cref="MySqlProtocolException">Too long, or out of sequence.</exception>
    public bool TryTake(out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        if (Buffered < HeaderBytes) return false;
        var length = CheckHeader();
        if (Buffered < HeaderBytes + length) return false;
        payload = _buffer.AsMemory(_start + HeaderBytes, length);
        _start += HeaderBytes + length;
        NextSequence++;
        return true;
    }

    /// <summary>Waits for the next packet.</summary>
    /// <param name="expected">What should come, for the message when the stream ends instead.</param>
    public ValueTask<ReadOnlyMemory<byte>> ReadAsync(string expected, CancellationToken cancel) =>
        TryTake(out var payload) ? new(payload) : ReadMoreAsync(expected, cancel);

    private async ValueTask<ReadOnlyMemory<byte>> ReadMoreAsync(string expected, CancellationToken cancel)
    {
        while (true)
        {
            await FillAsync(expected, cancel);
            if (TryTake(out var payload)) return payload;
        }
    }

    /// <summary>Reads once from the stream, behind what is there. Invalidates payloads taken before.</summary>
    public async ValueTask FillAsync(string expected, CancellationToken cancel)
    {
        MakeRoom();
        var read = await Stream.ReadAsync(_buffer.AsMemory(_end), cancel);
        if (read == 0)
        {
            throw new MySqlProtocolException(Buffered == 0
                ? $"the connection ended where {expected} should be"
                : $"the connection ended inside {expected}, {Buffered} bytes after its beginning");
        }

        _end += read;
    }

    private int CheckHeader()
    {
        var length = _buffer[_start] | (_buffer[_start + 1] << 8) | (_buffer[_start + 2] << 16);
        if (length > PayloadLimit)
        {
            throw new MySqlProtocolException($"a packet of {length} bytes; the limit is {PayloadLimit} (packets of 16 MiB and more are not read)");
        }

        var sequence = _buffer[_start + 3];
        if (sequence == NextSequence) return length;

        // A server that ends an idle session says why in an error packet that answers nothing (MySQL 8.0.24 and later: 4031).
        var isGoodbye = length > 0 && Buffered >= HeaderBytes + length && _buffer[_start + HeaderBytes] == Header.Error;
        throw new MySqlProtocolException(isGoodbye
            ? $"the server ended the session: {ErrorPacket.Parse(_buffer.AsSpan(_start + HeaderBytes, length)).Message}"
            : $"packet number {sequence} where {NextSequence} should be");
    }

    private void MakeRoom()
    {
        if (_start == _end)
        {
            _start = _end = 0;
            if (_buffer.Length > BufferBytesKept) _buffer = new byte[BufferBytesAtRest];
            return;
        }

        if (_start > 0)
        {
            _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
            _end = Buffered;
            _start = 0;
        }

        if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
