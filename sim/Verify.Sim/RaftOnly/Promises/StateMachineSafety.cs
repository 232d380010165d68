using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>State Machine Safety (Raft paper, figure 3): no two nodes apply, or know as committed, different entries at an index;
/// each applies all of them in order.</summary>
internal sealed class StateMachineSafety(CommittedLog committed) : Promise
{
    public override string Name => "StateMachineSafety";

    public void Committed(WatchedNode node, EntryId id)
    {
        if (committed[id.Index] != id)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} has {id} committed where {committed[id.Index]} is"));
    }

    public void Applied(WatchedNode node, Entry entry)
    {
        if (entry.Index != node.Applied.Next)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} applies {entry.Id} after index {node.Applied}"));
        if (!committed.Holds(entry.Index))
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} applies {entry.Id}, which nobody has committed"));
        else Committed(node, entry.Id);
    }
}
