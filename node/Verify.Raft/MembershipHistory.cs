namespace Verify.Raft;

/// <summary>Which membership was in force from which entry on (thesis §4.1: a server uses the latest one in its log, committed or not), as
/// far back as anybody can still ask: the snapshot's, and every change in the log behind it, so that a change goes away with the entry
/// that made it.</summary>
internal sealed class MembershipHistory(LogIndex index, Membership first)
{
    private readonly List<Change> _changes = [new(index, first)];

    public Membership Latest => _changes[^1].Membership;

    /// <summary>The entry that set <see cref="Latest"/>; 0 for the one that the group began with. The snapshot's last entry when a
    /// snapshot brought it and its own entry is not in the log.</summary>
    public LogIndex LatestIndex => _changes[^1].Index;

    /// <summary>What an entry makes of the group; null when it cannot be read, or leaves nobody to decide anything.</summary>
    public static Membership? Read(Entry entry) =>
        MembershipCodec.TryDecode(entry.Payload.Span) is { Voters.IsEmpty: false } membership ? membership : null;

    /// <summary>The last membership at or before this entry.</summary>
    public Membership At(LogIndex index)
    {
        for (var i = _changes.Count - 1; i >= 0; i--)
            if (_changes[i].Index <= index) return _changes[i].Membership;
        throw new InvariantBrokenException($"the membership at {index} is not known any more; the first that is, is that of {_changes[0].Index}");
    }

    /// <summary>This node is a voter in the membership at this entry, or in one after it.</summary>
    public bool IsVoterSince(LogIndex index, NodeId node)
    {
        for (var i = _changes.Count - 1; i >= 0; i--)
        {
            if (_changes[i].Membership.IsVoter(node)) return true;
            if (_changes[i].Index <= index) break;
        }
        return false;
    }

    public void Add(LogIndex index, Membership membership)
    {
        Invariant.Holds(index > LatestIndex, "memberships follow each other in the order of the log");
        _changes.Add(new(index, membership));
    }

    /// <summary>The log lost this entry and all behind it. True when another membership is in force now.</summary>
    public bool TruncateFrom(LogIndex index)
    {
        var kept = _changes.Count;
        while (kept > 1 && _changes[kept - 1].Index >= index) kept--;
        if (kept == _changes.Count) return false;
#if VERIFY_MUTANTS
        if (Mutant.Is("M35", deviates: true)) return false;
#endif
        _changes.RemoveRange(kept, _changes.Count - kept);
        return true;
    }

    /// <summary>Nobody will ask for a time before this entry.</summary>
    public void ForgetBefore(LogIndex index)
    {
        var gone = 0;
        while (gone + 1 < _changes.Count && _changes[gone + 1].Index <= index) gone++;
        _changes.RemoveRange(0, gone);
    }

    /// <summary>A snapshot took the place of the log. What was committed before stays known: the state machine is restored a moment later
    /// than the core knows of it, and may still be asked for a snapshot of its own.</summary>
    public void ReplaceBy(LogIndex index, Membership membership, LogIndex committed)
    {
        _changes.RemoveAll(change => change.Index > committed);
        Add(index, membership);
    }

    private readonly record struct Change(LogIndex Index, Membership Membership);
}
