using Verify.Raft;
using Verify.Sim.RaftOnly.Promises;

namespace Verify.Sim.RaftOnly;

/// <summary>All promises of one schedule of the core alone: those of <see cref="RaftPromises"/>, and what can be judged because state machine,
/// reads and ticks are the swarm's own.</summary>
internal sealed class SwarmPromises : RaftPromises
{
    private readonly SwarmNode[] _nodes;
    private readonly SnapshotIsExact _snapshots;
    private readonly ExactlyOnce _once;
    private readonly LeaseOverlap _leases;
    private readonly LinearizableReads _reads;

    public SwarmPromises(SwarmNode[] nodes, Membership start)
        : this(nodes, new CommittedLog(), start)
    {
    }

    private SwarmPromises(SwarmNode[] nodes, CommittedLog committed, Membership start)
        : this(nodes, committed, new SnapshotIsExact(start), new ExactlyOnce(), new LinearizableReads(committed), new LeaseOverlap())
    {
    }

    private SwarmPromises(SwarmNode[] nodes, CommittedLog committed, SnapshotIsExact snapshots, ExactlyOnce once, LinearizableReads reads, LeaseOverlap leases)
        : base(nodes, committed, snapshots, once, reads, leases) =>
        (_nodes, _snapshots, _once, _reads, _leases) = (nodes, snapshots, once, reads, leases);

    public int ReadsGranted => _reads.Granted;

    /// <summary>A node has had an input: role, term, commit and lease may have changed.</summary>
    public void Observe(SwarmNode node)
    {
        base.Observe(node);
        if (node.Core.IsLeader) _leases.Observe(node, _nodes);
    }

    /// <summary>Before the work is carried out. <paramref name="installs"/>: the snapshot that it puts in the place of log and state.</summary>
    public void Took(SwarmNode node, RaftWork work, SwarmSnapshot? installs)
    {
        if (installs is not null) _snapshots.Check(node, installs);
        Took(node, work, installs?.Mark);
        foreach (var grant in work.ReadsGranted) _reads.Grant(node.Number, grant);
    }

    public void Apply(SwarmNode node, Entry entry)
    {
        Applies(node, entry);
        node.State.Apply(entry);
        _snapshots.Applied(node, entry);
        _once.Applied(node, entry);
    }

    public void SnapshotMade(SwarmNode node, SwarmSnapshot snapshot) => _snapshots.Check(node, snapshot);

    public ReadTicket AskRead() => _reads.Ask();

    public void LeaseRead(SwarmNode node, LogIndex index) => _reads.GrantedByLease(node.Number, index);
}
