namespace Verify.Raft;

/// <summary>Refuses to start from a disk that cannot be this node's own past.</summary>
internal static class StartState
{
    public static void Validate(RaftOptions options, HardState hardState, IReadOnlyList<Entry> log)
    {
        if (hardState.Term < Term.Zero)
            throw new ArgumentException($"The stored term is {hardState.Term}; terms start at 0.", nameof(hardState));
        if (hardState.VotedFor is { } vote && !options.Voters.Contains(vote))
            throw new ArgumentException($"The stored vote names {vote}, which is no voter of this group.", nameof(hardState));
        var before = EntryId.Zero;
        for (var i = 0; i < log.Count; i++)
        {
            var entry = log[i];
            if (entry.Index != before.Index.Next)
                throw new ArgumentException($"The log has entry {entry.Id} where index {before.Index.Next} belongs.", nameof(log));
            if (entry.Term < before.Term || entry.Term <= Term.Zero)
                throw new ArgumentException($"The log has entry {entry.Id} after {before}: terms never fall.", nameof(log));
            before = entry.Id;
        }
        if (before.Term > hardState.Term)
            throw new ArgumentException(
                $"The log ends with {before}, but the stored term is {hardState.Term}: the term must be durable first.", nameof(log));
    }
}
