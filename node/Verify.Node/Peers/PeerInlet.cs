using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>A stream that somebody else dialled: lets him introduce himself, then turns his bytes into inputs. A driver.</summary>
/// <param name="number">This end's session number.</param>
internal sealed class PeerInlet(PeerSurroundings around, Stream stream, ulong number)
{
    private static readonly TimeSpan IntroductionTimeout = TimeSpan.FromSeconds(2);
    private FrameSeal _answers = FrameSeal.Plain(1);
    private long _frames;

    /// <summary>Who speaks here; known once <see cref="NodeInput.PeerCame"/> was posted.</summary>
    public NodeId? Peer { get; private set; }

    /// <summary>What he said of himself; null before that, and from a peer that speaks version 1.</summary>
    public Introduction? Said { get; private set; }

    /// <summary>Who he says he is, let in or not; for the sentence about a refusal.</summary>
    public string Source { get; private set; } = "from a stranger";

    /// <summary>Frames received so far.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    /// <summary>The value of <see cref="Frames"/> when the mesh last looked, and for how long it has been the same. Loop only.</summary>
    public (long Frames, TimeSpan For) Silence { get; set; }

    public void Close() => stream.Dispose();

    public async Task RunAsync()
    {
        var why = "";
        var isKept = false;
        try
        {
            var buffer = new FrameBuffer(around.Config.Limits.FrameBytesMax, around.Config.WireVersionMax);
            switch (await FirstAsync(buffer))
            {
                case PeerFrame.Hello hello:
                    if (!await LetInAsync(hello, buffer)) return;
                    around.Loop.Post(new NodeInput.PeerCame(this));
                    while (true) await TakeAsync(hello.From, await PeerHandshake.ReadAsync(stream, buffer, CancellationToken.None));
                case PeerFrame.Join join:
                    isKept = await HearJoinAsync(join);
                    break;
                default:
                    throw new WireFormatException("the first frame is no introduction", 0);
            }
        }
        catch (WireFormatException garbled)
        {
            around.Metrics.LinkRefused(_answers.Version == 1 ? "garbled" : "garbled or replayed");
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
            if (!isKept) stream.Dispose();
            around.Loop.TryPost(new NodeInput.PeerWent(this, why));
        }
    }

    /// <summary>Tells a node that wants to be let in what became of it. Called once, by the loop, after <see cref="NodeInput.JoinAsked"/>.</summary>
    public async Task AnswerAsync(PeerFrame.JoinAnswer answer)
    {
        try
        {
            await PeerHandshake.WriteAsync(stream, answer, FrameSeal.Plain(2), around.Stopping);
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            return; // He asks again.
        }
        catch (Exception cause)
        {
            around.Loop.Post(new NodeInput.DriverFailed("answer to a node that joins", cause));
        }
        finally
        {
            stream.Dispose();
        }
    }

    private async ValueTask<PeerFrame> FirstAsync(FrameBuffer buffer)
    {
        using var deadline = new CancellationTokenSource(IntroductionTimeout, around.Seam.Time);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, around.Stopping);
        return await PeerHandshake.ReadAsync(stream, buffer, cancel.Token);
    }

    private async ValueTask<bool> LetInAsync(PeerFrame.Hello hello, FrameBuffer buffer)
    {
        Source = $"from {hello.From}";
        using var deadline = new CancellationTokenSource(IntroductionTimeout, around.Seam.Time);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, around.Stopping);
        var answer = hello.More is { } said ? FrameSeal.OfAnswer(said.Session) : FrameSeal.Plain(1);
        var isImpostor = PeerIdentity.Objection(stream, hello.From) is { } name ? new PeerFrame.Refused(name) : null;
        if ((isImpostor ?? PeerHandshake.Objection(around.Config, around.Group.Now, hello)) is { } objection)
        {
            around.Metrics.LinkRefused(isImpostor is not null ? "certificate" : objection.Kind == RefusalKind.Removed ? "removed" : "handshake");
            around.Loop.TryPost(new NodeInput.PeerWent(this, $"{hello.From}: {objection.Why}"));
            await PeerHandshake.WriteAsync(stream, objection, answer, cancel.Token);
            return false;
        }

        var acceptance = hello.More is { } more ? new Acceptance(number, Math.Min(more.VersionMax, around.Config.WireVersionMax)) : null;
        await PeerHandshake.WriteAsync(stream, new PeerFrame.Welcome(around.Config.Self) { More = acceptance }, answer, cancel.Token);
        if (acceptance is not null)
        {
            buffer.Seal = FrameSeal.OfSession(acceptance.Version, hello.More!.Session, number, fromDialler: true);
            _answers = FrameSeal.OfSession(acceptance.Version, hello.More.Session, number, fromDialler: false);
        }

        (Peer, Said) = (hello.From, hello.More);
        return true;
    }

    /// <summary>True when the loop will answer and close.</summary>
    private async ValueTask<bool> HearJoinAsync(PeerFrame.Join join)
    {
        Source = $"from {join.From}, which wants to join";
        var why = PeerIdentity.Objection(stream, join.From);
        var count = why is null ? "handshake" : "certificate";
        if (!string.Equals(join.ClusterId, around.Config.ClusterId, StringComparison.Ordinal))
            why ??= $"it is of cluster '{join.ClusterId}', this is cluster '{around.Config.ClusterId}'";
        if (why is null) return around.Loop.TryPost(new NodeInput.JoinAsked(this, join));
        around.Metrics.LinkRefused(count);
        around.Loop.TryPost(new NodeInput.PeerWent(this, $"{join.From}: {why}"));
        await PeerHandshake.WriteAsync(stream, new PeerFrame.JoinAnswer(JoinOutcome.Refused, why), FrameSeal.Plain(2), around.Stopping);
        return false;
    }

    private ValueTask TakeAsync(NodeId peer, PeerFrame frame)
    {
        Interlocked.Increment(ref _frames);
        around.Metrics.FrameReceived();
        switch (frame)
        {
            case PeerFrame.Ping(var ping):
                return PeerHandshake.WriteAsync(stream, new PeerFrame.Pong(ping), _answers, around.Stopping);
            case PeerFrame.Raft or PeerFrame.Report or PeerFrame.Request or PeerFrame.Reply:
                if (!around.Loop.TryPost(new NodeInput.PeerSaid(peer, frame))) around.Metrics.FrameDropped("full inbox");
                return ValueTask.CompletedTask;
            default:
                throw new WireFormatException($"a frame that has no place after the introduction ({frame.GetType().Name})", 0);
        }
    }
}
