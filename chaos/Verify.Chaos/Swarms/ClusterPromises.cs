using Verify.Chaos.Mutants;
using Verify.Node.Telemetry;
using Verify.Sim;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Swarms;

/// <summary>What is watched while whole nodes run: the promises of <see cref="LogPromises"/>; one state per place of the log however a node
/// came there; and who stopped itself without having been given a reason.</summary>
internal sealed class ClusterPromises
{
    private readonly LogPromises _log = new();
    private readonly SortedSet<string> _excused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, (ulong Hash, string Host)> _stateAt = [];
    private Discovery? _broken;

    /// <summary>The first promise that did not hold.</summary>
    public Discovery? Broken => _broken ?? _log.Broken;
    public int Elections => _log.Elections;
    public int Halts { get; private set; }
    public long Applied { get; private set; }
    public string? LastLeader => _log.LastLeader;

    /// <summary>This node has been given a reason to stop itself: its disk failed, or the group let it go.</summary>
    public void Excuse(string host) => _excused.Add(host);

    public bool IsExcused(string host) => _excused.Contains(host);

    public void See(NodeEventAt seen)
    {
        if (seen.Event is NodeEvent.Applied) Applied++;
        if (seen.Event is NodeEvent.Halted)
        {
            Halts++;
            if (_excused.Contains(seen.Host)) return;
        }
        _log.See(seen);
    }

    /// <summary>Nodes that have applied the same entries hold the same state.</summary>
    public void CompareStates(SimWorld world)
    {
        foreach (var host in world.Hosts)
        {
            if (Verify.Sim.Hosts.NodeProgram.RunningNode(host) is not { } node) continue;
            var (hash, applied) = node.StateHash;
            if (!_stateAt.TryGetValue(applied, out var known)) _stateAt[applied] = (hash, host.Name);
            else if (known.Hash != hash) Break("sameState", $"{host.Name} and {known.Host} have applied everything up to {applied} and hold different states");
        }
    }

    public void Break(string promise, string what) => _broken ??= _log.Broken ?? new(promise, what);
}
