using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Support;

/// <summary>Passes everything on and keeps it, in order. The server's greeting may be shown to the client otherwise than it is:
/// that is how a real server is made to switch methods, or to end rows in the old way.</summary>
internal sealed class RecordingStream(Stream inner, Func<Greeting, Greeting> seen) : Stream
{
    private byte[] _greeting = [];
    private bool _hasGreeted;

    /// <summary>What went over the wire: true for the server's bytes, as the client saw them.</summary>
    public List<(bool FromServer, byte[] Bytes)> Pieces { get; } = [];

    public string ServerText => string.Concat(Pieces.Where(p => p.FromServer).Select(p => System.Text.Encoding.Latin1.GetString(p.Bytes)));

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_hasGreeted)
        {
            _hasGreeted = true;
            var reader = new PacketReader(inner);
            var packet = await reader.ReadAsync("the greeting", cancellationToken);
            if (packet.Span[0] == Header.Error) throw ErrorPacket.Parse(packet.Span);
            var writer = new PacketWriter();
            seen(Greeting.Parse(packet.Span)).Write(writer);
            _greeting = writer.Written.ToArray();
            Pieces.Add((true, _greeting));
        }

        if (_greeting.Length > 0)
        {
            var count = Math.Min(_greeting.Length, buffer.Length);
            _greeting.AsSpan(0, count).CopyTo(buffer.Span);
            _greeting = _greeting[count..];
            return count;
        }

        var read = await inner.ReadAsync(buffer, cancellationToken);
        Pieces.Add((true, buffer.Span[..read].ToArray()));
        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Pieces.Add((false, buffer.ToArray()));
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
