using Verify.Raft;

namespace Verify.Sim.Exhaustive;

/// <summary>What can still come of a message at the node that it is for, from this state of the node on, for ever.</summary>
internal enum Fate
{
    /// <summary>Anything.</summary>
    Open,

    /// <summary>Nothing: it changes nothing and is answered with nothing, here and in every later state of this node.</summary>
    Dead,

    /// <summary>The same answer each time, and nothing else: once that is said, nothing.</summary>
    Answered,

    /// <summary>The same, as long as this node does not crash.</summary>
    AnsweredForLife,

    /// <summary>It never changes this node, and its answers are dead when the sender is in the last term.</summary>
    MootPreVote,

    /// <summary>It never changes this node, and its answers are dead when the sender is in the last term and no candidate in it.</summary>
    MootVote,
}

/// <summary>Which messages need not be remembered. Each rule is about the core: terms never go back, a vote stays within its term, a node becomes
/// candidate and leader of a term only in the moment in which it enters it, a leader only appends, what matches only grows, and what is committed
/// stays (but for a crash). The step itself is looked at too: a message that does something now is never forgotten. README.md has the argument,
/// and a test compares everything that can happen to the nodes with and without these rules.</summary>
internal static class Fates
{
    /// <param name="isLast">No node will ever be in a later term than this one.</param>
    /// <param name="isUnchanged">The message, delivered now, leaves the node as it is.</param>
    /// <param name="sent">What the node says to it now.</param>
    public static Fate Of(in Envelope envelope, CoreImage core, bool isLast, bool isUnchanged, IReadOnlyList<Envelope> sent)
    {
        if (!isUnchanged) return Fate.Open;
        var isPast = envelope.Term < core.Term;
        var isNow = envelope.Term == core.Term;
        return envelope.Body switch
        {
            Message.VoteReply or Message.AppendReply when sent.Count > 0 => Fate.Open,
            Message.VoteReply { IsPreVote: true, Granted: true } => isPast || isNow || isLast ? Fate.Dead : Fate.Open,
            Message.VoteReply { IsPreVote: true } => isPast || (isNow && isLast) ? Fate.Dead : Fate.Open,
            Message.VoteReply => isPast || (isNow && core.Role != RaftRole.Candidate) ? Fate.Dead : Fate.Open,
            Message.AppendReply reply => isPast || (isNow && IsOldNews(envelope.From, reply, core)) ? Fate.Dead : Fate.Open,
            Message.VoteRequest request => OfRequest(envelope.From, request, core, isLast, isPast, isNow),
            Message.Append => OfAppend(core, isLast, isPast, isNow, sent),
            _ => Fate.Open,
        };
    }

    /// <summary>A follower never leads the term in which it follows; and a leader has heard more of this follower already.</summary>
    private static bool IsOldNews(NodeId from, Message.AppendReply reply, CoreImage core)
    {
        if (core.Role is RaftRole.Follower or RaftRole.PreCandidate) return true;
        if (core.Role != RaftRole.Leader) return false;
        foreach (var peer in core.Peers)
            if (peer.Peer == from) return reply.Accepted ? reply.Hint.Index < peer.Match : reply.Refused <= peer.Match && reply.Hint.Index <= peer.Match;
        return false;
    }

    private static Fate OfRequest(NodeId from, Message.VoteRequest request, CoreImage core, bool isLast, bool isPast, bool isNow)
    {
        if (isLast && (isPast || (isNow && core.VotedFor is { } other && other != from))) return Fate.Answered;
        if (request.IsPreVote) return Fate.MootPreVote;
        return isLast && isNow && core.VotedFor == from ? Fate.MootVote : Fate.Open;
    }

    private static Fate OfAppend(CoreImage core, bool isLast, bool isPast, bool isNow, IReadOnlyList<Envelope> sent)
    {
        if (!isLast) return Fate.Open;
        if (isPast) return Fate.Answered;
        var isHeld = sent is [{ Body: Message.AppendReply { Accepted: true } }];
        return isNow && core.Role == RaftRole.Follower && isHeld ? Fate.AnsweredForLife : Fate.Open;
    }
}
