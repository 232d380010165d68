using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.RaftOnly;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.Watching;

/// <summary>Watches on line what the Raft cores of whole nodes do, what their drivers make of it and what their disks really hold, by the
/// promises that are watched over the core alone. It only looks: no choice, no event and no byte of the world changes.</summary>
/// <remarks>Two things are judged elsewhere. Leases: a core that is paused does not know the time, so the node's own word is what counts
/// (the event LeaderLease). Reads and states: by what clients saw, and by comparing the states.</remarks>
public sealed class RaftWatch
{
    private readonly WholeNode[] _nodes;
    private readonly RaftPromises _promises;
    private readonly Action<string, string> _broke;
    private bool _isBroken;

    /// <param name="broke">Takes the first promise that does not hold: its name, and what was seen. Must not touch the world.</param>
    public RaftWatch(Action<string, string> broke)
    {
        _broke = broke;
        _nodes = [.. Enumerable.Range(0, SwarmNames.Max).Select(number => new WholeNode(number, this))];
        _promises = new RaftPromises(_nodes, new CommittedLog());
    }

    /// <summary>How often the drivers of all nodes said that something is durable, and was looked at.</summary>
    public long SyncsSeen { get; internal set; }

    /// <summary>Entries that were seen to be committed.</summary>
    public long Commits => _promises.Commits;

    internal RaftPromises Promises => _promises;

    /// <summary>For <see cref="SimWorld.WitnessOf"/>: a host starts. Null when its name is none that the promises can count by.</summary>
    public IRaftWitness? WitnessOf(SimHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (!SwarmNames.Fits(host.Name)) return null;
        var node = _nodes[SwarmNames.NumberOf(new(host.Name))];
        node.Starts(host);
        return node;
    }

    internal void Look()
    {
        if (_isBroken || _promises.FirstBroken() is not { Broken: { } what } promise) return;
        _isBroken = true;
        _broke(promise.Name, what);
    }
}
