using System.Threading.Tasks.Sources;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Network;

/// <summary>One end of a connection. Fully asynchronous; nothing is ever completed inside a call of the host's code: a write
/// makes an appointment for the delivery, and a reader that waits is woken by that event.</summary>
internal sealed class SimStream : Stream, IValueTaskSource<int>, IValueTaskSource, IEventTarget
{
    private const int WakeOwn = 0;
    private const int ResetArrived = 1;
    private const int ReadCancelled = 2;
    private const int WriteCancelled = 3;
    private readonly SimWorld _world;
    private readonly HostLife _life;
    private readonly SimFlow _in;
    private readonly SimFlow _out;
    private ManualResetValueTaskSourceCore<int> _read;
    private ManualResetValueTaskSourceCore<int> _write;
    private Memory<byte> _readInto;
    private ReadOnlyMemory<byte> _toWrite;
    private CancellationTokenRegistration _readCancel;
    private CancellationTokenRegistration _writeCancel;
    private bool _reading;
    private bool _writing;
    private string? _broken;

    public SimStream(SimWorld world, HostLife life, SimFlow incoming, SimFlow outgoing)
    {
        (_world, _life, _in, _out) = (world, life, incoming, outgoing);
        incoming.Sink = this;
        outgoing.Source = this;
        life.Add(this);
    }

    public int PlaceInLife { get; set; } = -1;
    public bool IsClosed { get; private set; }
    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>What it waits for, for the message about a deadlock; empty when for nothing.</summary>
    public string Waits => (_reading ? $"reads from {_in.Link.From.Name} " : "") + (_writing ? $"writes to {_out.Link.To.Name} " : "");

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _world.Scheduler.CheckThread();
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (_reading) throw new InvalidOperationException("a second read while one is pending");
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<int>(cancellationToken);
        if (_broken is not null) return ValueTask.FromException<int>(new IOException(_broken));
        if (_in.HasBytes) return new ValueTask<int>(_in.Take(buffer.Span));
        if (_in.HasEnded) return new ValueTask<int>(0);
        _reading = true;
        _readInto = buffer;
        if (cancellationToken.CanBeCanceled)
            _readCancel = cancellationToken.UnsafeRegister(static stream => ((SimStream)stream!).PostOwn(ReadCancelled), this);
        return new ValueTask<int>(this, _read.Version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _world.Scheduler.CheckThread();
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (_writing) throw new InvalidOperationException("a second write while one is pending");
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        if (_broken is not null) return ValueTask.FromException(new IOException(_broken));
        if (!_out.IsFull)
        {
            Send(buffer.Span);
            return ValueTask.CompletedTask;
        }

        _writing = true;
        _toWrite = buffer;
        if (cancellationToken.CanBeCanceled)
            _writeCancel = cancellationToken.UnsafeRegister(static stream => ((SimStream)stream!).PostOwn(WriteCancelled), this);
        return new ValueTask(this, _write.Version);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw Blocking();
    public override void Write(byte[] buffer, int offset, int count) => throw Blocking();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>An event of this end's host.</summary>
    public void Post(int label, long due, IEventTarget target, int argument) =>
        _world.Scheduler.Post(_life.Host.Actor, _life.Number, label, due, target, argument);

    /// <summary>Lets a reset travel over the link to this end; lost when the link is cut.</summary>
    public void PostReset(SimLink over, string reason)
    {
        if (IsClosed || _broken is not null) return;
        if (over.IsCut)
        {
            over.CountHeldSegment();
            return;
        }

        _resetReason = reason;
        Post(over.Reset, _world.Scheduler.Now + over.DrawLatency(), this, ResetArrived);
    }

    /// <summary>The connection is broken here and now, without a word over the link (the fault "loss of connections").</summary>
    public void Break(string reason)
    {
        _resetReason = reason;
        PostOwn(ResetArrived);
    }

    /// <summary>This end learns that the connection is lost; the other end does not, and still gets late what was under way.</summary>
    public bool BreakHere(string reason)
    {
        if (IsClosed || _broken is not null) return false;
        _out.Linger();
        Break(reason);
        return true;
    }

    /// <summary>The process that owns this end is gone; its kernel resets the connection.</summary>
    public void Abort()
    {
        _life.Remove(this);
        if (IsClosed) return;
        IsClosed = true;
        _out.Sink.PostReset(_out.Link, "connection reset by peer");
        _in.Clear();
    }

    /// <summary>Both ends of the connection lie on these hosts.</summary>
    public bool Joins(SimHost from, SimHost to) => _out.Link.From == from && _out.Link.To == to;

    public void BytesArrived()
    {
        if (!_reading) return;
        if (_broken is null && !_in.HasBytes && !_in.HasEnded) return;
        _reading = false;
        _readCancel.Dispose();
        (var into, _readInto) = (_readInto, default);
        if (_broken is not null) _read.SetException(new IOException(_broken));
        else _read.SetResult(_in.HasBytes ? _in.Take(into.Span) : 0);
    }

    public void WindowOpened()
    {
        if (!_writing) return;
        _writing = false;
        _writeCancel.Dispose();
        (var bytes, _toWrite) = (_toWrite, default);
        Send(bytes.Span);
        _write.SetResult(0);
    }

    void IEventTarget.Happen(int argument)
    {
        switch (argument)
        {
            case ResetArrived:
                if (_broken is not null || IsClosed) break;
                _broken = _resetReason;
                FailPending(static stream => new IOException(stream._broken));
                break;
            case ReadCancelled:
                if (_reading) FailRead(new OperationCanceledException(_readCancel.Token));
                break;
            case WriteCancelled:
                if (_writing) FailWrite(new OperationCanceledException(_writeCancel.Token));
                break;
            default:
                FailPending(static _ => new IOException("the stream was closed while it was in use"));
                break;
        }
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        try
        {
            return _read.GetResult(token);
        }
        finally
        {
            _read.Reset();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            _write.GetResult(token);
        }
        finally
        {
            _write.Reset();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _write.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _write.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (IsClosed || !disposing) return;
        IsClosed = true;
        _life.Remove(this);
        _in.Clear();
        if (_broken is null) _out.SendEnd();
        if (_reading || _writing) PostOwn(WakeOwn);
    }

    private string _resetReason = "connection reset";

    private void Send(ReadOnlySpan<byte> bytes)
    {
        var perMillion = _world.Options.LostConnectionsPerMillion;
        if (perMillion > 0 && _world.Choices.Next(ChoiceKind.Fault, 1_000_000) < perMillion)
        {
            Break("connection lost");
            _out.Sink.PostReset(_out.Link, "connection lost");
            return;
        }

        _out.Send(bytes);
        if (!_out.Sink._life.IsAlive && _out.Link.To.IsPowered && !_out.Link.IsCut) PostReset(_in.Link, "connection reset by peer");
    }

    private void PostOwn(int argument) => Post(_life.Host.Labels.Socket, _world.Scheduler.Now, this, argument);

    private void FailPending(Func<SimStream, Exception> why)
    {
        if (_reading) FailRead(why(this));
        if (_writing) FailWrite(why(this));
    }

    private void FailRead(Exception why)
    {
        _reading = false;
        _readInto = default;
        _readCancel.Dispose();
        _read.SetException(why);
    }

    private void FailWrite(Exception why)
    {
        _writing = false;
        _toWrite = default;
        _writeCancel.Dispose();
        _write.SetException(why);
    }

    private static NotSupportedException Blocking() => new("the seam's streams are asynchronous: use ReadAsync and WriteAsync");
}
