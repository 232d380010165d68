using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What a node may ask of the leader: for a client, for its own high-availability part, or for a read of its own.</summary>
internal abstract record LeaderRequest
{
    private LeaderRequest() { }

    internal sealed record Client(ApiRequest Request) : LeaderRequest;
    internal sealed record Ha(HaCommand Command) : LeaderRequest;

    /// <summary>For a part of this node; needs no stamp.</summary>
    internal sealed record Own(Command Command) : LeaderRequest;

    /// <summary>How new must a state be to answer a linearizable read that was asked before this? (Thesis §6.4: a follower's read.)</summary>
    /// <param name="UnderLease">The leader's lease will do; without one it makes a round.</param>
    internal sealed record ReadIndex(bool UnderLease) : LeaderRequest;
}

/// <summary>The leader's answer.</summary>
internal abstract record LeaderReply
{
    private LeaderReply() { }

    internal sealed record Client(ApiReply Reply) : LeaderReply;
    internal sealed record Ha(CommandResult Result) : LeaderReply;
    internal sealed record ReadIndex(LogIndex Index) : LeaderReply;
}
