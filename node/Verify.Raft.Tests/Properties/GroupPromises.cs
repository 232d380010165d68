using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Properties;

/// <summary>The promises of the paper's figure 3 over whole logs: slow, and too simple to be wrong. (The swarm of sim/Verify.Sim
/// watches the same promises in another way, fast.)</summary>
internal sealed class GroupPromises(TestGroup group)
{
    private readonly SortedDictionary<long, NodeId> _leaders = [];
    private readonly List<(EntryId Id, Term CommittedIn)> _committed = [];
    private readonly Dictionary<NodeId, Term> _terms = [];

    public string? Broken { get; private set; }
    public int Elections => _leaders.Count;
    public long Commits => _committed.Count;

    public void Look()
    {
        foreach (var node in group.Nodes.Where(n => n.IsUp))
        {
            LookAtTermAndLeadership(node);
            NoteCommitted(node);
        }
        foreach (var (id, _) in _committed)
        {
            var holders = group.Nodes.Count(n => DiskHolds(n, id));
            if (holders < Quorum.Majority(group.Ids.Length)) Broken ??= $"committed is durable: {id} is on {holders} disks";
        }
        LookAtLogs();
    }

    private void LookAtTermAndLeadership(TestNode node)
    {
        var core = node.Core;
        if (core.Term < _terms.GetValueOrDefault(node.Id) && !node.HasUnsynced && core.Term < node.DiskHardState.Term)
            Broken ??= $"terms never go back: {node.Id} is in {core.Term}, its disk in {node.DiskHardState.Term}";
        _terms[node.Id] = core.Term;
        if (!core.IsLeader) return;
        if (!_leaders.TryAdd(core.Term.Value, node.Id) && _leaders[core.Term.Value] != node.Id)
            Broken ??= $"one leader per term: {_leaders[core.Term.Value]} and {node.Id} lead term {core.Term}";
        foreach (var (id, committedIn) in _committed)
        {
            if (committedIn < core.Term && (id.Index > core.Last.Index || core.EntryAt(id.Index).Id != id))
                Broken ??= $"leader completeness: {node.Id} leads term {core.Term} without {id}";
        }
    }

    private void NoteCommitted(TestNode node)
    {
        for (var i = 1; i <= node.Core.Commit.Value; i++)
        {
            var id = node.Core.EntryAt(new LogIndex(i)).Id;
            if (i > _committed.Count) _committed.Add((id, node.Core.Term));
            else if (_committed[i - 1].Id != id) Broken ??= $"state machine safety: {node.Id} has {id} where {_committed[i - 1].Id} is committed";
        }
        for (var i = 0; i < node.Applied.Count; i++)
            if (node.Applied[i].Id != _committed[i].Id) Broken ??= $"state machine safety: {node.Id} applied {node.Applied[i].Id}";
    }

    private void LookAtLogs()
    {
        var up = group.Nodes.Where(n => n.IsUp).ToArray();
        foreach (var one in up)
        {
            foreach (var other in up)
            {
                var common = Math.Min(one.Core.Last.Index.Value, other.Core.Last.Index.Value);
                while (common > 0 && At(one, common).Id != At(other, common).Id) common--;
                for (; common > 0; common--)
                {
                    var (a, b) = (At(one, common), At(other, common));
                    if (a.Id != b.Id || !a.Payload.Span.SequenceEqual(b.Payload.Span))
                        Broken ??= $"log matching: {one.Id} and {other.Id} differ at {a.Id} and {b.Id} below a common entry";
                }
            }
        }
    }

    private static Entry At(TestNode node, long index) => node.Core.EntryAt(new LogIndex(index));

    private static bool DiskHolds(TestNode node, EntryId id) =>
        node.Disk.Count >= id.Index.Value && node.Disk[(int)id.Index.Value - 1].Id == id;
}
