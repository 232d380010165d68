using System.Collections.Immutable;
using Verify.MySql.Gtid;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>A reachable replica of a dead primary, after its relay log was drained.</summary>
/// <param name="Retrieved">What it has fetched, applied or not.</param>
/// <param name="HasGuardian">A member in its data centre was heard from lately.</param>
internal sealed record Candidate(InstanceKey Key, string DataCenter, Gtids Executed, Gtids Retrieved, bool HasGuardian)
{
    /// <summary>Everything that it has in any form.</summary>
    public Gtids All => Executed.Union(Retrieved);
    public bool IsDrained => Executed.Contains(Retrieved);
}

/// <summary>The choice, or none, and the reason in words.</summary>
internal sealed record Choice(InstanceKey? Chosen, string Reason);

/// <summary>Which replica becomes the primary: the one that has applied all that any reachable replica has in any form. Never the one
/// that answered first, and never one that lacks a transaction somebody still has. Pure.</summary>
internal static class CandidateRanking
{
    public static Choice Choose(ImmutableArray<Candidate> reachable, string failedDataCenter, string leaderDataCenter)
    {
        if (reachable.IsEmpty) return new(null, "no replica is reachable");
        var complete = reachable
            .Where(c => reachable.All(other => c.Executed.Contains(other.All)))
            .OrderByDescending(c => c.HasGuardian)
            .ThenBy(c => Same(c.DataCenter, failedDataCenter))
            .ThenByDescending(c => Same(c.DataCenter, leaderDataCenter))
            .ThenBy(c => c.Key)
            .ToImmutableArray();
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M53", deviates: !complete.Contains(reachable[0]))) return new(reachable[0].Key, "the first (planted bug M53)");
#endif
        if (complete.IsEmpty) return new(null, WhyNone(reachable));
        var among = complete.Length == 1 ? "the only one" : $"first of {complete.Length}: a guardian nearby, then another data centre than the dead one, then the leader's, then name";
        return new(complete[0].Key, $"has applied all that the {reachable.Length} reachable replicas have ({among})");
    }

    private static string WhyNone(ImmutableArray<Candidate> reachable)
    {
        if (reachable.FirstOrDefault(c => !c.IsDrained) is { } stuck)
        {
            return $"{stuck.Key} holds {stuck.Retrieved.Except(stuck.Executed)} in its relay log and cannot apply it, and nobody else has it applied";
        }

        var first = reachable[0];
        var other = reachable.First(c => !first.Executed.Contains(c.All) || !c.Executed.Contains(first.All));
        return $"the replicas have parted: {first.Key} lacks {other.All.Except(first.Executed)}, {other.Key} lacks {first.All.Except(other.Executed)}";
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
