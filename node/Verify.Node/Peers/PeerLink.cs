using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>What became of a stream that this node dialled.</summary>
internal abstract record LinkChange
{
    private LinkChange() { }

    internal sealed record Up(PeerSession Session) : LinkChange;

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

    /// <summary>A stream of version 1 is begun anew after so long: that version is what is assumed of a peer that hangs up on the greeting, and a greeting
    /// that was lost or garbled looks the same. From version 2 on both ends say what they speak, and nothing is assumed.</summary>
    private static readonly TimeSpan MisheardAfter = TimeSpan.FromSeconds(5);
    private const int BackoffMsMin = 50;
    private const int BackoffMsMax = 500;

    private readonly PeerSurroundings _around;
    private readonly Dice _dice;
    private readonly Dice _sessions;
    private readonly Queue<PeerFrame> _raft = new();
    private readonly Queue<PeerFrame> _talk = new();
    private readonly WireWriter _out = new(64 * 1024);
    private readonly WireWriter _scratch = new();

    /// <summary>The newest report of each kind, in the order of the kinds.</summary>
    private readonly SortedDictionary<byte, PeerFrame.Report> _reports = [];
    private PeerSession? _session;
    private long _raftBytes;
    private long _talkBytes;
    private bool _isDialling;
    private bool _isClosed;
    private bool _isWriting;
    private int _failures;
    private TimeSpan _untilDial;
    private TimeSpan _writing;
    private TimeSpan _sincePing;
    private TimeSpan _sincePong;
    private TimeSpan _sinceUp;
    private long _pings;

    /// <summary>The version that the peer's own dialling showed last.</summary>
    private int _shown;

    public PeerLink(PeerSurroundings around, NodeId peer, Endpoint? address)
    {
        (_around, Peer, Address) = (around, peer, address);
        _dice = around.Seam.Dice.Fork($"link to {peer}");
        _sessions = around.Seam.Dice.Fork($"sessions with {peer}");
    }

    public NodeId Peer { get; }

    /// <summary>Where it is dialled; a host name is resolved by each dial. Null: nobody has said.</summary>
    public Endpoint? Address { get; private set; }
    public bool IsUp => _session is not null;

    /// <summary>The protocol that was spoken last; null when the peer was never reached.</summary>
    public int? Version { get; private set; }

    private Stream? Stream => _session?.Stream;

    private bool HasFrames => _raft.Count > 0 || _talk.Count > 0 || _reports.Count > 0;

    /// <summary>Queues a frame. False: it will not be sent (no link, the queue is full, or the peer is too old to understand it). Of
    /// Raft's messages the oldest make room, since Raft says again what matters; a report replaces the one before of its kind.</summary>
    public bool Send(PeerFrame frame)
    {
        if (_session is not { } session) return Drop("no link");
        if (session.Version < PeerCodec.VersionMax && PeerCodec.VersionOf(frame) > session.Version)
        {
            if (frame is PeerFrame.Raft) _around.Refusals.Note($"link to {Peer}", $"{Peer} runs an old version of the program, which does not understand what the group now says; upgrade it");
            return Drop("old peer");
        }

        var size = PeerCodec.SizeOf(frame);
        var limits = _around.Config.Limits;
        switch (frame)
        {
            case PeerFrame.Report report:
                _reports[report.Kind] = report;
                return true;
            case PeerFrame.Raft:
                var framesMax = limits.PeerQueueFramesMax;
#if VERIFY_MUTANTS
                if (FaultPoint.Fires("a short queue", perMille: 50)) framesMax = 1;
#endif
                while (_raft.Count > 0 && (_raft.Count >= framesMax || _raftBytes + size > limits.PeerQueueBytesMax))
                {
                    _raftBytes -= PeerCodec.SizeOf(_raft.Dequeue());
                    Drop("full queue");
                }

                _raft.Enqueue(frame);
                _raftBytes += size;
                return true;
            default:
                if (_talk.Count >= limits.PeerQueueFramesMax || _talkBytes + size > limits.PeerQueueBytesMax) return Drop("full queue");
                _talk.Enqueue(frame);
                _talkBytes += size;
                return true;
        }
    }

