using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>Log Matching (Raft paper, figure 3): the same term and index means the same entry and the same log before it. It is
/// enough that an id always has the same payload and the same predecessor.</summary>
internal sealed class LogMatching : Promise
{
    private readonly List<List<Known>> _byIndex = [];

    public override string Name => "LogMatching";

    /// <summary>What came from a leader. (What a leader appends itself counts when it is durable: until then a crash may undo it, and nobody
    /// else has it.)</summary>
    public void Appended(WatchedNode node, Entry entry)
    {
        if (node.Log.TermBefore(entry.Index) is { } before) Check(node, entry, before);
    }

    /// <summary>What a disk holds, from this index on.</summary>
    public void Durable(WatchedNode node, LogIndex from)
    {
        var (disk, first) = (node.Disk, node.Disk.First);
        for (var i = (int)Math.Max(0, from.Value - first.Value); i < disk.Log.Count; i++)
        {
            var before = i > 0 ? disk.Log[i - 1].Term : first.Value == 1 ? Term.Zero : (Term?)null;
            if (before is { } term) Check(node, disk.Log[i], term);
        }
    }

    private void Check(WatchedNode node, Entry entry, Term before)
    {
        while (_byIndex.Count <= entry.Index.Value) _byIndex.Add([]);
        var known = _byIndex[(int)entry.Index.Value];
        foreach (var other in known)
        {
            if (other.Entry.Term != entry.Term) continue;
            if (other.Before != before || !other.Entry.Payload.Span.SequenceEqual(entry.Payload.Span) || other.Entry.Kind != entry.Kind)
                Break(string.Create(
                    CultureInfo.InvariantCulture, $"two different logs end with {entry.Id}: one has term {other.Before} before it, n{node.Number + 1} has {before}"));
            return;
        }
        known.Add(new Known(entry, before));
    }

    private readonly record struct Known(Entry Entry, Term Before);
}
