using Verify.Node.Api;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>Everything that travels between two nodes. Who speaks is known from the handshake and not repeated.</summary>
internal abstract record PeerFrame
{
    private PeerFrame() { }

    /// <summary>The first frame of the one who dialled.</summary>
    internal sealed record Hello(string ClusterId, NodeId From, string DataCenter, NodeId To) : PeerFrame;

    /// <summary>The answer: you are who you should be, and so am I.</summary>
    internal sealed record Welcome(NodeId Self) : PeerFrame;

    /// <summary>The other answer; the stream is closed after it.</summary>
    internal sealed record Refused(string Why) : PeerFrame;

    /// <summary>Asks on a stream whether the other end still hears.</summary>
    internal sealed record Ping(long Number) : PeerFrame;

    internal sealed record Pong(long Number) : PeerFrame;

    internal sealed record Raft(Term Term, Message Body) : PeerFrame;

    /// <summary>What the high-availability part of a node sees; opaque here. A newer one replaces an older one.</summary>
    internal sealed record Report(ReadOnlyMemory<byte> Bytes) : PeerFrame;

    /// <summary>A request for the leader. The receiver never sends it on: one hop.</summary>
    internal sealed record Request(long Id, LeaderRequest Body) : PeerFrame;

    internal sealed record Reply(long Id, LeaderReply Body) : PeerFrame;
}
