using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Properties;

/// <summary>The promises of the paper's figure 3 over whole logs: slow, and too simple to be wrong. (The swarm of sim/Verify.Sim
/// watches the same promises in another way, fast.)</summary>
internal sealed class GroupPromises(TestGroup group)
{
    private readonly SortedDictionary<long, NodeId> _leaders = [];
    private readonly List<(EntryId Id, Term CommittedIn)> _committed = [];
    private readonly Dictionary<NodeId, Term> _terms = [];
    private readonly Dictionary<RaftCore, (LogIndex Commit, LogIndex Snapshot)> _seen = [];
    private Membership? _membership;

    public string? Broken { get; private set; }
    public int Elections => _leaders.Count;
    public long Commits => _committed.Count;

    /// <summary>Changes of members that were committed.</summary>
    public int Changes { get; private set; }

    public void Look()
    {
        foreach (var node in group.Nodes.Where(n => n.IsUp))
        {
            LookAtTermAndLeadership(node);
            LookAtProgress(node);
            NoteCommitted(node);
        }
        LookAtDisks();
        LookAtLogs();
        LookAtLease();
    }

    private void LookAtTermAndLeadership(TestNode node)
    {
        var core = node.Core;
        if (core.Term < _terms.GetValueOrDefault(node.Id) && !node.HasUnsynced && core.Term < node.DiskHardState.Term)
            Broken ??= $"terms never go back: {node.Id} is in {core.Term}, its disk in {node.DiskHardState.Term}";
        _terms[node.Id] = core.Term;
        var knowsThatItIsOut = !core.Membership.IsVoter(node.Id) && core.Status.MembershipIndex <= core.Commit;
        if (core.Role is RaftRole.PreCandidate or RaftRole.Candidate && knowsThatItIsOut)
            Broken ??= $"only voters campaign: {node.Id} is none and knows it";
        if (!core.IsLeader) return;
        if (!_leaders.TryAdd(core.Term.Value, node.Id) && _leaders[core.Term.Value] != node.Id)
            Broken ??= $"one leader per term: {_leaders[core.Term.Value]} and {node.Id} lead term {core.Term}";
        foreach (var (id, committedIn) in _committed)
        {
            if (committedIn >= core.Term || id.Index < core.First) continue;
            if (id.Index > core.Last.Index || core.EntryAt(id.Index).Id != id)
                Broken ??= $"leader completeness: {node.Id} leads term {core.Term} without {id}";
        }
    }

    private void LookAtProgress(TestNode node)
    {
        var (commit, snapshot) = _seen.GetValueOrDefault(node.Core);
        if (node.Core.Commit < commit || node.Core.Status.Snapshot.Index < snapshot) Broken ??= $"nothing goes back: {node.Core.Status}";
        _seen[node.Core] = (node.Core.Commit, node.Core.Status.Snapshot.Index);
    }

    private void NoteCommitted(TestNode node)
    {
        for (var i = Math.Max(1, node.Core.First.Value); i <= node.Core.Commit.Value; i++)
        {
            var entry = node.Core.EntryAt(new LogIndex(i));
            if (i <= _committed.Count)
            {
                if (_committed[(int)i - 1].Id != entry.Id)
                    Broken ??= $"state machine safety: {node.Id} has {entry.Id} where {_committed[(int)i - 1].Id} is committed";
                continue;
            }
            if (i != _committed.Count + 1)
            {
                Broken ??= $"a log that was cut off behind {_committed.Count} committed entries begins with {i} at {node.Id}";
                return;
            }
            _committed.Add((entry.Id, node.Core.Term));
            if (entry.Kind != EntryKind.Membership) continue;
            _membership = MembershipCodec.TryDecode(entry.Payload.Span);
            Changes++;
        }
        for (var i = 0; i < node.Applied.Count; i++)
            if (node.Applied[i].Id != _committed[i].Id) Broken ??= $"state machine safety: {node.Id} applied {node.Applied[i].Id}";
    }

    /// <summary>What is committed is on so many disks that those without it could elect nobody.</summary>
    private void LookAtDisks()
    {
        var members = _membership ?? group.Nodes.First().Core.CommittedMembership;
        for (var i = Math.Max(0, _committed.Count - 20); i < _committed.Count; i++)
        {
            var id = _committed[i].Id;
            var others = group.Nodes.Where(n => !n.DiskHolds(id)).ToDictionary(n => n.Id, _ => true);
            if (new JointQuorum(members.Voters, members.Outgoing).Outcome(others) == VoteOutcome.Won)
                Broken ??= $"committed is durable: {id} is not on the disks of {string.Join(' ', others.Keys)}";
        }
    }

    private void LookAtLogs()
    {
        var up = group.Nodes.Where(n => n.IsUp).ToArray();
        foreach (var one in up)
        {
            foreach (var other in up)
            {
                var first = Math.Max(one.Core.First.Value, other.Core.First.Value);
                var common = Math.Min(one.Core.Last.Index.Value, other.Core.Last.Index.Value);
                while (common >= first && At(one, common).Id != At(other, common).Id) common--;
                for (; common >= first; common--)
                {
                    var (a, b) = (At(one, common), At(other, common));
                    if (a.Id != b.Id || !a.Payload.Span.SequenceEqual(b.Payload.Span))
                        Broken ??= $"log matching: {one.Id} and {other.Id} differ at {a.Id} and {b.Id} below a common entry";
                }
            }
        }
    }

    /// <summary>All clocks run alike in these groups, so a lease excludes every later leader.</summary>
    private void LookAtLease()
    {
        foreach (var holder in group.Nodes.Where(n => n.IsUp && n.Core.HasLease))
        {
            var later = group.Nodes.FirstOrDefault(n => n.IsUp && n.Core.IsLeader && n.Core.Term > holder.Core.Term);
            if (later is not null) Broken ??= $"a lease excludes: {holder.Id} has one in {holder.Core.Term}, {later.Id} leads {later.Core.Term}";
        }
    }

    private static Entry At(TestNode node, long index) => node.Core.EntryAt(new LogIndex(index));
}
