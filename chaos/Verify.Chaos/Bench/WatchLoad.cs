using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Live;

namespace Verify.Chaos.Bench;

/// <summary>Many watchers of one prefix by server-sent events, each with a connection of its own, read by one thread. A change's value is the
/// moment at which it was sent.</summary>
internal sealed class WatchLoad : IDisposable
{
    private const int LookMs = 50;
    private readonly Watcher[] _watchers;
    private readonly Thread _thread;
    private readonly CountdownEvent _ready;
    private readonly ConcurrentQueue<(long Sent, long SeenAt)> _seen = new();
    private volatile bool _isOver;

    /// <param name="node">The address that watcher i asks.</param>
    public WatchLoad(int watchers, Func<int, Uri> node, string prefix)
    {
        _ready = new(watchers);
        _watchers = [.. Enumerable.Range(0, watchers).Select(i => new Watcher(node(i), prefix))];
        _thread = new Thread(Read) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Every change as every watcher saw it.</summary>
    public IReadOnlyCollection<(long Sent, long SeenAt)> Seen => _seen;

    /// <summary>CPU time of the reading thread; known when it has ended.</summary>
    public double CpuSeconds { get; private set; }

    /// <summary>False: not all of them were let in.</summary>
    public bool AreAllIn(TimeSpan patience, CancellationToken cancel) => _ready.Wait(patience, cancel);

    public void Stop()
    {
        _isOver = true;
        _thread.Join();
    }

    public void Dispose()
    {
        Stop();
        foreach (var watcher in _watchers) watcher.Wire.Dispose();
        _ready.Dispose();
    }

    private void Read()
    {
        var waits = _watchers.Select(w => new PollFd { Descriptor = w.Wire.Descriptor, Wanted = PollFd.Readable }).ToArray();
        while (!_isOver)
        {
            if (Polling.Wait(waits, LookMs) <= 0) continue;
            for (var i = 0; i < waits.Length; i++)
            {
                if (waits[i].Seen == 0) continue;
                waits[i].Seen = 0;
                if (!_watchers[i].TryRead(_seen, _ready)) waits[i].Descriptor = -1;
            }
        }

        CpuSeconds = ProcessCost.ThreadCpuSeconds();
    }

    /// <summary>One connection. Each event is sent in one piece, so the ends of chunks (RFC 9112, section 7.1) never stand within one.</summary>
    private sealed class Watcher
    {
        private readonly byte[] _buffer = new byte[16 * 1024];
        private int _have;
        private bool _isIn;

        public Watcher(Uri node, string prefix)
        {
            Wire = new(node);
            Wire.Begin(HttpWire.Get(node, $"/watch/{prefix}?prefix", "Accept: text/event-stream"));
        }

        public HttpWire Wire { get; }

        /// <summary>False: the connection is over; what it misses is missed in the count.</summary>
        public bool TryRead(ConcurrentQueue<(long, long)> seen, CountdownEvent ready)
        {
            try
            {
                var read = Wire.Receive(_buffer.AsSpan(_have));
                if (read == 0) return false;
                _have += read;
            }
            catch (SocketException)
            {
                return false;
            }

            var now = Stopwatch.GetTimestamp();
            var left = _buffer.AsSpan(0, _have);
            while (left.IndexOf("\n\n"u8) is >= 0 and var end)
            {
                Take(left[..end], now, seen, ready);
                left = left[(end + 2)..];
            }

            left.CopyTo(_buffer);
            _have = left.Length;
            return true;
        }

        private void Take(ReadOnlySpan<byte> one, long now, ConcurrentQueue<(long, long)> seen, CountdownEvent ready)
        {
            if (!_isIn && one.IndexOf(": keep-alive"u8) >= 0)
            {
                _isIn = true;
                ready.Signal();
            }

            var at = one.IndexOf("\"value\":\""u8);
            if (_isIn && at >= 0 && Utf8Parser.TryParse(one[(at + 9)..], out long sent, out _)) seen.Enqueue((sent, now));
        }
    }
}
