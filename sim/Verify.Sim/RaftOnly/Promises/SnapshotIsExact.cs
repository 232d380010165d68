using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A snapshot is the state at its last entry, with the membership of that place, on every node and after every restart: the state
/// at an index is one, however a node came there (Raft paper §7).</summary>
internal sealed class SnapshotIsExact(Membership start) : Promise
{
    private readonly List<ulong> _hashes = [];
    private readonly List<(LogIndex Index, Membership Membership)> _memberships = [];

    public override string Name => "SnapshotIsExact";

    /// <summary>The state machine has applied an entry.</summary>
    public void Applied(SwarmNode node, Entry entry)
    {
        var at = (int)entry.Index.Value - 1;
        if (at == _hashes.Count)
        {
            _hashes.Add(node.State.Hash);
            if (entry.Kind == EntryKind.Membership && MembershipCodec.TryDecode(entry.Payload.Span) is { } membership) _memberships.Add((entry.Index, membership));
        }
        else if (at < _hashes.Count && _hashes[at] != node.State.Hash)
        {
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} has another state than the others after {entry.Id}"));
        }
    }

    /// <summary>A snapshot was made, or has come to be installed.</summary>
    public void Check(SwarmNode node, SwarmSnapshot snapshot)
    {
        var (last, state) = (snapshot.Last, SwarmState.Restore(snapshot.Bytes));
        if (state.Last != last || last.Index.Value > _hashes.Count || _hashes[(int)last.Index.Value - 1] != state.Hash)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1}'s snapshot of {last} holds another state than the one at {last}"));
        var (says, was) = (snapshot.Mark.Membership, MembershipAt(last.Index));
        if (!says.Equals(was))
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1}'s snapshot of {last} says {says}; there it was {was}"));
    }

    private Membership MembershipAt(LogIndex index)
    {
        for (var i = _memberships.Count - 1; i >= 0; i--)
            if (_memberships[i].Index <= index) return _memberships[i].Membership;
        return start;
    }
}
