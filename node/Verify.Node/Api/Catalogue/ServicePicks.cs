using Verify.Node.Seam;
using Verify.Node.State.Catalogue;

namespace Verify.Node.Api.Catalogue;

/// <summary>Chooses one of several instances. What it remembers is this node's alone: round robin goes round per node, and "fewest
/// connections" is what an instance said itself plus what this node has handed out since. Lives on the loop.</summary>
internal sealed class ServicePicks(Dice dice)
{
    private const int NamesMax = 10_000;
    private readonly SortedDictionary<string, long> _turns = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, HandedOut> _handedOut = new(StringComparer.Ordinal);

    /// <param name="candidates">Sorted by id; at least one.</param>
    /// <param name="turn">For whom round robin goes round: the service, or the words of the query.</param>
    public ServiceInstance Pick(IReadOnlyList<ServiceInstance> candidates, PickStrategy strategy, string turn)
    {
        var picked = strategy switch
        {
            PickStrategy.Random => candidates[dice.Next(candidates.Count)],
            PickStrategy.LeastConnections => candidates.MinBy(Load)!,
            _ => candidates[(int)(Turn(turn) % candidates.Count)],
        };
        if (_handedOut.Count >= NamesMax && !_handedOut.ContainsKey(picked.Id)) _handedOut.Clear();
        _handedOut[picked.Id] = new(picked.Connections, SinceReport(picked) + 1);
        return picked;
    }

    private long Load(ServiceInstance instance) => (instance.Connections ?? 0) + SinceReport(instance);

    /// <summary>A new report counts what was handed out before it, as far as it is still there.</summary>
    private long SinceReport(ServiceInstance instance) =>
        _handedOut.TryGetValue(instance.Id, out var handed) && handed.Reported == instance.Connections ? handed.Count : 0;

    private long Turn(string name)
    {
        if (_turns.Count >= NamesMax && !_turns.ContainsKey(name)) _turns.Clear();
        return _turns[name] = _turns.TryGetValue(name, out var turn) ? turn + 1 : 0;
    }

    private readonly record struct HandedOut(long? Reported, long Count);
}
