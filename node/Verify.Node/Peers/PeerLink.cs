using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;

namespace Verify.Node.Peers;

/// <summary>What became of a stream that this node dialled.</summary>
internal abstract record LinkChange
{
    private LinkChange() { }

    internal sealed record Up(Stream Stream) : LinkChange;

    /// <summary>The dial failed or the stream broke; which of the two, <paramref name="Stream"/> says.</summary>
    internal sealed record Down(Stream? Stream, Exception Cause) : LinkChange;

    internal sealed record Written(Stream Stream) : LinkChange;

    internal sealed record Ponged(Stream Stream) : LinkChange;
}

/// <summary>The stream to one peer: dialled, dialled again when it breaks, and the only way in which this node speaks to that peer
/// (what the peer says comes on the stream that the peer dials). Frames wait in a bounded queue and leave in one write. Lives
/// on the loop; its two small drivers only read, write and post.</summary>
internal sealed class PeerLink
{
    private const int WriteBytesMax = 1 << 20;
    private static readonly TimeSpan DialTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PingEvery = TimeSpan.FromMilliseconds(500);
    private const int BackoffMsMin = 50;
    private const int BackoffMsMax = 500;

    private readonly PeerSurroundings _around;
    private readonly Dice _dice;
    private readonly Queue<PeerFrame> _raft = new();
    private readonly Queue<PeerFrame> _talk = new();
    private readonly WireWriter _out = new(64 * 1024);
    private readonly WireWriter _scratch = new();
    private PeerFrame? _report;
    private Stream? _stream;
    private bool _isDialling;
    private bool _isWriting;
    private int _failures;
    private TimeSpan _untilDial;
    private TimeSpan _writing;
    private TimeSpan _sincePing;
    private TimeSpan _sincePong;
    private long _pings;

    public PeerLink(PeerSurroundings around, Member peer)
    {
        (_around, Peer) = (around, peer);
        _dice = around.Seam.Dice.Fork($"link to {peer.Id}");
    }

    public Member Peer { get; }
    public bool IsUp => _stream is not null;

    private bool HasFrames => _raft.Count > 0 || _talk.Count > 0 || _report is not null;

    /// <summary>Queues a frame. False: it will not be sent (no link, or the queue is full). Of Raft's messages the oldest make
    /// room, since Raft says again what matters; a report replaces the one before.</summary>
    public bool Send(PeerFrame frame)
    {
        if (_stream is null)
        {
            _around.Metrics.FrameDropped("no link");
            return false;
        }

        var limit = _around.Config.Limits.PeerQueueFramesMax;
        switch (frame)
        {
            case PeerFrame.Report:
                _report = frame;
                return true;
            case PeerFrame.Raft:
                if (_raft.Count >= limit)
                {
                    _raft.Dequeue();
                    _around.Metrics.FrameDropped("full queue");
                }

                _raft.Enqueue(frame);
                return true;
            default:
                if (_talk.Count >= limit) return false;
                _talk.Enqueue(frame);
                return true;
        }
    }

    /// <summary>Writes what is queued, all in one write, unless a write is under way: then what is queued goes into the next.</summary>
    public void Flush()
    {
        while (_stream is { } stream && !_isWriting && HasFrames)
        {
            Encode();
            ValueTask write;
            try
            {
                write = stream.WriteAsync(_out.Written, CancellationToken.None);
            }
            catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
            {
                Break(cause.Message);
                return;
            }

            if (write.IsCompletedSuccessfully)
            {
                write.GetAwaiter().GetResult();
                continue;
            }

            (_isWriting, _writing) = (true, TimeSpan.Zero);
            _ = WatchAsync(stream, write);
        }
    }

    /// <summary>So much time has passed, as this node counts it.</summary>
    public void Tick(TimeSpan passed)
    {
        if (_stream is null)
        {
            _untilDial -= passed;
            if (_untilDial <= TimeSpan.Zero) Dial();
            return;
        }

        _writing += passed;
        _sincePing += passed;
        _sincePong += passed;
        if (_isWriting && _writing > SilenceMax) Break("a write did not finish in 2 s");
        else if (_sincePong > SilenceMax) Break("the peer has not answered for 2 s");
        else if (_sincePing >= PingEvery)
        {
            _sincePing = TimeSpan.Zero;
            _talk.Enqueue(new PeerFrame.Ping(++_pings));
        }
    }

