using System.Diagnostics;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What operators are told of what became of a command: what the state rejects was not done, and they hear why. (A client's write is answered
/// otherwise: <see cref="Question.Answer(CommandResult, long)"/>.)</summary>
internal static class OperatorReplies
{
    public static ApiReply Of(CommandResult result, LogIndex applied) => result switch
    {
        CommandResult.Done(var index) => new ApiReply.Done(index),
        CommandResult.Rejected(var why) => new ApiReply.Refused(why),
        CommandResult.NotFound => new ApiReply.NotFound(applied.Value),
        CommandResult.Unknown(var why) => new ApiReply.Unknown(why),
        _ => throw new UnreachableException(),
    };
}
