using System.Text;
using Verify.Checks;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>One careful client of the KV: a write whose outcome is unknown is sent again under the same session and number. What it
/// sees becomes the history that is judged.</summary>
internal sealed class ClusterClient(ClusterWorld world, ClusterSwarmOptions options, int number, Dice dice, List<Op> history)
{
    private const int TriesMax = 6;
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(3500);
    private readonly SortedDictionary<string, (string? Value, long Index)> _seen = new(StringComparer.Ordinal);
    private long _sequence;
    private long _others;
    private int _host;

    private long NowUs => world.Sim.NowMicros;

    public async Task WorkAsync(Func<bool> goes)
    {
        _host = dice.Next(world.Names.Length);
        while (goes())
        {
            var kind = dice.Next(10) switch { < 4 => OpKind.KvPut, < 8 => OpKind.KvGet, 8 => OpKind.KvCas, _ => OpKind.KvDelete };
            await DoAsync(kind, $"k{dice.Next(options.Keys)}", options.LeaseReads && dice.Chance(500));
            await Task.Delay(TimeSpan.FromMilliseconds(1 + dice.Next(80)), world.Time, CancellationToken.None);
        }
    }

    public Task<OpOutcome> DoAsync(OpKind kind, string key, bool underLease) => DoAsync(kind, key, underLease, only: null);

    /// <summary>Asks this node and nobody else, once.</summary>
    public Task DoOnceAsync(OpKind kind, string key, SimHost host) => DoAsync(kind, key, underLease: false, host);

    private async Task<OpOutcome> DoAsync(OpKind kind, string key, bool underLease, SimHost? only)
    {
        if (kind == OpKind.KvCas && !_seen.ContainsKey(key)) kind = OpKind.KvGet;
        var expected = kind == OpKind.KvCas ? _seen[key] : default;
        var op = new Op
        {
            Id = history.Count, Client = number, DataCenter = "", Kind = kind, Key = key, Outcome = OpOutcome.Unknown, CalledUs = NowUs, ReturnedUs = long.MaxValue,
            Value = kind is OpKind.KvPut or OpKind.KvCas ? $"v{history.Count}" : null, Expected = kind == OpKind.KvCas ? expected.Value : null,
        };
        history.Add(op);
        var request = RequestOf(op, expected.Index, underLease);
        var (outcome, reply, by) = only is null ? await AskUntilKnownAsync(request, isRead: kind == OpKind.KvGet) : await AskOnceAsync(only, request);
        var ended = op with { Outcome = outcome, ReturnedUs = NowUs, By = by, CasRefused = reply is ApiReply.CasConflict };
        if (reply is ApiReply.Value value) ended = ended with { Value = Encoding.UTF8.GetString(value.Pair.Value.Span) };
        history[(int)op.Id] = ended;
        Learn(ended, reply);
        return outcome;
    }

    private ApiRequest RequestOf(Op op, long expectedIndex, bool underLease)
    {
        if (op.Kind == OpKind.KvGet) return new ApiRequest.KvGet(op.Key, underLease ? ReadConsistency.Lease : ReadConsistency.Consistent);
        var id = NextId();
        return op.Kind == OpKind.KvDelete ? new ApiRequest.KvDelete(op.Key, null, id)
            : new ApiRequest.KvPut(op.Key, Encoding.UTF8.GetBytes(op.Value!), 0, op.Kind == OpKind.KvCas ? expectedIndex : null, id);
    }

    /// <summary>Where few sessions are remembered, a write now and then has one that is used for nothing else, and may find no place.</summary>
    private RequestId NextId() => options.SessionsMax > 0 && _sequence > 0 && dice.Chance(300)
        ? new($"c{number}-{++_others}", 1) : new($"c{number}", ++_sequence);

    private async Task<(OpOutcome, ApiReply?, string)> AskOnceAsync(SimHost host, ApiRequest request)
    {
        var (outcome, reply) = await TryAsync(host, request, isRead: false);
        return (outcome, reply, host.Name);
    }

    private async Task<(OpOutcome, ApiReply?, string)> AskUntilKnownAsync(ApiRequest request, bool isRead)
    {
        var wasUnknown = false;
        for (var tries = 1; ; tries++)
        {
            var host = world.Sim.Host(world.Names[_host % world.Names.Length]);
            var (outcome, reply) = await TryAsync(host, request, isRead);
            if (outcome == OpOutcome.Ok) return (outcome, reply, host.Name);
            _host = dice.Next(world.Names.Length);
            wasUnknown |= outcome == OpOutcome.Unknown;
            if (tries >= TriesMax || (isRead && tries >= 2)) return (wasUnknown && !isRead ? OpOutcome.Unknown : OpOutcome.Failed, reply, host.Name);
            await Task.Delay(TimeSpan.FromMilliseconds(50 * tries), world.Time, CancellationToken.None);
        }
    }

    private async Task<(OpOutcome, ApiReply?)> TryAsync(SimHost host, ApiRequest request, bool isRead)
    {
        if (host.RunningNode() is null) return (OpOutcome.Failed, null);
        try
        {
            var reply = await host.AskAsync(request).WaitAsync(Deadline, world.Time, CancellationToken.None);
            return reply switch
            {
                ApiReply.Done or ApiReply.Value or ApiReply.CasConflict => (OpOutcome.Ok, reply),
                // A delete of what is not there has taken place; a read has seen that nothing is there.
                ApiReply.NotFound => (OpOutcome.Ok, reply),
                ApiReply.NoLeader or ApiReply.Overloaded or ApiReply.Refused => (OpOutcome.Failed, reply),
                _ => (isRead ? OpOutcome.Failed : OpOutcome.Unknown, reply),
            };
        }
        catch (Exception e) when (e is HostDownException or TimeoutException)
        {
            return (isRead ? OpOutcome.Failed : OpOutcome.Unknown, null);
        }
    }

    private void Learn(Op op, ApiReply? reply)
    {
        switch (reply)
        {
            case ApiReply.Value value: _seen[op.Key] = (op.Value, value.Pair.ModifyIndex); break;
            case ApiReply.Done done when op.Kind is OpKind.KvPut or OpKind.KvCas: _seen[op.Key] = (op.Value, done.ModifyIndex); break;
            case ApiReply.NotFound: _seen[op.Key] = (null, 0); break;
            default: _seen.Remove(op.Key); break;
        }
    }
}
