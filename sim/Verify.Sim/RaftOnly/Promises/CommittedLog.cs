using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What has been committed by anyone, ever: the ghost that the promises compare with.</summary>
internal sealed class CommittedLog
{
    private readonly List<EntryId> _ids = [];
    private readonly List<Term> _terms = [];

    public LogIndex Last => new(_ids.Count);

    public EntryId this[LogIndex index] => _ids[(int)index.Value - 1];

    public bool Holds(LogIndex index) => index.Value <= _ids.Count;

    /// <summary>The term in which the entry was committed, which may be later than its own: it binds the leaders after that one.</summary>
    public Term CommittedIn(LogIndex index) => _terms[(int)index.Value - 1];

    public void Add(EntryId id, Term committedIn)
    {
        _ids.Add(id);
        _terms.Add(committedIn);
    }
}
