using Verify.Chaos.Worlds;
using Verify.Checks;

namespace Verify.Chaos.Running;

/// <summary>The KV operations of one client. A write whose outcome is unknown is sent again under the same session and
/// number, as a careful client does; the operation lasts until a definite answer or until the tries are used up.</summary>
public sealed class KvWork(IKvClient client, OpLog log, Func<long> nextOp, string session)
{
    private const int TriesMax = 4;
    private readonly SortedDictionary<string, (string? Value, long Index)> _seen = new(StringComparer.Ordinal);
    private long _sequence;

    public async ValueTask DoAsync(OpKind kind, string key, int clientId, string dataCenter, IWorld world)
    {
        if (kind == OpKind.KvCas && !_seen.ContainsKey(key)) kind = OpKind.KvGet;
        var known = kind == OpKind.KvCas ? _seen[key] : default;
        var id = nextOp();
        var op = new Op
        {
            Id = id, Client = clientId, DataCenter = dataCenter, Kind = kind, Key = key,
            Value = kind is OpKind.KvPut or OpKind.KvCas ? $"v{id}" : null,
            Expected = kind == OpKind.KvCas ? known.Value : null,
            Outcome = OpOutcome.Unknown, CalledUs = world.Events.NowUs, ReturnedUs = long.MaxValue,
        };
        log.Begin(op);
        var isRead = kind == OpKind.KvGet;
        var question = new KvQuestion(kind, key, op.Value, kind == OpKind.KvCas ? known.Index : null, session, isRead ? 0 : ++_sequence);
        var answer = await AskUntilKnownAsync(question, isRead, world);
        log.End(op with
        {
            Outcome = answer.Outcome, ReturnedUs = world.Events.NowUs, By = answer.By, Error = answer.Error, CasRefused = answer.CasRefused,
            Value = isRead ? answer.Value : op.Value,
        });
        Learn(kind, key, op.Value, answer);
    }

    private async ValueTask<KvAnswer> AskUntilKnownAsync(KvQuestion question, bool isRead, IWorld world)
    {
        var wasUnknown = false;
        for (var tries = 1; ; tries++)
        {
            var answer = await client.AskAsync(question);
            if (answer.Outcome == OpOutcome.Ok) return answer;
            if (isRead) return answer with { Outcome = OpOutcome.Failed };

            // A try that certainly failed says nothing about an earlier one that is unknown.
            wasUnknown |= answer.Outcome == OpOutcome.Unknown;
            if (!wasUnknown) return answer;
            if (tries == TriesMax) return answer with { Outcome = OpOutcome.Unknown };
            await Task.Delay(TimeSpan.FromMilliseconds(100 * tries), world.Time, CancellationToken.None);
        }
    }

    private void Learn(OpKind kind, string key, string? written, KvAnswer answer)
    {
        if (answer.Outcome != OpOutcome.Ok || answer.CasRefused)
        {
            _seen.Remove(key);
            return;
        }

        _seen[key] = kind switch
        {
            OpKind.KvGet => (answer.Value, answer.ModifyIndex),
            OpKind.KvDelete => (null, 0),
            _ => (written, answer.ModifyIndex),
        };
    }
}

/// <summary>What all clients of a run saw. Operations that never came back stay with the outcome Unknown.</summary>
public sealed class OpLog
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Op> _ops = []; // sorted by whoever takes it out

    public void Begin(Op op)
    {
        lock (_gate) _ops[op.Id] = op;
    }

    public void End(Op op)
    {
        lock (_gate) _ops[op.Id] = op;
    }

    /// <summary>In the order of the calls.</summary>
    public IReadOnlyList<Op> All()
    {
        lock (_gate)
        {
#if VERIFY_MUTANTS
            if (Verify.Raft.Mutant.Is("T5", deviates: _ops.Values.Any(o => o.Outcome == OpOutcome.Unknown)))
                return [.. _ops.Values.Where(o => o.Outcome != OpOutcome.Unknown).OrderBy(o => o.CalledUs).ThenBy(o => o.Id)];
#endif
            return [.. _ops.Values.OrderBy(o => o.CalledUs).ThenBy(o => o.Id)];
        }
    }

    public (int Ok, int Failed, int Unknown) Count()
    {
        lock (_gate)
        {
            var (ok, failed, unknown) = (0, 0, 0);
            foreach (var op in _ops.Values)
            {
                if (op.Outcome == OpOutcome.Ok) ok++;
                else if (op.Outcome == OpOutcome.Failed) failed++;
                else unknown++;
            }

            return (ok, failed, unknown);
        }
    }
}
