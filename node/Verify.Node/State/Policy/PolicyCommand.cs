using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Policy;

/// <summary>How gladly a server is made the primary (orchestrator's promotion rules; "must" is refused there as not supported, here it
/// comes before "prefer").</summary>
public enum PromotionRule
{
    Must = 0,
    Prefer = 1,
    Neutral = 2,
    PreferNot = 3,

    /// <summary>Never, by nobody's choice: also a takeover that names it is refused.</summary>
    MustNot = 4,
}

/// <summary>The rules in orchestrator's spelling.</summary>
public static class PromotionRules
{
    public const string Words = "must, prefer, neutral, prefer_not, must_not";

    public static bool TryParse(string text, out PromotionRule rule)
    {
        (var known, rule) = text switch
        {
            "must" => (true, PromotionRule.Must),
            "prefer" => (true, PromotionRule.Prefer),
            "neutral" => (true, PromotionRule.Neutral),
            "prefer_not" => (true, PromotionRule.PreferNot),
            "must_not" => (true, PromotionRule.MustNot),
            _ => (false, PromotionRule.Neutral),
        };
        return known;
    }

    public static string Word(PromotionRule rule) => rule switch
    {
        PromotionRule.Must => "must",
        PromotionRule.Prefer => "prefer",
        PromotionRule.PreferNot => "prefer_not",
        PromotionRule.MustNot => "must_not",
        _ => "neutral",
    };
}

/// <summary>What operators write into the replicated state about what the node may do by itself. A closed list. All carry the stamp of
/// the leader that proposed them, from which what ends by itself counts.</summary>
public abstract record PolicyCommand(TimeStamp Stamp)
{
    /// <summary>The server's failures are known: nothing is begun because of them until the downtime ends.</summary>
    /// <param name="ForMs">How long, by the group's time; above 0.</param>
    public sealed record BeginDowntime(InstanceKey Instance, string Owner, string Reason, long ForMs, TimeStamp Stamp) : PolicyCommand(Stamp);
    public sealed record EndDowntime(InstanceKey Instance, TimeStamp Stamp) : PolicyCommand(Stamp);

    /// <summary>An operator works on the server: it is not touched, not re-attached and not promoted until the maintenance ends. Refused
    /// while somebody else's maintenance is on it.</summary>
    public sealed record BeginMaintenance(InstanceKey Instance, string Owner, string Reason, long ForMs, TimeStamp Stamp) : PolicyCommand(Stamp);

    /// <summary>Of a server, or, by its key (the index of the entry that began it), of whichever.</summary>
    public sealed record EndMaintenance(InstanceKey? Instance, long Key, TimeStamp Stamp) : PolicyCommand(Stamp);

    /// <param name="ForMs">0: until it is changed.</param>
    public sealed record SetPromotionRule(InstanceKey Instance, PromotionRule Rule, long ForMs, TimeStamp Stamp) : PolicyCommand(Stamp);

    /// <summary>The global switch. Off: no recovery begins by itself; what operators ask for is still done.</summary>
    public sealed record SetRecoveries(bool On, string By, TimeStamp Stamp) : PolicyCommand(Stamp);
}

/// <summary>A server's failures are known until then, or somebody works on it until then.</summary>
/// <param name="Key">The index of the entry that began it.</param>
/// <param name="BeganWallMs">For people: by the wall clock of the leader.</param>
/// <param name="EndsAtMs">By the group's time.</param>
public sealed record Suspension(InstanceKey Instance, string Owner, string Reason, long Key, long BeganWallMs, long EndsAtMs);

/// <param name="EndsAtMs">By the group's time; null: until it is changed.</param>
public sealed record InstanceRule(InstanceKey Instance, PromotionRule Rule, long? EndsAtMs);
