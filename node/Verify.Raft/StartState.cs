namespace Verify.Raft;

/// <summary>Refuses to start from a disk that cannot be this node's own past.</summary>
internal static class StartState
{
    public static void Validate(HardState hardState, SnapshotMark? snapshot, IReadOnlyList<Entry> log)
    {
        if (hardState.Term < Term.Zero)
            throw new ArgumentException($"The stored term is {hardState.Term}; terms start at 0.", nameof(hardState));
        if (snapshot is not null) ValidateSnapshot(snapshot);
        var start = snapshot?.Last ?? EntryId.Zero;
        if (log.Count > 0 && (log[0].Index > start.Index.Next || log[0].Index <= LogIndex.Zero))
            throw new ArgumentException(
                snapshot is null
                    ? $"The log has entry {log[0].Id} where index 1 belongs, and there is no snapshot that could hold what is missing."
                    : $"The log begins with {log[0].Id}, but the snapshot ends with {start}: the entries between them are missing.", nameof(log));
        // A log that begins inside the snapshot must be its own past: it contains the snapshot's last entry.
        var before = log.Count == 0 || log[0].Index > start.Index ? start : new EntryId(Term.Zero, log[0].Index.Previous);
        var end = ValidateEntries(before, log);
        if (end.Index < start.Index || (log.Count > 0 && log[0].Index <= start.Index && TermAt(log, start.Index) != start.Term))
            throw new ArgumentException($"The log ends with {end} and does not contain the snapshot's last entry {start}: cut it first.", nameof(log));
        if (end.Term > hardState.Term)
            throw new ArgumentException(
                $"The log ends with {end}, but the stored term is {hardState.Term}: the term must be durable first.", nameof(log));
    }

    /// <summary>Every membership that is known at the start.</summary>
    public static MembershipHistory Memberships(RaftOptions options, SnapshotMark? snapshot, IReadOnlyList<Entry> log)
    {
        var history = new MembershipHistory(snapshot?.Last.Index ?? LogIndex.Zero, At(options, snapshot));
        foreach (var entry in log)
            if (entry.Kind == EntryKind.Membership && entry.Index > history.LatestIndex) history.Add(entry.Index, Read(entry));
        return history;
    }

    /// <summary>The membership at the snapshot's last entry. A node that was let in later than that did not know it when it made the
    /// snapshot; then no entry before had changed it, and it is the one that the group began with.</summary>
    public static Membership At(RaftOptions options, SnapshotMark? snapshot) => snapshot is { Membership.IsEmpty: false }
        ? snapshot.Membership
        : new Membership { Voters = options.Voters, Contacts = options.Contacts };

    private static void ValidateSnapshot(SnapshotMark snapshot)
    {
        if (snapshot.Last.Index <= LogIndex.Zero || snapshot.Last.Term <= Term.Zero)
            throw new ArgumentException($"The snapshot ends with {snapshot.Last}, which is no entry.", nameof(snapshot));
        if (snapshot.Membership is { IsEmpty: false, Voters.IsEmpty: true })
            throw new ArgumentException($"The snapshot of {snapshot.Last} holds a membership without voters.", nameof(snapshot));
    }

    private static EntryId ValidateEntries(EntryId before, IReadOnlyList<Entry> log)
    {
        for (var i = 0; i < log.Count; i++)
        {
            var entry = log[i];
            if (entry.Index != before.Index.Next)
                throw new ArgumentException($"The log has entry {entry.Id} where index {before.Index.Next} belongs.", nameof(log));
            if (entry.Term < before.Term || entry.Term <= Term.Zero)
                throw new ArgumentException($"The log has entry {entry.Id} after {before}: terms never fall.", nameof(log));
            before = entry.Id;
        }
        return before;
    }

    private static Term TermAt(IReadOnlyList<Entry> log, LogIndex index) => log[(int)(index.Value - log[0].Index.Value)].Term;

    private static Membership Read(Entry entry) => MembershipHistory.Read(entry)
        ?? throw new ArgumentException($"Entry {entry.Id} holds a membership that this program cannot read; was it written by a newer one?", nameof(entry));
}
