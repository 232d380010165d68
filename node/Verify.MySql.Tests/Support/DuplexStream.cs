namespace Verify.MySql.Tests.Support;

/// <summary>One end of an in-memory connection; reads complete inline when the other end writes.</summary>
public sealed class DuplexStream : Stream
{
    private readonly Queue<byte[]> _arrived = [];
    private DuplexStream _other = null!;
    private TaskCompletionSource? _waiting;
    private bool _otherClosed;

    public static (DuplexStream Client, DuplexStream Server) Pair(bool clientIsStubborn = false)
    {
        var (a, b) = (new DuplexStream { IsStubborn = clientIsStubborn }, new DuplexStream());
        (a._other, b._other) = (b, a);
        return (a, b);
    }

    /// <summary>An end that obeys neither cancellation nor disposal, like a broken transport.</summary>
    public bool IsStubborn { get; init; }

    /// <summary>At most so many bytes per read, to cut packets everywhere.</summary>
    public int ReadBytesMax { get; set; } = int.MaxValue;

    /// <summary>Writes of this end never complete.</summary>
    public bool IsWriteStuck { get; set; }

    public bool IsClosed { get; private set; }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(IsClosed && !IsStubborn, this);
            if (_arrived.TryPeek(out var bytes))
            {
                var count = Math.Min(Math.Min(bytes.Length, buffer.Length), ReadBytesMax);
                bytes.AsSpan(0, count).CopyTo(buffer.Span);
                _arrived.Dequeue();
                if (count < bytes.Length)
                {
                    var rest = _arrived.ToArray();
                    _arrived.Clear();
                    _arrived.Enqueue(bytes[count..]);
                    foreach (var later in rest) _arrived.Enqueue(later);
                }

                return count;
            }

            if (_otherClosed) return 0;
            _waiting = new();
            await using var registration = IsStubborn
                ? default
                : cancellationToken.Register(() => Interlocked.Exchange(ref _waiting, null)?.TrySetCanceled(cancellationToken));
            await _waiting.Task;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (IsWriteStuck) await new TaskCompletionSource().Task.WaitAsync(IsStubborn ? default : cancellationToken);
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (_other.IsClosed) throw new IOException("the other end is closed");
        if (buffer.Length == 0) return;
        _other._arrived.Enqueue(buffer.ToArray());
        _other.Wake();
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (IsClosed) return;
        IsClosed = true;
        if (!IsStubborn) Wake();
        _other._otherClosed = true;
        _other.Wake();
        base.Dispose(disposing);
    }

    private void Wake() => Interlocked.Exchange(ref _waiting, null)?.TrySetResult();
}
