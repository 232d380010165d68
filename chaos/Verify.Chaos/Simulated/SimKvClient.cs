using System.Text;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Api;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Simulated;

/// <summary>The KV asked of simulated nodes. HTTP is not simulated: the question goes to the node's own interface, with the
/// latency of a data centre; the deadline is the client's.</summary>
internal sealed class SimKvClient(SimulatedWorld world, IReadOnlyList<SimHost> nodes) : IKvClient
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(3500);
    private static readonly TimeSpan OneWay = TimeSpan.FromMicroseconds(200);
    private int _next;

    public async ValueTask<KvAnswer> AskAsync(KvQuestion question)
    {
        var host = nodes[_next % nodes.Count];
        await Task.Delay(OneWay, world.Time, CancellationToken.None);
        KvAnswer answer;
        if (host.RunningNode() is null)
        {
            answer = new(OpOutcome.Failed, host.Name) { Error = "connection refused" };
        }
        else
        {
            answer = await AskNodeAsync(host, question);
        }

        await Task.Delay(OneWay, world.Time, CancellationToken.None);
        if (answer.Outcome != OpOutcome.Ok) _next++;
        return answer;
    }

    private async ValueTask<KvAnswer> AskNodeAsync(SimHost host, KvQuestion question)
    {
        try
        {
            var reply = await host.AskAsync(Request(question)).WaitAsync(Deadline, world.Time, CancellationToken.None);
            return Answer(host.Name, question, reply);
        }
        catch (HostDownException)
        {
            return new(OpOutcome.Unknown, host.Name) { Error = "connection reset" };
        }
        catch (TimeoutException)
        {
            return new(OpOutcome.Unknown, host.Name) { Error = "no answer in time" };
        }
    }

    private static ApiRequest Request(KvQuestion question)
    {
        RequestId? id = question.Sequence > 0 ? new(question.Session, question.Sequence) : null;
        return question.Kind switch
        {
            OpKind.KvGet => new ApiRequest.KvGet(question.Key, ReadConsistency.Consistent),
            OpKind.KvDelete => new ApiRequest.KvDelete(question.Key, question.ExpectedIndex, id),
            _ => new ApiRequest.KvPut(question.Key, Encoding.UTF8.GetBytes(question.Value!), 0, question.ExpectedIndex, id),
        };
    }

    private static KvAnswer Answer(string by, KvQuestion question, ApiReply reply) => reply switch
    {
        ApiReply.Done(var index) => new(OpOutcome.Ok, by) { ModifyIndex = index },
        ApiReply.Value(var pair, _) => new(OpOutcome.Ok, by) { Value = Encoding.UTF8.GetString(pair.Value.Span), ModifyIndex = pair.ModifyIndex },
        ApiReply.NotFound when question.Kind == OpKind.KvGet => new(OpOutcome.Ok, by),
        ApiReply.NotFound => new(OpOutcome.Failed, by) { Error = "not found" },
        ApiReply.CasConflict(var index) => new(OpOutcome.Ok, by) { CasRefused = true, ModifyIndex = index },
        ApiReply.NoLeader => new(OpOutcome.Failed, by) { Error = "no leader" },
        ApiReply.Overloaded(var why, _) => new(OpOutcome.Failed, by) { Error = why },
        ApiReply.Refused(var why) => new(OpOutcome.Failed, by) { Error = why },
        ApiReply.Unknown(var why) => new(OpOutcome.Unknown, by) { Error = why },
        _ => new(OpOutcome.Unknown, by) { Error = reply.GetType().Name },
    };
}
