using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>A stream that somebody else dialled: lets him introduce himself, then turns his bytes into inputs. A driver.</summary>
internal sealed class PeerInlet(PeerSurroundings around, Stream stream)
{
    private static readonly TimeSpan IntroductionTimeout = TimeSpan.FromSeconds(2);
    private long _frames;

    /// <summary>Who speaks here; known once <see cref="NodeInput.PeerCame"/> was posted.</summary>
    public NodeId? Peer { get; private set; }

    /// <summary>Frames received so far.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    /// <summary>The value of <see cref="Frames"/> when the mesh last looked, and for how long it has been the same. Loop only.</summary>
    public (long Frames, TimeSpan For) Silence { get; set; }

    public void Close() => stream.Dispose();

    public async Task RunAsync()
    {
        var why = "";
        try
        {
            var buffer = new FrameBuffer(around.Config.Limits.FrameBytesMax);
            if (await LetInAsync(buffer) is not { } peer) return;
            Peer = peer;
            around.Loop.Post(new NodeInput.PeerCame(this));
            while (true) await TakeAsync(peer, await PeerHandshake.ReadAsync(stream, buffer, CancellationToken.None));
        }
        catch (WireFormatException garbled)
        {
            around.Metrics.LinkRefused("garbled");
            why = $"what came is not our protocol: {garbled.Message}";
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            why = "";
        }
        catch (Exception cause)
        {
            around.Loop.Post(new NodeInput.DriverFailed("stream of a peer", cause));
        }
        finally
        {
            stream.Dispose();
            around.Loop.TryPost(new NodeInput.PeerWent(this, why));
        }
    }

    private async ValueTask<NodeId?> LetInAsync(FrameBuffer buffer)
    {
        using var deadline = new CancellationTokenSource(IntroductionTimeout, around.Seam.Time);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, around.Stopping);
        if (await PeerHandshake.ReadAsync(stream, buffer, cancel.Token) is not PeerFrame.Hello hello)
            throw new WireFormatException("the first frame is no introduction", 0);
        if (PeerHandshake.Objection(around.Config, hello) is { } objection)
        {
            around.Metrics.LinkRefused("handshake");
            around.Loop.TryPost(new NodeInput.PeerWent(this, $"{hello.From}: {objection}"));
            await PeerHandshake.WriteAsync(stream, new PeerFrame.Refused(objection), cancel.Token);
            return null;
        }

        await PeerHandshake.WriteAsync(stream, new PeerFrame.Welcome(around.Config.Self), cancel.Token);
        return hello.From;
    }

    private async ValueTask TakeAsync(NodeId peer, PeerFrame frame)
    {
        Interlocked.Increment(ref _frames);
        around.Metrics.FrameReceived();
        switch (frame)
        {
            case PeerFrame.Ping(var number):
                await PeerHandshake.WriteAsync(stream, new PeerFrame.Pong(number), around.Stopping);
                break;
            case PeerFrame.Raft or PeerFrame.Report or PeerFrame.Request or PeerFrame.Reply:
                if (!around.Loop.TryPost(new NodeInput.PeerSaid(peer, frame))) around.Metrics.FrameDropped("full inbox");
                break;
            default:
                throw new WireFormatException($"a frame that has no place after the introduction ({frame.GetType().Name})", 0);
        }
    }
}