    /// <summary>Writes what is queued, all in one write, unless a write is under way: then what is queued goes into the next.</summary>
    public void Flush()
    {
        while (_session is { Stream: var stream } session && !_isWriting && HasFrames)
        {
            Encode(session.Seal);
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
        if (_session is null)
        {
            _untilDial -= passed;
            if (_untilDial <= TimeSpan.Zero) Dial();
            return;
        }

        _writing += passed;
        _sinceUp += passed;
        _sincePing += passed;
        _sincePong += passed;
#if VERIFY_MUTANTS
        if (FaultPoint.Fires("a link is dialled anew", perMille: 2))
        {
            Break("a fault point breaks it");
            return;
        }
#endif
        if (_isWriting && _writing > SilenceMax) Break("a write did not finish in 2 s");
        else if (_sincePong > SilenceMax) Break("the peer has not answered for 2 s");
        else if (Version == 1 && _around.Config.WireVersionMax > 1 && _sinceUp > MisheardAfter) Break("it was heard to speak version 1 only; it is asked again");
        else if (_sincePing >= PingEvery)
        {
            _sincePing = TimeSpan.Zero;
            _talk.Enqueue(new PeerFrame.Ping(++_pings));
            _talkBytes += PeerCodec.SizeOf(new PeerFrame.Ping(_pings));
        }
    }

    /// <summary>The peer is reached elsewhere now. What is up stays up.</summary>
    public void Move(Endpoint to)
    {
        if (Address == to) return;
        if (Address is not null) NodeLog.PeerMoved(_around.Log, Peer, to);
        Address = to;
        _untilDial = TimeSpan.Zero;
    }

    /// <summary>The peer has reached us, so we may reach it: no reason to wait. It has shown that it speaks this version: if we speak an older one with
    /// it, we begin anew.</summary>
    public void Speaks(int version)
    {
        _shown = version;
        if (_session is { } session && session.Version < version) Break($"it speaks version {version} by now");
        else Version = Math.Max(Version ?? version, version);
        _untilDial = TimeSpan.Zero;
    }

    public void Take(LinkChange change)
    {
        switch (change)
        {
            case LinkChange.Up(var late) when _isClosed:
                late.Stream.Dispose();
                break;
            case LinkChange.Up(var session):
                (_isDialling, _failures) = (false, 0);
                (_sincePing, _sincePong, _sinceUp, _isWriting, _session) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, false, session);
                Version = session.Version;
                NodeLog.LinkUp(_around.Log, Peer);
                if (session.Version < _shown) Break($"it was heard to speak version {session.Version}, and it speaks {_shown}");
                break;
            case LinkChange.Down(var stream, var cause) when stream is null && _isDialling:
                _isDialling = false;
                BackOff();
                NoteRefusal(cause);
                break;
            case LinkChange.Down(var stream, var cause) when stream is not null && stream == Stream:
                Break(cause.Message);
                break;
            case LinkChange.Written(var stream) when stream == Stream:
                _isWriting = false;
                Flush();
                break;
            case LinkChange.Ponged(var stream) when stream == Stream:
                _sincePong = TimeSpan.Zero;
                break;
            default:
                break; // News of a stream that this link has given up.
        }
    }

    public void Close()
    {
        Stream?.Dispose();
        _session = null;
        _isClosed = true;
    }

    private void NoteRefusal(Exception cause)
    {
        if (cause is PeerRefusedException refused)
        {
            _around.Metrics.LinkRefused(refused.Count);
            if (refused.Kind == RefusalKind.Removed) _around.ToldOfRemoval(Peer, cause.Message);
        }

        if (cause is PeerRefusedException or WireFormatException) _around.Refusals.Note($"link to {Peer}", cause.Message);
    }

