using Verify.Node.Api;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>Everything that travels between two nodes. Who speaks is known from the handshake and not repeated.</summary>
internal abstract record PeerFrame
{
    private PeerFrame() { }

    /// <summary>The first frame of the one who dialled.</summary>
    internal sealed record Hello(string ClusterId, NodeId From, string DataCenter, NodeId To) : PeerFrame
    {
        /// <summary>What version 2 adds; null in version 1.</summary>
        public Introduction? More { get; init; }
    }

    /// <summary>The answer: you are who you should be, and so am I.</summary>
    internal sealed record Welcome(NodeId Self) : PeerFrame
    {
        /// <summary>What version 2 adds; null in version 1.</summary>
        public Acceptance? More { get; init; }
    }

    /// <summary>The other answer; the stream is closed after it.</summary>
    internal sealed record Refused(string Why) : PeerFrame
    {
        /// <summary>Version 1 does not say it.</summary>
        public RefusalKind Kind { get; init; }
    }

    /// <summary>The first frame of a node that wants to be let into the group, to any member. The token is a secret.</summary>
    internal sealed record Join(string ClusterId, NodeId From, Contact Contact, bool StaysLearner, NodeId? Replaces, string? Token) : PeerFrame
    {
        /// <summary>Without the token.</summary>
        public override string ToString() => $"Join of {From} to {ClusterId}";
    }

    /// <summary>What became of it; the stream is closed after it.</summary>
    internal sealed record JoinAnswer(JoinOutcome Outcome, string Why) : PeerFrame;

    /// <summary>Asks on a stream whether the other end still hears.</summary>
    internal sealed record Ping(long Number) : PeerFrame;

    internal sealed record Pong(long Number) : PeerFrame;

    internal sealed record Raft(Term Term, Message Body) : PeerFrame;

    /// <summary>What the high-availability part of a node sees; opaque here. A newer one replaces an older one.</summary>
    internal sealed record Report(ReadOnlyMemory<byte> Bytes) : PeerFrame
    {
        /// <summary>Its first byte, which says how the rest is read.</summary>
        public byte Kind => KindOf(Bytes.Span);

        /// <summary>The same, of the bytes alone; 0 for none.</summary>
        public static byte KindOf(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? (byte)0 : bytes[0];
    }

    /// <summary>A request for the leader. The receiver never sends it on: one hop.</summary>
    internal sealed record Request(long Id, LeaderRequest Body) : PeerFrame;

    internal sealed record Reply(long Id, LeaderReply Body) : PeerFrame;
}

/// <summary>What a node says of itself when it dials, from version 2 on.</summary>
/// <param name="Contact">How it can be reached, which may be news.</param>
/// <param name="Session">Drawn anew for each stream; with the number of <see cref="Acceptance"/> it makes the checksums of a stream its own.</param>
/// <param name="VersionMax">The newest protocol it speaks.</param>
/// <param name="MembershipIndex">The place of the latest membership in its log.</param>
/// <param name="IsMember">It is in that membership.</param>
internal sealed record Introduction(Contact Contact, ulong Session, int VersionMax, LogIndex MembershipIndex, bool IsMember);

/// <summary>What the one who was dialled answers, from version 2 on.</summary>
/// <param name="Session">Drawn anew for each stream.</param>
/// <param name="Version">The protocol that is spoken on this stream from here on.</param>
internal sealed record Acceptance(ulong Session, int Version);

/// <summary>Why somebody is not let in, as far as it matters to him.</summary>
internal enum RefusalKind : byte
{
    /// <summary>The sentence says it; trying again may help.</summary>
    Other = 0,

    /// <summary>He was taken out of the group, and that is committed.</summary>
    Removed = 1,
}

/// <summary>What became of a request to be let in.</summary>
internal enum JoinOutcome : byte
{
    /// <summary>The committed membership has the node.</summary>
    Done = 0,

    /// <summary>Not now: no leader, too much to do, another change under way. Ask again.</summary>
    Later = 1,

    /// <summary>No: the sentence says why. A person has to do something.</summary>
    Refused = 2,
}
