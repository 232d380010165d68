using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>One node of the swarm: the production core on a disk that keeps what was synced and loses, at a crash, whatever it
/// likes of the rest.</summary>
internal sealed class SwarmNode(int number, RaftOptions options)
{
    private readonly List<Entry> _disk = [];
    private readonly Queue<(int DueStep, RaftWork Work)> _unsynced = new();
    private HardState _hardState;

    public int Number { get; } = number;
    public RaftCore Core { get; private set; } = new(options, HardState.Initial, []);
    public bool IsUp { get; private set; } = true;
    public Term DiskTerm => _hardState.Term;

    /// <summary>What the state machine has applied since the last start.</summary>
    public LogIndex Applied { get; private set; }

    /// <summary>Counted by the swarm: how far it has seen this node's commit.</summary>
    public LogIndex CommitSeen { get; set; }

    public bool Holds(EntryId id) => id.Index <= Core.Last.Index && Core.EntryAt(id.Index).Id == id;

    public bool DiskHolds(EntryId id) => id.Index.Value <= _disk.Count && _disk[(int)id.Index.Value - 1].Id == id;

    public void NoteApplied(LogIndex index) => Applied = index;

    public void Write(RaftWork work, int dueStep) => _unsynced.Enqueue((dueStep, work));

    public bool HasDue(int step) => _unsynced.TryPeek(out var first) && first.DueStep <= step;

    /// <summary>The oldest write is durable now. <paramref name="replacedFrom"/>: the first index that was overwritten, or 0.</summary>
    public RaftWork Sync(out LogIndex replacedFrom)
    {
        var work = _unsynced.Dequeue().Work;
        replacedFrom = Persist(work);
        return work;
    }

    /// <summary>Stops at once. The first <paramref name="writesKept"/> of the writes that were not synced are on the disk all the same.</summary>
    public LogIndex Crash(int writesKept)
    {
        var replacedFrom = LogIndex.Zero;
        for (var i = 0; i < writesKept; i++)
        {
            var replaced = Persist(_unsynced.Dequeue().Work);
            if (replaced > LogIndex.Zero && (replacedFrom == LogIndex.Zero || replaced < replacedFrom)) replacedFrom = replaced;
        }
        _unsynced.Clear();
        IsUp = false;
        return replacedFrom;
    }

    public int UnsyncedCount => _unsynced.Count;

    public void Restart()
    {
        Core = new RaftCore(options, _hardState, _disk);
        Applied = CommitSeen = LogIndex.Zero;
        IsUp = true;
    }

    private LogIndex Persist(RaftWork work)
    {
        if (work.HardState is { } hardState) _hardState = hardState;
        if (work.Append.IsEmpty) return LogIndex.Zero;
        var from = work.Append[0].Index;
        var kept = (int)from.Value - 1;
        var replaced = kept < _disk.Count;
        if (replaced) _disk.RemoveRange(kept, _disk.Count - kept);
        AddAll(work.Append);
        return replaced ? from : LogIndex.Zero;
    }

    private void AddAll(ImmutableArray<Entry> entries)
    {
        foreach (var entry in entries) _disk.Add(entry);
    }
}