    private void Break(string why)
    {
        Mark.Reached("a link broke");
        NodeLog.LinkDown(_around.Log, Peer, why);
        Stream?.Dispose();
        _session = null;
        _raft.Clear();
        _talk.Clear();
        (_raftBytes, _talkBytes) = (0, 0);
        _reports.Clear();
        BackOff();
        _around.LinkLost(Peer);
    }

    private bool Drop(string why)
    {
        _around.Metrics.FrameDropped(why);
        return false;
    }

    /// <summary>Between 50 ms and 500 ms, drawn, so that two nodes do not knock in step and a healed link is found within half a second.</summary>
    private void BackOff()
    {
        var most = Math.Min(BackoffMsMax, BackoffMsMin << Math.Min(++_failures, 8));
        _untilDial = TimeSpan.FromMilliseconds(BackoffMsMin + _dice.Next(most - BackoffMsMin + 1));
#if VERIFY_MUTANTS
#pragma warning disable RS0030, CA5394 // The planted bugs T4 are what these symbols are banned for.
        if (Mutant.Is("T4-clock", deviates: true)) _untilDial = TimeSpan.FromMilliseconds(BackoffMsMin + (DateTime.UtcNow.Ticks / 7 % 400));
        if (Mutant.Is("T4-random", deviates: true)) _untilDial = TimeSpan.FromMilliseconds(BackoffMsMin + Random.Shared.Next(400));
#pragma warning restore RS0030, CA5394
#endif
    }

    private void Encode(FrameSeal seal)
    {
        _out.Clear();
        var frames = 0;
        while (_out.Length < WriteBytesMax && HasFrames)
        {
            var frame = _talk.Count > 0 ? _talk.Dequeue() : _raft.Count > 0 ? _raft.Dequeue() : TakeReport();
            if (frame is PeerFrame.Raft) _raftBytes -= PeerCodec.SizeOf(frame);
            else if (frame is not PeerFrame.Report) _talkBytes -= PeerCodec.SizeOf(frame);
            PeerCodec.Write(_out, frame, _scratch, seal);
            frames++;
#if VERIFY_MUTANTS
            if (FaultPoint.Fires("a write carries one frame")) break;
#endif
        }

        _around.Metrics.FramesSent(frames);
    }

    private PeerFrame.Report TakeReport()
    {
        var (kind, report) = _reports.First();
        _reports.Remove(kind);
        return report;
    }

    private void Dial()
    {
        if (_isDialling || _isClosed || Address is not { } at) return;
        _isDialling = true;
        _ = DialAndListenAsync(at, _sessions.Next());
    }

    private async Task DialAndListenAsync(Endpoint at, ulong number)
    {
        Stream? up = null;
        try
        {
#if VERIFY_MUTANTS
#pragma warning disable RS0030 // The planted bug T4-pool is what this symbol is banned for.
            if (Mutant.Is("T4-pool", deviates: true)) await Task.Run(static () => 0);
#pragma warning restore RS0030
#endif
            PeerSession session;
            using (var deadline = new CancellationTokenSource(DialTimeout, _around.Seam.Time))
            using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _around.Stopping))
            {
                session = await PeerHandshake.DialAsync(_around, Peer, at, number, cancel.Token);
            }

            up = session.Stream;
            if (!Tell(new LinkChange.Up(session))) await up.DisposeAsync();
            while (true)
            {
                if (await PeerHandshake.ReadAsync(up, session.Buffer, CancellationToken.None) is PeerFrame.Pong) Tell(new LinkChange.Ponged(up));
            }
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            Tell(new LinkChange.Down(up, cause));
        }
        catch (Exception cause)
        {
            _around.Loop.Post(new NodeInput.DriverFailed($"link to {Peer}", cause));
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
            _around.Loop.Post(new NodeInput.DriverFailed($"link to {Peer}", cause));
        }
    }

    private bool Tell(LinkChange change) => _around.Loop.Post(new NodeInput.LinkNews(this, change));
}
