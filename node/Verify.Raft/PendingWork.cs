using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>What the core has decided and the outside has not yet taken.</summary>
internal sealed class PendingWork
{
    public List<Envelope> SendNow { get; } = [];
    public List<Envelope> SendWhenDurable { get; } = [];
    public List<ReadGrant> ReadsGranted { get; } = [];
    public List<ReadTicket> ReadsRefused { get; } = [];
    public List<SnapshotSend> SnapshotSends { get; } = [];
    public List<SnapshotPiece> SnapshotPieces { get; } = [];
    public SnapshotMark? Install { get; set; }
    public LogIndex DiscardUpTo { get; set; }

    /// <summary>Term or vote differ from what the disk was last given.</summary>
    public bool HardStateChanged { get; set; }

    public bool IsEmpty => !HardStateChanged && SendNow.Count == 0 && SendWhenDurable.Count == 0
        && ReadsGranted.Count == 0 && ReadsRefused.Count == 0 && !HasSnapshotWork;

    private bool HasSnapshotWork =>
        Install is not null || DiscardUpTo > LogIndex.Zero || SnapshotSends.Count > 0 || SnapshotPieces.Count > 0;

    public RaftWork Take(HardState hardState, ImmutableArray<Entry> append, ImmutableArray<Entry> apply)
    {
        HardState? changed = HardStateChanged ? hardState : null;
        HardStateChanged = false;
        var work = new RaftWork(
            changed, append, TakeAll(SendNow), TakeAll(SendWhenDurable), apply, TakeAll(ReadsGranted), TakeAll(ReadsRefused));
        return HasSnapshotWork ? WithSnapshots(work) : work;
    }

    private RaftWork WithSnapshots(RaftWork work)
    {
        work = work with
        {
            Install = Install, DiscardUpTo = DiscardUpTo, SnapshotSends = TakeAll(SnapshotSends), SnapshotPieces = TakeAll(SnapshotPieces),
        };
        (Install, DiscardUpTo) = (null, LogIndex.Zero);
        return work;
    }

    private static ImmutableArray<T> TakeAll<T>(List<T> list)
    {
        if (list.Count == 0) return [];
        ImmutableArray<T> all = [.. list];
        list.Clear();
        return all;
    }
}
