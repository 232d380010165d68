using Verify.Node.Seam;

namespace Verify.Node.Tests.Fakes;

/// <summary>Hosts that are connected by streams with 1 ms of latency. A cut direction swallows bytes; a dead host answers nothing.</summary>
internal sealed class FakeNetwork(FakeWorld world)
{
    private readonly SortedDictionary<Endpoint, FakeListener> _listeners = [];
    private readonly HashSet<(string From, string To)> _cuts = [];
    private readonly List<FakeStream> _streams = [];
    private readonly Dictionary<(string From, string To), Queue<bool>> _closings = [];

    public static TimeSpan Latency => TimeSpan.FromMilliseconds(1);

    public INetwork Of(FakeHost host, string name) => new View(this, host, name);

    /// <summary>Bytes from one host to the other are lost; streams between them are not closed.</summary>
    public void Cut(string from, string to) => _cuts.Add((from, to));

    public void CutBoth(string a, string b)
    {
        Cut(a, b);
        Cut(b, a);
    }

    public void HealAll() => _cuts.Clear();

    /// <summary>What stands between (a proxy whose other side is cut) takes so many connections from one host to the other and closes each at once.</summary>
    public void CloseNext(string from, string to, int connections) => CloseSome(from, to, [.. Enumerable.Repeat(true, connections)]);

    /// <summary>Of the next connections it closes those for which this says so.</summary>
    public void CloseSome(string from, string to, params bool[] closes) => _closings[(from, to)] = new(closes);

    /// <summary>The connections that one host has made to the other break; those that the other has made to it stay.</summary>
    public void Break(string from, string to)
    {
        foreach (var stream in _streams.Where(s => s.IsDialled && s.Name == from && s.Other!.Name == to).ToArray()) stream.Dispose();
    }

    /// <summary>The machine is gone: its listeners vanish, its streams break at the other end.</summary>
    public void Forget(string name)
    {
        foreach (var at in _listeners.Where(l => string.Equals(l.Value.Name, name, StringComparison.Ordinal)).Select(l => l.Key).ToArray()) _listeners.Remove(at);
        foreach (var stream in _streams.ToArray())
            if (string.Equals(stream.Name, name, StringComparison.Ordinal)) stream.Dispose();
    }

    private bool IsClosed(string from, string to) => _closings.TryGetValue((from, to), out var closes) && closes.TryDequeue(out var isClosed) && isClosed;

    private bool IsCut(string from, string to) => _cuts.Contains((from, to));

    private sealed class View(FakeNetwork network, FakeHost host, string name) : INetwork
    {
        public ValueTask<Stream> ConnectAsync(Endpoint to, CancellationToken cancel)
        {
            var connected = new TaskCompletionSource<Stream>();
            cancel.Register(() => connected.TrySetCanceled(cancel));
            network.World.After(Latency * 2, () => host.Run(() =>
            {
                if (network.IsCut(name, to.Host) || network.IsCut(to.Host, name)) return;
                if (!network._listeners.TryGetValue(to, out var listener))
                {
                    connected.TrySetException(new ConnectionRefusedException(to));
                    return;
                }

                if (connected.Task.IsCompleted) return;
                var (mine, theirs) = (new FakeStream(network, host, name) { IsDialled = true }, new FakeStream(network, listener.Host, listener.Name));
                (mine.Other, theirs.Other) = (theirs, mine);
                network._streams.AddRange([mine, theirs]);
                if (network.IsClosed(name, to.Host)) theirs.Dispose();
                else listener.Host.Run(() => listener.Offer(theirs));
                connected.TrySetResult(mine);
            }));
            return new(connected.Task);
        }

        public IListener Listen(Endpoint at)
        {
            var listener = new FakeListener(host, name);
            network._listeners[at] = listener;
            return listener;
        }
    }

    private FakeWorld World => world;

    private sealed class FakeListener(FakeHost host, string name) : IListener
    {
        private readonly Queue<Stream> _waiting = new();
        private TaskCompletionSource<Stream?>? _accepting;
        private bool _isClosed;

        public FakeHost Host => host;
        public string Name => name;

        public void Offer(Stream stream)
        {
            if (_accepting is { } accepting)
            {
                _accepting = null;
                accepting.SetResult(stream);
            }
            else
            {
                _waiting.Enqueue(stream);
            }
        }

        public ValueTask<Stream?> AcceptAsync()
        {
            if (_isClosed) return new((Stream?)null);
            if (_waiting.TryDequeue(out var stream)) return new(stream);
            _accepting = new();
            return new(_accepting.Task);
        }

        public ValueTask DisposeAsync()
        {
            _isClosed = true;
            _accepting?.SetResult(null);
            _accepting = null;
            return default;
        }
    }

    /// <summary>One end of a connection.</summary>
    private sealed class FakeStream(FakeNetwork network, FakeHost host, string name) : Stream
    {
        private readonly Queue<byte> _arrived = new();
        private TaskCompletionSource<int>? _reading;
        private Memory<byte> _into;
        private bool _isEnded;
        private bool _isDisposed;

        public FakeStream? Other { get; set; }
        public bool IsDialled { get; init; }
        public string Name => name;
        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_arrived.Count > 0 || _isEnded) return new(Take(buffer));
            var reading = new TaskCompletionSource<int>();
            (_reading, _into) = (reading, buffer);
            if (cancellationToken.CanBeCanceled) cancellationToken.Register(() => reading.TrySetCanceled(cancellationToken));
            return new(reading.Task);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_isEnded) throw new IOException("the connection was reset");
            var bytes = buffer.ToArray();
            var other = Other!;
            network.World.After(Latency, () =>
            {
                if (!network.IsCut(name, other.Name)) other.Run(() => other.Arrive(bytes));
            });
            return default;
        }

        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            network._streams.Remove(this);
            var reading = _reading;
            _reading = null;
            network.World.After(TimeSpan.Zero, () => host.Run(() => reading?.TrySetException(new ObjectDisposedException(nameof(FakeStream)))));
            var other = Other!;
            network.World.After(Latency, () =>
            {
                if (!network.IsCut(name, other.Name)) other.Run(other.End);
            });
            base.Dispose(disposing);
        }

        private void Run(Action action) => host.Run(action);

        private void Arrive(byte[] bytes)
        {
            if (_isDisposed) return;
            foreach (var b in bytes) _arrived.Enqueue(b);
            Deliver();
        }

        private void End()
        {
            if (_isDisposed) return;
            _isEnded = true;
            Deliver();
        }

        private void Deliver()
        {
            if (_reading is not { } reading) return;
            _reading = null;
            reading.TrySetResult(Take(_into));
        }

        private int Take(Memory<byte> into)
        {
            var count = Math.Min(into.Length, _arrived.Count);
            for (var i = 0; i < count; i++) into.Span[i] = _arrived.Dequeue();
            return count;
        }
    }
}
