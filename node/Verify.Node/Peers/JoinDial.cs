using Verify.Node.Loop;
using Verify.Node.Seam;

namespace Verify.Node.Peers;

/// <summary>Asks one member, over a stream of its own, to let this node into the group. A driver: one question, one answer, which it posts
/// as <see cref="NodeInput.JoinAnswered"/>.</summary>
internal static class JoinDial
{
    public static async Task AskAsync(PeerSurroundings around, Endpoint via)
    {
        var config = around.Config;
        try
        {
            // The one who is asked may pass the question on, and each of the two has the time of a request.
            using var deadline = new CancellationTokenSource(config.Timing.RequestTimeout * 2, around.Seam.Time);
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, around.Stopping);
            await using var stream = await around.Seam.PeerNetwork.ConnectAsync(config.Addresses.From(config.DataCenter, via), cancel.Token);
            var join = new PeerFrame.Join(
                config.ClusterId, config.Self, GroupPicture.SelfContact(config), config.Join.StaysLearner, config.Join.Replaces, config.Join.Token);
            await PeerHandshake.WriteAsync(stream, join, FrameSeal.Plain(2), cancel.Token);
            var buffer = new FrameBuffer(config.Limits.FrameBytesMax, config.WireVersionMax);
            var answer = await PeerHandshake.ReadAsync(stream, buffer, cancel.Token) as PeerFrame.JoinAnswer
                ?? new(JoinOutcome.Later, "the answer was none");
            around.Loop.Post(new NodeInput.JoinAnswered(via, answer));
        }
        catch (EndOfStreamException)
        {
            around.Loop.Post(new NodeInput.JoinAnswered(via, new(JoinOutcome.Later, "it hung up; does it run an old version of the program, or has it just stopped?")));
        }
        catch (OperationCanceledException)
        {
            around.Loop.Post(new NodeInput.JoinAnswered(via, new(JoinOutcome.Later, "no answer within the time for a request")));
        }
        catch (Exception cause) when (PeerHandshake.EndsOnlyTheLink(cause))
        {
            around.Loop.Post(new NodeInput.JoinAnswered(via, new(JoinOutcome.Later, cause.Message)));
        }
        catch (Exception cause)
        {
            around.Loop.Post(new NodeInput.DriverFailed("asking to be let in", cause));
        }
    }
}
