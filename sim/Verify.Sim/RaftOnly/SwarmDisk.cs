using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>What one node of the swarm has made durable: term and vote, the log from some index on, and a snapshot. What was written and
/// not synced waits beside it; a crash keeps a beginning of that, drawn, and loses the rest.</summary>
internal sealed class SwarmDisk
{
    private readonly List<Entry> _log = [];
    private readonly Queue<Write> _unsynced = new();

    public HardState HardState { get; private set; }
    public SwarmSnapshot? Snapshot { get; private set; }

    /// <summary>The durable entries, from <see cref="First"/> on.</summary>
    public IReadOnlyList<Entry> Log => _log;
    public LogIndex First { get; private set; } = new(1);
    public LogIndex SnapshotIndex => Snapshot?.Last.Index ?? LogIndex.Zero;
    public int UnsyncedCount => _unsynced.Count;

    /// <summary>A disk on which this was found.</summary>
    public static SwarmDisk Of(HardState hardState, SwarmSnapshot? snapshot, IReadOnlyList<Entry> log)
    {
        var disk = new SwarmDisk { HardState = hardState, Snapshot = snapshot, First = log.Count > 0 ? log[0].Index : (snapshot?.Last.Index ?? LogIndex.Zero).Next };
        disk._log.AddRange(log);
        return disk;
    }

    /// <summary>It is in the durable log, or in the durable snapshot (what is in a snapshot was committed, so the index says enough).</summary>
    public bool Holds(EntryId id)
    {
        if (id.Index <= SnapshotIndex) return true;
        var at = id.Index.Value - First.Value;
        return at >= 0 && at < _log.Count && _log[(int)at].Id == id;
    }

    /// <param name="installs">The snapshot that the work makes the current one; it is durable under a name of its own.</param>
    /// <param name="discards">Whether this is when the files of discarded entries are deleted.</param>
    public void Begin(RaftWork work, SwarmSnapshot? installs, bool discards, int dueStep) =>
        _unsynced.Enqueue(new(work, installs, discards, dueStep));

    public bool HasDue(int step) => _unsynced.TryPeek(out var first) && first.DueStep <= step;

    /// <summary>The device stands still for so many steps.</summary>
    public void Stall(int steps)
    {
        for (var i = _unsynced.Count; i > 0; i--)
        {
            var write = _unsynced.Dequeue();
            _unsynced.Enqueue(write with { DueStep = write.DueStep + steps });
        }
    }

    /// <summary>The oldest write is durable now. <paramref name="replacedFrom"/>: the first index that was overwritten, or 0.</summary>
    public RaftWork Sync(out LogIndex replacedFrom)
    {
        var write = _unsynced.Dequeue();
        replacedFrom = Persist(write);
        return write.Work;
    }

    /// <summary>The first of the writes that were not synced are on the disk all the same. The lowest index that was overwritten, or 0.</summary>
    public LogIndex Crash(int writesKept)
    {
        var replacedFrom = LogIndex.Zero;
        for (var i = 0; i < writesKept; i++)
        {
            var replaced = Persist(_unsynced.Dequeue());
            if (replaced > LogIndex.Zero && (replacedFrom == LogIndex.Zero || replaced < replacedFrom)) replacedFrom = replaced;
        }
        _unsynced.Clear();
        return replacedFrom;
    }

    /// <summary>A snapshot of the own state is durable. An older one than there is changes nothing.</summary>
    public void Keep(SwarmSnapshot snapshot)
    {
        if (snapshot.Last.Index > SnapshotIndex) Snapshot = snapshot;
    }

    private LogIndex Persist(Write write)
    {
        var work = write.Work;
        if (work.HardState is { } hardState) HardState = hardState;
        if (write.Installs is { } snapshot)
        {
            Snapshot = snapshot;
            _log.Clear();
            First = snapshot.Last.Index.Next;
        }
        var replacedFrom = Append(work);
        if (write.Discards && work.DiscardUpTo >= First) Discard(work.DiscardUpTo);
        return replacedFrom;
    }

    private LogIndex Append(RaftWork work)
    {
        if (work.Append.IsEmpty) return LogIndex.Zero;
        var from = work.Append[0].Index;
        var kept = (int)(from.Value - First.Value);
        if (kept < 0 || kept > _log.Count)
            throw new InvariantBrokenException($"the disk holds {First} to {First.Value + _log.Count - 1} and is told to append at {from}");
        var replaced = kept < _log.Count;
        if (replaced) _log.RemoveRange(kept, _log.Count - kept);
        foreach (var entry in work.Append) _log.Add(entry);
        return replaced ? from : LogIndex.Zero;
    }

    private void Discard(LogIndex upTo)
    {
        var count = (int)Math.Min(_log.Count, upTo.Value - First.Value + 1);
        _log.RemoveRange(0, count);
        First = First.Plus(count);
    }

    private readonly record struct Write(RaftWork Work, SwarmSnapshot? Installs, bool Discards, int DueStep);
}
