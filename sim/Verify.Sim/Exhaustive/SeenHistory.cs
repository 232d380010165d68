using System.Collections.Immutable;

namespace Verify.Sim.Exhaustive;

/// <summary>What a state must remember of its past for the promises: who has ever led which term, and what anybody has ever known to be
/// committed, and since which term.</summary>
internal sealed record SeenHistory(ulong Leaders, PackedLog Committed, ulong CommittedIn)
{
    public static SeenHistory Nothing { get; } = new(0, default, 0);

    /// <summary>One more than the number of the node that led a term; 0 for nobody.</summary>
    public int LeaderOf(int term) => (int)((Leaders >> (8 * term)) & 0xFF);

    public int CommittedInTerm(int index) => (int)((CommittedIn >> (8 * (index - 1))) & 0xFF);

    /// <summary>This node leads, or knows more as committed than before.</summary>
    public SeenHistory See(NodeFacts node, out BrokenPromise? broken)
    {
        broken = null;
        var (leaders, committed, committedIn) = (Leaders, Committed, CommittedIn);
        if (node.IsLeader)
        {
            var known = LeaderOf(node.Term);
            if (known != 0 && known != node.Number + 1)
                broken = new("MoreThanOneLeader", FormattableString.Invariant($"n{known} and {node.Name} both lead term {node.Term}"));
            else leaders |= (ulong)(node.Number + 1) << (8 * node.Term);
        }
        for (var index = 1; index <= node.Commit && broken is null; index++)
        {
            if (index > committed.Count)
            {
                committed = new(committed.Entries | ((ulong)node.Log[index] << (8 * (index - 1))), index);
                committedIn |= (ulong)node.Term << (8 * (index - 1));
            }
            else if (committed[index] != node.Log[index])
            {
                broken = new("StateMachineSafety", $"{node.Name} has {node.Log.Name(index)} committed where {committed.Name(index)} is");
            }
        }
        return new(leaders, committed, committedIn);
    }

    public (ulong One, ulong Two) Hash(Renamings renamings, int renaming)
    {
        var hash = ContentHash.Start(3);
        for (var term = 1; term <= ExhaustiveBounds.TermsMax; term++)
            hash.Add(LeaderOf(term) is > 0 and var leader ? renamings.To(renaming, leader - 1) + 1 : 0);
        hash.Add((long)Committed.Entries);
        hash.Add(Committed.Count);
        hash.Add((long)CommittedIn);
        return hash.Finish();
    }
}

/// <summary>A promise that a state breaks, and how.</summary>
internal sealed record BrokenPromise(string Promise, string What);
