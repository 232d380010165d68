using System.Diagnostics;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.State.Time;

namespace Verify.Node.Api;

/// <summary>What operators ask about recoveries and policies, on the leader. Each change is one entry of the log with the leader's stamp. Lives on
/// the loop.</summary>
internal sealed class RecoveryRequests(ApiParts parts, Writes writes, Func<TimeStamp> now)
{
    public static bool Takes(ApiRequest request) => RecoveryApiCodec.Writes(request);

    public void Lead(ApiRequest request, Question question)
    {
        if (!parts.LeadsSettled)
        {
            question.Answer(new ApiReply.NoLeader(parts.RetryAfter));
            return;
        }

        switch (request)
        {
            case ApiRequest.StartRecovery start:
                var plan = parts.Ha.Plan(start);
                if (plan.Command?.With(now()) is { } command) Enter(new Command.Ha(command.UnderstoodBy(parts.Protocol.ObjectionTo) ?? command), question);
                else question.Answer(new ApiReply.Refused(plan.Objection));
                break;
            case ApiRequest.AcknowledgeRecoveries a:
                Enter(new Command.Ha(new HaCommand.AcknowledgeRecoveries(a.Alias, a.RecoveryId, a.Instance, a.By, a.Comment, now())), question);
                break;
            case ApiRequest.ChangePolicy(var policy):
                Enter(new Command.Policy(policy with { Stamp = now() }), question);
                break;
            case ApiRequest.SkippedRecoveries:
                question.Answer(new ApiReply.Skipped(parts.Ha.Skipped()));
                break;
            default:
                throw new UnreachableException();
        }
    }

    public ApiReply.Policy Policy()
    {
        var (policy, time) = (parts.State.Policy, parts.State.Time);
        return new(new PolicyPicture(
            policy.RecoveriesAreOn, policy.RecoveriesOffBy, [.. policy.Downtimes], [.. policy.Maintenance], [.. policy.Rules], time.NowMs, time.WallMs));
    }

    private void Enter(Command command, Question question)
    {
        var refusal = writes.Enter(command, new Proposer(null, result => question.Answer(OperatorReplies.Of(result, parts.State.Applied.Index))));
        if (refusal is not null) question.Answer(refusal);
    }
}
