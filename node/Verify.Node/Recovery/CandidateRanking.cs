using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>A reachable replica of a dead primary, after its relay log was drained.</summary>
/// <param name="Retrieved">What it has fetched, applied or not.</param>
/// <param name="HasGuardian">A member in its data centre was heard from lately.</param>
internal sealed record Candidate(InstanceKey Key, string DataCenter, Gtids Executed, Gtids Retrieved, bool HasGuardian)
{
    public PromotionRule Rule { get; init; } = PromotionRule.Neutral;
    public ServerVersion Version { get; init; }

    /// <summary>What it can send to nobody any more, as it was looked at last; null: nothing that is known.</summary>
    public Gtids? Purged { get; init; }

    /// <summary>Why policy forbids to promote it; null when nothing does. What it has counts all the same.</summary>
    public string? Objection { get; init; }

    /// <summary>Why its GTID sets do not tell what it has (<see cref="GtidUse"/>); null: they do.</summary>
    public string? Blind { get; init; }

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
    private const string Order = "a guardian nearby, then the promotion rule must, then fewer replicas that lack what it has purged, then another data centre than the dead one, then the promotion rule, "
        + "then the older version, then the leader's data centre, then name";

    /// <param name="designated">The only one that an operator allows; null: any.</param>
    public static Choice Choose(
        ImmutableArray<Candidate> reachable, string failedDataCenter, string leaderDataCenter, InstanceKey? designated = null)
    {
        if (reachable.IsEmpty) return new(null, "no replica is reachable");
        if (reachable.FirstOrDefault(static c => c.Blind is not null) is { } blind) return new(null, $"what {blind.Key} has is not known: {blind.Blind}");
        var complete = reachable
            .Where(c => reachable.All(other => c.Executed.Contains(other.All)))
            .OrderByDescending(c => c.HasGuardian)
            .ThenByDescending(c => c.Rule == PromotionRule.Must)
            .ThenBy(c => LostBelow(c, reachable).Count())
            .ThenBy(c => Same(c.DataCenter, failedDataCenter))
            .ThenBy(c => c.Rule)
            .ThenBy(c => c.Version.Major).ThenBy(c => c.Version.Minor).ThenBy(c => c.Version.Patch)
            .ThenByDescending(c => Same(c.DataCenter, leaderDataCenter))
            .ThenBy(c => c.Key)
            .ToImmutableArray();
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M53", deviates: !complete.Contains(reachable[0]))) return new(reachable[0].Key, "the first (planted bug M53)");
#endif
        if (complete.IsEmpty) return new(null, WhyNone(reachable));
        var allowed = complete.Where(c => c.Objection is null && (designated is null || designated == c.Key)).ToImmutableArray();
        if (allowed.IsEmpty) return new(null, WhyNotAllowed(reachable, complete, designated));
        var among = allowed.Length == 1 ? "the only one" : $"first of {allowed.Length}: {Order}";
        var lost = string.Join(", ", LostBelow(allowed[0], reachable).Select(c => c.Key));
        return new(allowed[0].Key, $"has applied all that the {reachable.Length} reachable replicas have ({among}){(lost.Length > 0 ? $"; has purged what {lost} lacks" : "")}");
    }

    /// <summary>Replicas that could not follow it.</summary>
    private static IEnumerable<Candidate> LostBelow(Candidate candidate, ImmutableArray<Candidate> reachable) =>
        candidate.Purged is { } purged ? reachable.Where(o => o.Key != candidate.Key && !o.Executed.Contains(purged)) : [];

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

    private static string WhyNotAllowed(ImmutableArray<Candidate> reachable, ImmutableArray<Candidate> complete, InstanceKey? designated)
    {
        if (designated is { } named && !complete.Any(c => c.Key == named))
        {
            return reachable.FirstOrDefault(c => c.Key == named) is { } lacking
                ? $"{named} lacks {complete[0].Executed.Except(lacking.Executed)}, which {complete[0].Key} has: name that one, or let it catch up"
                : $"{named} is not reachable";
        }

        var forbidden = complete.Where(c => c.Objection is not null).Select(c => $"{c.Key}: {c.Objection}");
        return $"nobody with all transactions may be promoted ({string.Join("; ", forbidden)})";
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
