using Verify.Chaos.Mutants;
using Verify.Node.Telemetry;
using Verify.Sim;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Swarms;

/// <summary>What is watched while whole nodes run: the promises of <see cref="LogPromises"/>; those of <see cref="Verify.Sim.Watching.RaftWatch"/>,
/// which breaks them here; one state per place of the log however a node came there; and who stopped itself without having been given a reason.</summary>
internal sealed class ClusterPromises
{
    private readonly LogPromises _log = new();
    private readonly SortedSet<string> _excused = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, (ulong Hash, string Host)> _stateAt = [];
    private readonly SortedDictionary<string, long> _appliedBy = new(StringComparer.Ordinal);
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
        KeepTrack(seen);
        if (seen.Event is NodeEvent.Halted)
        {
            Halts++;
            if (_excused.Contains(seen.Host)) return;
        }
        _log.See(seen);
    }

    /// <summary>What a node has applied it must find again after a crash, unless its disk was damaged (after the invariant "Persist" of the swarm
    /// over the core, here from the outside).</summary>
    private void KeepTrack(NodeEventAt seen)
    {
        switch (seen.Event)
        {
            case NodeEvent.Applied applied:
                Applied++;
                _appliedBy[seen.Host] = applied.Index;
                break;
            case NodeEvent.SnapshotInstalled installed:
                _appliedBy[seen.Host] = installed.Index;
                break;
            case NodeEvent.Started started when !_excused.Contains(seen.Host) && _appliedBy.TryGetValue(seen.Host, out var had) && started.LastIndex < had:
                Break("persist", $"{seen.Host} had applied everything up to {had} and starts with a log and snapshot that end with {started.LastIndex}");
                break;
            default:
                break;
        }
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
