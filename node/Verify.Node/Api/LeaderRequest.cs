using Verify.Node.State;
using Verify.Node.State.Ledger;

namespace Verify.Node.Api;

/// <summary>What a node may ask of the leader: for a client, or for its own high-availability part.</summary>
internal abstract record LeaderRequest
{
    private LeaderRequest() { }

    internal sealed record Client(ApiRequest Request) : LeaderRequest;
    internal sealed record Ha(HaCommand Command) : LeaderRequest;
}

/// <summary>The leader's answer.</summary>
internal abstract record LeaderReply
{
    private LeaderReply() { }

    internal sealed record Client(ApiReply Reply) : LeaderReply;
    internal sealed record Ha(CommandResult Result) : LeaderReply;
}
