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

    public TestNode(Func<RaftOptions> options, HardState hardState = default, IEnumerable<Entry>? disk = null)
    {
        _options = options;
        _hardState = hardState;
        _disk.AddRange(disk ?? []);
        Core = Start();
    }

    public RaftCore Core { get; private set; }
    public NodeId Id => Core.Self;

    /// <summary>What the state machine was given since the last start, in order.</summary>
    public List<Entry> Applied { get; } = [];
    public List<ReadGrant> Granted { get; } = [];
    public List<ReadTicket> Refused { get; } = [];
    public bool IsUp { get; private set; } = true;
    public IReadOnlyList<Entry> Disk => _disk;
    public HardState DiskHardState => _hardState;
    public bool HasUnsynced => _unsynced.Count > 0;

    /// <summary>Takes the next work: what may leave at once is handed to <paramref name="send"/>, the rest waits for a sync.
    /// Null when there is no work.</summary>
    public RaftWork? TakeWork(Action<Envelope> send)
    {
        if (!IsUp || !Core.TryTakeWork(out var work)) return null;
        foreach (var envelope in work.SendNow) send(envelope);
        foreach (var entry in work.Apply)
        {
            Applied.Add(entry);
            Core.Applied(entry.Index);
        }
        Granted.AddRange(work.ReadsGranted);
        Refused.AddRange(work.ReadsRefused);
        _unsynced.Enqueue(work);
        return work;
    }

    /// <summary>Makes the oldest work that waits durable.</summary>
    public void SyncOne(Action<Envelope> send)
    {
        if (!_unsynced.TryDequeue(out var work)) return;
        if (work.HardState is { } hardState) _hardState = hardState;
        Write(work.Append);
        foreach (var envelope in work.SendWhenDurable) send(envelope);
        if (!work.Append.IsEmpty) Core.Appended(work.Append[^1].Id);
    }

    public void SyncAll(Action<Envelope> send)
    {
        while (HasUnsynced) SyncOne(send);
    }

    public void Crash()
    {
        IsUp = false;
        _unsynced.Clear();
        Applied.Clear();
    }

    public void Restart()
    {
        if (IsUp) Crash();
        Core = Start();
        IsUp = true;
    }

    private RaftCore Start() => new(_options(), _hardState, [.. _disk]);

    private void Write(ImmutableArray<Entry> entries)
    {
        if (entries.IsEmpty) return;
        var from = (int)entries[0].Index.Value - 1;
        if (from < _disk.Count) _disk.RemoveRange(from, _disk.Count - from);
        _disk.AddRange(entries);
    }
}
