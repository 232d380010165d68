using System.Diagnostics;
using Verify.Node.State;

namespace Verify.Node.Api;

/// <summary>One request and the one answer it will get, whoever asked: a client of this node, a peer that forwards, or the node's
/// own high-availability part. Lives on the loop.</summary>
internal sealed class Question
{
    private readonly Action<LeaderReply> _answer;

    /// <param name="wasForwarded">A peer sent it; it is not sent on.</param>
    public Question(LeaderRequest request, bool wasForwarded, TimeSpan deadline, Action<LeaderReply> answer)
    {
        (Request, WasForwarded, Deadline, _answer) = (request, wasForwarded, deadline, answer);
        IsForHa = request is LeaderRequest.Ha or LeaderRequest.Own;
    }

    /// <summary>Let go as soon as the question is answered, since its value may be large.</summary>
    public LeaderRequest? Request { get; private set; }
    public bool WasForwarded { get; }
    public TimeSpan Deadline { get; }
    public bool IsForHa { get; }

    /// <summary>Until when it may be kept while leadership changes hands; null: it was not kept yet.</summary>
    public TimeSpan? HeldUntil { get; set; }
    public bool IsOpen => Request is not null;

    /// <summary>Called with the outcome's name when the question is answered; for counting.</summary>
    public Action<LeaderRequest, LeaderReply>? WhenAnswered { get; set; }

    public void Answer(ApiReply reply) => Give(IsForHa ? new LeaderReply.Ha(ForHa(reply)) : new LeaderReply.Client(reply));

    /// <summary>The state has answered a command.</summary>
    /// <param name="applied">The index of the entry.</param>
    public void Answer(CommandResult result, long applied) =>
        Give(IsForHa ? new LeaderReply.Ha(result) : new LeaderReply.Client(ForClient(result, applied)));

    /// <summary>This is an answer of the kind that was asked for.</summary>
    public bool Takes(LeaderReply reply) => Request switch
    {
        LeaderRequest.Ha or LeaderRequest.Own => reply is LeaderReply.Ha,
        LeaderRequest.ReadIndex => reply is LeaderReply.ReadIndex or LeaderReply.Client,
        LeaderRequest.Client => reply is LeaderReply.Client,
        _ => false,
    };

    /// <summary>Hands on what the leader said.</summary>
    public void Give(LeaderReply reply)
    {
        if (Request is not { } request) return;
        Request = null;
        WhenAnswered?.Invoke(request, reply);
        _answer(reply);
    }

    /// <summary>The deciders hear "refused" only from the replicated state itself; everything short of that is "not known".</summary>
    private static CommandResult.Unknown ForHa(ApiReply reply) => new(reply switch
    {
        ApiReply.NoLeader => "no leader is known",
        ApiReply.Overloaded(var reason, _) => reason,
        ApiReply.Unknown(var why) => why,
        ApiReply.Refused(var why) => why,
        _ => throw new UnreachableException(),
    });

    /// <summary>The state rejects a client's write only as one that its session has left behind: whether it was applied in its time
    /// is no longer known.</summary>
    private static ApiReply ForClient(CommandResult result, long applied) => result switch
    {
        CommandResult.Done(var index) => new ApiReply.Done(index),
        CommandResult.CasConflict(var index) => new ApiReply.CasConflict(index),
        CommandResult.NotFound => new ApiReply.NotFound(applied),
        CommandResult.Kv(var outcome) => new ApiReply.Kv(outcome),
        CommandResult.Rejected(var why) => new ApiReply.Unknown(why),
        CommandResult.Busy(var why, var retryMs) => new ApiReply.Overloaded(why, TimeSpan.FromMilliseconds(retryMs)),
        CommandResult.Unknown(var why) => new ApiReply.Unknown(why),
        _ => throw new UnreachableException(),
    };
}
