using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Seam;

namespace Verify.Node.Peers;

/// <summary>How two nodes make sure of each other before anything else is said: the one who dialled names the cluster, itself, its
/// data centre and whom it wants to reach; the other says that it is the one, or why not.</summary>
internal static class PeerHandshake
{
    /// <summary>Connects and introduces this node. The buffer may hold what came after the welcome.</summary>
    /// <exception cref="IOException">No connection, or it broke.</exception>
    /// <exception cref="PeerRefusedException">The other end does not want us.</exception>
    /// <exception cref="WireFormatException">The other end does not speak our protocol.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or the node stops.</exception>
    public static async ValueTask<(Stream Stream, FrameBuffer Buffer)> DialAsync(
        NodeConfig config, Member peer, INetwork network, CancellationToken cancel)
    {
        var stream = await network.ConnectAsync(config.Addresses.From(config.DataCenter, peer.Endpoint), cancel);
        try
        {
            await WriteAsync(stream, new PeerFrame.Hello(config.ClusterId, config.Self, config.DataCenter, peer.Id), cancel);
            var buffer = new FrameBuffer(config.Limits.FrameBytesMax);
            switch (await ReadAsync(stream, buffer, cancel))
            {
                case PeerFrame.Welcome(var self) when self == peer.Id:
                    return (stream, buffer);
                case PeerFrame.Welcome(var other):
                    throw new PeerRefusedException($"{other} answered where {peer.Id} was expected; check the addresses");
                case PeerFrame.Refused(var why):
                    throw new PeerRefusedException($"{peer.Id} refused this node: {why}");
                default:
                    throw new PeerRefusedException($"{peer.Id} did not answer the handshake");
            }
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Why this caller is not let in; null when he is.</summary>
    public static string? Objection(NodeConfig config, PeerFrame.Hello hello)
    {
        if (!string.Equals(hello.ClusterId, config.ClusterId, StringComparison.Ordinal))
            return $"it is of cluster '{hello.ClusterId}', this is cluster '{config.ClusterId}'";
        if (hello.To != config.Self) return $"it looks for {hello.To}, this is {config.Self}; check the addresses";
        var member = config.Members.FirstOrDefault(m => m.Id == hello.From);
        if (member is null || member.Id == config.Self) return $"{hello.From} is no other member of this group";
        return string.Equals(member.DataCenter, hello.DataCenter, StringComparison.Ordinal)
            ? null : $"{hello.From} says that it is in {hello.DataCenter}, here it is configured in {member.DataCenter}";
    }

    public static async ValueTask WriteAsync(Stream stream, PeerFrame frame, CancellationToken cancel)
    {
        var bytes = new WireWriter();
        PeerCodec.Write(bytes, frame, new WireWriter());
        await stream.WriteAsync(bytes.Written, cancel);
    }

    /// <summary>The next frame.</summary>
    /// <exception cref="EndOfStreamException">The other end closed the stream.</exception>
    public static async ValueTask<PeerFrame> ReadAsync(Stream stream, FrameBuffer buffer, CancellationToken cancel)
    {
        PeerFrame? frame;
        while (!buffer.TryTake(out frame))
        {
            var read = await stream.ReadAsync(buffer.Space, cancel);
            if (read == 0) throw new EndOfStreamException("the peer closed the connection");
            buffer.Filled(read);
        }

        return frame;
    }

    /// <summary>What ends a stream and not the node.</summary>
    public static bool EndsOnlyTheLink(Exception cause) =>
        cause is IOException or ObjectDisposedException or OperationCanceledException or WireFormatException or PeerRefusedException;
}

/// <summary>One of two nodes does not accept the other.</summary>
internal sealed class PeerRefusedException(string why) : Exception(why);
