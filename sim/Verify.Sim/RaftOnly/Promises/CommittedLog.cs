using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What has been committed by anyone, ever: the ghost that the promises compare with.</summary>
internal sealed class CommittedLog
{
    private readonly List<EntryId> _ids = [];

    public LogIndex Last => new(_ids.Count);

    public EntryId this[LogIndex index] => _ids[(int)index.Value - 1];

    public bool Holds(LogIndex index) => index.Value <= _ids.Count;

    public void Add(EntryId id) => _ids.Add(id);
}
