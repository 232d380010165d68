using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>Log Matching (Raft paper, figure 3): the same term and index means the same entry and the same log before it. It is
/// enough that an id always has the same payload and the same predecessor.</summary>
internal sealed class LogMatching : Promise
{
    private readonly List<List<Known>> _byIndex = [];

    public override string Name => "LogMatching";

    public void Appended(SwarmNode node, Entry entry)
    {
        if (node.Log.TermBefore(entry.Index) is not { } before) return;
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
