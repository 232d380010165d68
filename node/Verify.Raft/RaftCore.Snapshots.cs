using System.Collections.Immutable;

#pragma warning disable CA1822, MA0015 // signatures first
namespace Verify.Raft;

/// <summary>Snapshots and compaction (paper §7, thesis §5): the outside makes them of what it has applied; the core decides what the log
/// may forget, who needs one, and where a transfer goes on.</summary>
public sealed partial class RaftCore
{
    /// <summary>The last membership at or before this entry, which is what a snapshot of it must hold.</summary>
    /// <remarks>The entry must be applied and not yet discarded.</remarks>
    public Membership MembershipAt(LogIndex index) => Membership;

    /// <summary>A snapshot of the own state is durable. Entries up to it, but for <see cref="RaftOptions.TrailingEntries"/>, leave the log.</summary>
    /// <param name="mark">What is in it; must be applied here. Older than the newest snapshot: ignored.</param>
    public void SnapshotTaken(SnapshotMark mark) => ArgumentNullException.ThrowIfNull(mark);

    /// <summary>So much of the snapshot that the leader sends is stored (0: start again, the pieces did not fit).</summary>
    public void SnapshotPieceStored(SnapshotPiece piece, long received) => ArgumentNullException.ThrowIfNull(piece.Chunk);

    /// <summary>The snapshot that came with these pieces is whole, checked and durable under a name of its own. It will be handed back as
    /// <see cref="RaftWork.Install"/> when it is newer than what is committed here, and dropped otherwise.</summary>
    public void SnapshotArrived(SnapshotPiece last, SnapshotMark mark) => ArgumentNullException.ThrowIfNull(mark);

    /// <summary>A read under the leader's lease (thesis §6.4.1): no round, but trust in bounded drift. False when this node does not lead, has
    /// no lease, or has not yet committed an entry of its own term.</summary>
    /// <param name="index">The state must be at least this new.</param>
    public bool TryLeaseRead(out LogIndex index)
    {
        index = _log.Commit;
        return _role is RoleState.Leader leader && HasLease && _log.Commit >= leader.Barrier;
    }
}
