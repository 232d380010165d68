using Verify.Raft;

namespace Verify.Node.Seam;

/// <summary>Sees how one life of a node carries Raft's work out, for checks that judge whole nodes while they run. Output only: the node never
/// asks it anything. Called on the loop, in the order in which things happen; there is none in production.</summary>
public interface IRaftWitness
{
    /// <summary>The node begins with what it found on its disk.</summary>
    /// <param name="core">Lives as long as the node; to be looked at, never to be fed.</param>
    /// <param name="snapshot">The newest durable one; null when there is none.</param>
    /// <param name="log">The entries that were found.</param>
    void Began(RaftCore core, HardState hardState, SnapshotMark? snapshot, IReadOnlyList<Entry> log);

    /// <summary>The core has handed this out; nothing of it has been done.</summary>
    void Took(RaftWork work);

    /// <summary>The node believes that what this work wanted on the disk is durable. What waited for that has not left yet.</summary>
    void Durable(RaftWork work);

    /// <summary>This leaves for another node.</summary>
    void Sends(in Envelope envelope);

    /// <summary>The state machine is about to apply this.</summary>
    void Applies(Entry entry);

    /// <summary>A snapshot of the node's own state is durable.</summary>
    void SnapshotMade(SnapshotMark mark);

    /// <summary>All of the core's work has been taken.</summary>
    void Settled();

    /// <summary>The core says something else of itself than the last time.</summary>
    void Knows(RaftStatus status);
}
