using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>What the swarm knows of one node's log, kept apart from the node's own account of it: ids and memberships, from the last
/// snapshot on.</summary>
internal sealed class SwarmLog
{
    private readonly List<EntryId> _ids = [];
    private readonly List<(LogIndex Index, Membership Membership)> _memberships = [];
    private EntryId _before;

    public EntryId Last => _ids.Count > 0 ? _ids[^1] : _before;

    /// <summary>The latest membership in the log or in the snapshot before it; null: the one that the group began with.</summary>
    public Membership? Membership => _memberships.Count > 0 ? _memberships[^1].Membership : null;

    /// <summary>The entry that set it.</summary>
    public LogIndex MembershipIndex => _memberships.Count > 0 ? _memberships[^1].Index : LogIndex.Zero;

    /// <summary>The membership before the latest one; null: the one that the group began with, or none is known.</summary>
    public Membership? MembershipBefore => _memberships.Count > 1 ? _memberships[^2].Membership : null;

    public bool Holds(EntryId id) => id.Index <= _before.Index || (id.Index <= Last.Index && IdOf(id.Index) == id);

    /// <summary>The term before an entry; null when that is further back than this log knows.</summary>
    public Term? TermBefore(LogIndex index)
    {
        var before = index.Previous;
        if (before < _before.Index) return null;
        return before == _before.Index ? _before.Term : IdOf(before).Term;
    }

    /// <summary>The entry at an index; null outside of what this log knows.</summary>
    public EntryId? IdAt(LogIndex index) => index > _before.Index && index <= Last.Index ? IdOf(index) : null;

    public void Append(ImmutableArray<Entry> entries)
    {
        var kept = (int)(entries[0].Index.Value - _before.Index.Value - 1);
        if (kept < 0 || kept > _ids.Count)
            throw new InvariantBrokenException($"the log goes from {_before} to {Last} and is continued at {entries[0].Id}");
        _ids.RemoveRange(kept, _ids.Count - kept);
        while (_memberships.Count > 0 && _memberships[^1].Index >= entries[0].Index) _memberships.RemoveAt(_memberships.Count - 1);
        foreach (var entry in entries) Add(entry);
    }

    /// <summary>A snapshot has taken the log's place.</summary>
    public void Reset(SnapshotMark mark)
    {
        _ids.Clear();
        _memberships.Clear();
        _before = mark.Last;
        _memberships.Add((mark.Last.Index, mark.Membership));
    }

    public void Restart(SwarmDisk disk)
    {
        _ids.Clear();
        _memberships.Clear();
        _before = EntryId.Zero;
        if (disk.Snapshot is { } snapshot) Reset(snapshot.Mark);
        foreach (var entry in disk.Log)
            if (entry.Index > _before.Index) Add(entry);
    }

    private void Add(Entry entry)
    {
        _ids.Add(entry.Id);
        if (entry.Kind == EntryKind.Membership) _memberships.Add((entry.Index, MembershipCodec.TryDecode(entry.Payload.Span)
            ?? throw new InvariantBrokenException($"the membership at {entry.Id} cannot be read")));
    }

    private EntryId IdOf(LogIndex index) => _ids[(int)(index.Value - _before.Index.Value - 1)];
}
