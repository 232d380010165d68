using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>How two nodes make sure of each other before anything else is said: the one who dialled names the cluster, itself, how it is
/// reached and whom it wants to reach; the other says that it is the one, or why not. Both draw a session number.</summary>
internal static class PeerHandshake
{
    /// <summary>Connects and introduces this node, in the newest protocol that both speak: a node that knows only version 1 hangs up
    /// on an introduction in version 2, so it is dialled once more. But a cut connection ends in the same way, and the next dial may meet a network that has just healed: one that
    /// answers version 1 is asked for more again, or the two would go on in version 1 for as long as the link is up, and what only newer versions can say would never arrive.</summary>
    /// <exception cref="IOException">No connection, or it broke.</exception>
    /// <exception cref="PeerRefusedException">The other end does not want us, or is not whom we want.</exception>
    /// <exception cref="WireFormatException">The other end does not speak our protocol.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or the node stops.</exception>
    public static async ValueTask<PeerSession> DialAsync(PeerSurroundings around, NodeId peer, Endpoint at, ulong session, CancellationToken cancel)
    {
        var config = around.Config;
        if (config.WireVersionMax < 2) return (await DialAsync(around, peer, at, more: null, cancel))!;
        var group = around.Group.Now;
        var more = new Introduction(
            GroupPicture.SelfContact(config), session, config.WireVersionMax, group.Index, group.Membership.Contains(config.Self));
        if (await DialAsync(around, peer, at, more, cancel) is { } open) return open;
        if (config.WireVersionMin > 1) throw new PeerRefusedException(TooOld(peer, 1));
        var plain = (await DialAsync(around, peer, at, more: null, cancel))!;
        try
        {
            if (await DialAsync(around, peer, at, more, cancel) is not { } better) return plain;
            await plain.Stream.DisposeAsync();
            return better;
        }
        catch
        {
            await plain.Stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Why this caller is not let in; null when he is.</summary>
    public static PeerFrame.Refused? Objection(NodeConfig config, GroupPicture group, PeerFrame.Hello hello)
    {
        if (!string.Equals(hello.ClusterId, config.ClusterId, StringComparison.Ordinal))
            return new($"it is of cluster '{hello.ClusterId}', this is cluster '{config.ClusterId}'");
        if (hello.To != config.Self) return new($"it looks for {hello.To}, this is {config.Self}; check the addresses");
        if (hello.From == config.Self) return new($"it calls itself {hello.From}, as this node does; check the names");
        var spoken = hello.More?.VersionMax ?? 1;
        if (spoken < config.WireVersionMin) return new(TooOld(hello.From, spoken));
        if (!group.Membership.Contains(hello.From)) return OfStranger(group, hello);
        var known = group.Membership.ContactOf(hello.From).DataCenter;
        return known.Length == 0 || string.Equals(known, hello.DataCenter, StringComparison.Ordinal)
            ? null : new($"{hello.From} says that it is in {hello.DataCenter}, here it is known to be in {known}");
    }

    public static async ValueTask WriteAsync(Stream stream, PeerFrame frame, FrameSeal seal, CancellationToken cancel)
    {
        var bytes = new WireWriter();
        PeerCodec.Write(bytes, frame, new WireWriter(), seal);
        await stream.WriteAsync(bytes.Written, cancel);
    }

    /// <summary>The next frame.</summary>
    /// <exception cref="EndOfStreamException">The other end closed the stream.</exception>
    public static ValueTask<PeerFrame> ReadAsync(Stream stream, FrameBuffer buffer, CancellationToken cancel) =>
        buffer.TryTake(out var frame) ? new(frame) : ReadMoreAsync(stream, buffer, cancel);

    private static async ValueTask<PeerFrame> ReadMoreAsync(Stream stream, FrameBuffer buffer, CancellationToken cancel)
    {
        PeerFrame? frame;
        do
        {
            var read = await stream.ReadAsync(buffer.Space, cancel);
            if (read == 0) throw new EndOfStreamException("the peer closed the connection");
            buffer.Filled(read);
        }
        while (!buffer.TryTake(out frame));
        return frame;
    }

    /// <summary>What ends a stream and not the node.</summary>
    public static bool EndsOnlyTheLink(Exception cause) =>
        cause is IOException or ObjectDisposedException or OperationCanceledException or WireFormatException or PeerRefusedException;

    private static string TooOld(NodeId peer, int version) =>
        $"{peer} speaks only version {version} of the protocol between nodes, and this node is told to refuse that; upgrade {peer}";

    /// <summary>A caller whom the membership here does not have. Who knows a later membership than we do is believed: a leader may have
    /// come in while this node was away, and its messages tell the rest. A node that waits to be let in believes anybody of its cluster.
    /// Who knows no later one, while ours is committed and not of yesterday, was taken out, and is told.</summary>
    private static PeerFrame.Refused? OfStranger(GroupPicture group, PeerFrame.Hello hello)
    {
        if (hello.More is { } more)
        {
            if (group.IsWaitingToBeLetIn || more.MembershipIndex > group.Index) return null;
            if (group is { IsCommitted: true, IsInQuorum: true } && group.Index > LogIndex.Zero)
                return new($"{hello.From} was taken out of this group (entry {group.Index})") { Kind = RefusalKind.Removed };
        }

        return new($"{hello.From} is no other member of this group");
    }

    /// <summary>Null: the other end hung up on an introduction that version 1 does not know.</summary>
    private static async ValueTask<PeerSession?> DialAsync(
        PeerSurroundings around, NodeId peer, Endpoint at, Introduction? more, CancellationToken cancel)
    {
        var config = around.Config;
        var stream = await around.Seam.PeerNetwork.ConnectAsync(config.Addresses.From(config.DataCenter, at), cancel);
        try
        {
            if (PeerIdentity.Objection(stream, peer) is { } objection) throw new PeerRefusedException(objection, "certificate");
            var hello = new PeerFrame.Hello(config.ClusterId, config.Self, config.DataCenter, peer) { More = more };
            await WriteAsync(stream, hello, FrameSeal.Plain(more is null ? 1 : 2), cancel);
            var buffer = new FrameBuffer(config.Limits.FrameBytesMax, config.WireVersionMax)
            {
                Seal = more is null ? FrameSeal.Plain(1) : FrameSeal.OfAnswer(more.Session),
            };
            var answer = await AnswerAsync(stream, buffer, isNew: more is not null, cancel);
            switch (answer)
            {
                case null:
                    await stream.DisposeAsync();
                    return null;
                case PeerFrame.Welcome(var self) { More.Version: var version } when self == peer && version < config.WireVersionMin:
                    throw new PeerRefusedException(TooOld(peer, version));
                case PeerFrame.Welcome(var self) welcome when self == peer && welcome.More is not null == more is not null:
                    return PeerSession.Of(stream, buffer, more, welcome.More);
                case PeerFrame.Welcome(var other):
                    throw new PeerRefusedException($"{other} answered where {peer} was expected; check the addresses");
                case PeerFrame.Refused(var why) refused:
                    throw new PeerRefusedException($"{peer} refused this node: {why}") { Kind = refused.Kind };
                default:
                    throw new PeerRefusedException($"{peer} did not answer the handshake");
            }
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private static async ValueTask<PeerFrame?> AnswerAsync(Stream stream, FrameBuffer buffer, bool isNew, CancellationToken cancel)
    {
        try
        {
            return await ReadAsync(stream, buffer, cancel);
        }
        catch (IOException) when (isNew)
        {
            return null;
        }
    }
}

/// <summary>A stream on which both ends know who the other is.</summary>
/// <param name="Buffer">May hold what came after the welcome.</param>
/// <param name="Seal">For what this node writes.</param>
internal sealed record PeerSession(Stream Stream, FrameBuffer Buffer, FrameSeal Seal)
{
    public int Version => Seal.Version;

    /// <summary>The dialler's side.</summary>
    public static PeerSession Of(Stream stream, FrameBuffer buffer, Introduction? hello, Acceptance? welcome)
    {
        if (hello is null || welcome is null) return new(stream, buffer, FrameSeal.Plain(1));
        buffer.Seal = FrameSeal.OfSession(welcome.Version, hello.Session, welcome.Session, fromDialler: false);
        return new(stream, buffer, FrameSeal.OfSession(welcome.Version, hello.Session, welcome.Session, fromDialler: true));
    }
}

/// <summary>One of two nodes does not accept the other.</summary>
/// <param name="count">Under which word it is counted.</param>
internal sealed class PeerRefusedException(string why, string count = "handshake") : Exception(why)
{
    public string Count { get; } = count;
    public RefusalKind Kind { get; init; }
}
