using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>Whoever would win a vote because its log is newer has what was committed before (after etcd-raft's TLA+ specification,
/// MoreUpToDateCorrectInv; here against the term in which an entry was committed, which holds for entries of older terms too).</summary>
internal sealed class MoreUpToDateCorrect(CommittedLog committed) : Promise
{
    public override string Name => "MoreUpToDateCorrect";

    public void Appended(WatchedNode node)
    {
        var last = node.Log.Last;
        for (var index = committed.Last; index > LogIndex.Zero; index = index.Previous)
        {
            var binds = new EntryId(committed.CommittedIn(index), index);
            if (!last.IsAtLeastAsUpToDateAs(binds)) continue;
            if (!node.Holds(committed[index]))
                Break(string.Create(
                    CultureInfo.InvariantCulture, $"n{node.Number + 1}'s log ends with {last} and lacks {committed[index]}, committed in term {binds.Term}"));
            return;
        }
    }
}