    /// <summary>The peer has reached us, so we may reach it: no reason to wait.</summary>
    public void DialSoon() => _untilDial = TimeSpan.Zero;

    public void Take(LinkChange change)
    {
        switch (change)
        {
            case LinkChange.Up(var stream):
                (_isDialling, _failures) = (false, 0);
                (_sincePing, _sincePong, _isWriting, _stream) = (TimeSpan.Zero, TimeSpan.Zero, false, stream);
                NodeLog.LinkUp(_around.Log, Peer.Id);
                break;
            case LinkChange.Down(var stream, var cause) when stream is null && _isDialling:
                _isDialling = false;
                BackOff();
                if (cause is PeerRefusedException or WireFormatException) _around.Refusals.Note($"link to {Peer.Id}", cause.Message);
                break;
            case LinkChange.Down(var stream, var cause) when stream is not null && stream == _stream:
                Break(cause.Message);
                break;
            case LinkChange.Written(var stream) when stream == _stream:
                _isWriting = false;
                Flush();
                break;
            case LinkChange.Ponged(var stream) when stream == _stream:
                _sincePong = TimeSpan.Zero;
                break;
            default:
                break; // News of a stream that this link has given up.
        }
    }

    public void Close()
    {
        _stream?.Dispose();
        _stream = null;
    }

    private void Break(string why)
    {
        NodeLog.LinkDown(_around.Log, Peer.Id, why);
        Close();
        _raft.Clear();
        _talk.Clear();
        _report = null;
        BackOff();
        _around.LinkLost(Peer.Id);
    }

    /// <summary>Between 50 ms and 500 ms, drawn, so that two nodes do not knock in step and a healed link is found within half a second.</summary>
    private void BackOff()
    {
        var most = Math.Min(BackoffMsMax, BackoffMsMin << Math.Min(++_failures, 8));
        _untilDial = TimeSpan.FromMilliseconds(BackoffMsMin + _dice.Next(most - BackoffMsMin + 1));
    }

    private void Encode()
    {
        _out.Clear();
        var frames = 0;
        while (_out.Length < WriteBytesMax && HasFrames)
        {
            var frame = _talk.Count > 0 ? _talk.Dequeue() : _raft.Count > 0 ? _raft.Dequeue() : TakeReport();
            PeerCodec.Write(_out, frame, _scratch);
            frames++;
        }

        _around.Metrics.FramesSent(frames);
    }

    private PeerFrame TakeReport()
    {
        var report = _report!;
        _report = null;
        return report;
    }

    private void Dial()
    {
        if (_isDialling) return;
        _isDialling = true;
        _ = DialAndListenAsync();
    }

    private async Task DialAndListenAsync()
    {
        Stream? up = null;
        try
        {
            FrameBuffer buffer;
            Stream stream;
            using (var deadline = new CancellationTokenSource(DialTimeout, _around.Seam.Time))
            using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _around.Stopping))
            {
                (stream, buffer) = await PeerHandshake.DialAsync(_around.Config, Peer, _around.Seam.Network, cancel.Token);
            }

            up = stream;
            if (!Tell(new LinkChange.Up(stream))) await stream.DisposeAsync();
            while (true)
            {
                if (await PeerHandshake.ReadAsync(stream, buffer, CancellationToken.None) is PeerFrame.Pong) Tell(new LinkChange.Ponged(stream));
            }
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            Tell(new LinkChange.Down(up, cause));
        }
        catch (Exception cause)
        {
            _around.Loop.Post(new NodeInput.DriverFailed($"link to {Peer.Id}", cause));
        }
    }

    private async Task WatchAsync(Stream stream, ValueTask write)
    {
        try
        {
            await write;
            Tell(new LinkChange.Written(stream));
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            Tell(new LinkChange.Down(stream, cause));
        }
        catch (Exception cause)
        {
            _around.Loop.Post(new NodeInput.DriverFailed($"link to {Peer.Id}", cause));
        }
    }

    private bool Tell(LinkChange change) => _around.Loop.Post(new NodeInput.LinkNews(this, change));
}
