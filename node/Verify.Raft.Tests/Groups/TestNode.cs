using System.Collections.Immutable;

namespace Verify.Raft.Tests.Groups;

/// <summary>One node of a group under test: the core with a disk that syncs when it is told to and forgets the rest at a
/// crash, and a state machine that remembers what it was given.</summary>
internal sealed class TestNode
{
    private readonly Func<RaftOptions> _options;
    private readonly Queue<RaftWork> _unsynced = new();
    private readonly List<Entry> _disk = [];
    private HardState _hardState;
    private (SnapshotMark Mark, ImmutableArray<EntryId> State)? _frozen;

    public TestNode(Func<RaftOptions> options, HardState hardState = default, IEnumerable<Entry>? disk = null)
    {
        _options = options;
        _hardState = hardState;
        _disk.AddRange(disk ?? []);
        Core = Start();
    }

    public RaftCore Core { get; private set; }
    public NodeId Id => Core.Self;

    /// <summary>What is in the state machine, in order: entries of a snapshot, by their ids alone, and what was applied since.</summary>
    public List<Entry> Applied { get; } = [];
    public List<ReadGrant> Granted { get; } = [];
    public List<ReadTicket> Refused { get; } = [];
    public TestSnapshots Snapshots { get; } = new();
    public bool IsUp { get; private set; } = true;

    /// <summary>How often a snapshot of somebody else took the place of the state.</summary>
    public int Installs { get; private set; }
    public IReadOnlyList<Entry> Disk => _disk;
    public HardState DiskHardState => _hardState;
    public bool HasUnsynced => _unsynced.Count > 0;

    /// <summary>Takes the next work: what may leave at once is handed to <paramref name="send"/>, the rest waits for a sync.
    /// Null when there is no work.</summary>
    public RaftWork? TakeWork(Action<Envelope> send)
    {
        if (!IsUp || !Core.TryTakeWork(out var work)) return null;
        foreach (var envelope in work.SendNow) send(envelope);
        if (work.Install is { } mark)
        {
            Restore(Snapshots.StateOf(mark));
            Installs++;
        }
        foreach (var entry in work.Apply)
        {
            Applied.Add(entry);
            Core.Applied(entry.Index);
        }
        Granted.AddRange(work.ReadsGranted);
        Refused.AddRange(work.ReadsRefused);
        foreach (var piece in work.SnapshotSends)
            if (piece.Term == Core.Term && Snapshots.Read(piece) is { } chunk) send(new Envelope(Id, piece.To, piece.Term, chunk));
        _unsynced.Enqueue(work);
        return work;
    }

    /// <summary>Makes the oldest work that waits durable.</summary>
    public void SyncOne(Action<Envelope> send)
    {
        if (!_unsynced.TryDequeue(out var work)) return;
        if (work.HardState is { } hardState) _hardState = hardState;
        if (work.Install is { } mark)
        {
            Snapshots.Install(mark);
            _disk.Clear();
        }
        Write(work.Append);
        _disk.RemoveAll(e => e.Index <= work.DiscardUpTo);
        foreach (var envelope in work.SendWhenDurable) send(envelope);
        if (work.HardState is { } durable) Core.HardStateDurable(durable);
        if (!work.Append.IsEmpty) Core.Appended(work.Append[^1].Id);
        else if (work.Install is { } installed) Core.Appended(installed.Last);
        foreach (var piece in work.SnapshotPieces) Store(piece);
    }

    public void SyncAll(Action<Envelope> send)
    {
        while (HasUnsynced) SyncOne(send);
    }

    /// <summary>What a snapshot of now holds; it is durable only later.</summary>
    public void FreezeSnapshot()
    {
        if (!IsUp || _frozen is not null || Applied.Count == 0 || Applied[^1].Index <= Core.Status.Snapshot.Index) return;
        _frozen = (new SnapshotMark(Applied[^1].Id, Core.MembershipAt(Applied[^1].Index)), [.. Applied.Select(e => e.Id)]);
    }

    public void FinishSnapshot()
    {
        if (!IsUp || _frozen is not { } frozen) return;
        _frozen = null;
        Snapshots.Keep(frozen.Mark, frozen.State);
        Core.SnapshotTaken(frozen.Mark);
    }

    public void Crash()
    {
        IsUp = false;
        _unsynced.Clear();
        Applied.Clear();
        _frozen = null;
    }

    public void Restart()
    {
        if (IsUp) Crash();
        Core = Start();
        if (Snapshots.Newest is { } mark) Restore(Snapshots.StateOf(mark));
        IsUp = true;
    }

    /// <summary>This entry survives a crash here, in the log or in a snapshot.</summary>
    public bool DiskHolds(EntryId id)
    {
        if (Snapshots.Newest is { } mark && id.Index <= mark.Last.Index)
            return Snapshots.StateOf(mark)[(int)id.Index.Value - 1] == id;
        return _disk.Count > 0 && id.Index >= _disk[0].Index && id.Index <= _disk[^1].Index
            && _disk[(int)(id.Index.Value - _disk[0].Index.Value)].Id == id;
    }

    private RaftCore Start() => new(_options(), _hardState, Snapshots.Newest, [.. _disk]);

    private void Restore(ImmutableArray<EntryId> state)
    {
        Applied.Clear();
        Applied.AddRange(state.Select(id => new Entry(id, EntryKind.Command, default)));
    }

    private void Store(SnapshotPiece piece)
    {
        if (Snapshots.Store(piece.Chunk, out var received)) Core.SnapshotArrived(piece, new SnapshotMark(piece.Chunk.Id.Last, piece.Chunk.Membership));
        else Core.SnapshotPieceStored(piece, received);
    }

    private void Write(ImmutableArray<Entry> entries)
    {
        if (entries.IsEmpty) return;
        _disk.RemoveAll(e => e.Index >= entries[0].Index);
        _disk.AddRange(entries);
    }
}
