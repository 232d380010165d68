using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What anybody has ever known to be committed; the ground on which the other promises stand.</summary>
internal sealed class CommittedLog
{
    private readonly List<EntryId> _ids = [];
    private readonly List<Term> _terms = [];
    private readonly List<Membership> _memberships = [];

    public LogIndex Last => new(_ids.Count);

    public EntryId this[LogIndex index] => _ids[(int)index.Value - 1];

    public bool Holds(LogIndex index) => index.Value <= _ids.Count;

    /// <summary>The term in which the entry was committed, which may be later than its own: it binds the leaders after that one.</summary>
    public Term CommittedIn(LogIndex index) => _terms[(int)index.Value - 1];

    /// <summary>The membership whose quorum committed the entry.</summary>
    public Membership CommittedBy(LogIndex index) => _memberships[(int)index.Value - 1];

    public void Add(EntryId id, Term committedIn, Membership by)
    {
        _ids.Add(id);
        _terms.Add(committedIn);
        _memberships.Add(by);
    }
}
