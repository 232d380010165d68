using System.Collections.Immutable;

namespace Verify.Node.State.Access;

/// <summary>What somebody may do: the rules of all his policies together. The rule that says most exactly what it is about counts; an exact
/// name before a prefix, a longer prefix before a shorter one; among rules about the same, a denial before all, then the higher level
/// (Consul, "ACL rule precedence"). Where no rule fits, the default counts.</summary>
/// <param name="Rules">Of all policies.</param>
/// <param name="IsManagement">May do everything.</param>
/// <param name="Who">For people: the token's accessor.</param>
public sealed record AccessJudgement(ImmutableArray<AccessRule> Rules, bool IsManagement, bool AllowsByDefault, string Who)
{
    public static AccessJudgement Everything { get; } = new([], IsManagement: true, AllowsByDefault: true, "");

    public bool May(AccessArea area, string name, AccessLevel level)
    {
        if (IsManagement) return true;
        AccessRule? best = null;
        foreach (var rule in Rules)
            if (rule.Area == area && IsAbout(rule, name) && (best is null || IsBefore(rule, best))) best = rule;
        return best is null ? AllowsByDefault : best.Level >= level && best.Level != AccessLevel.Deny;
    }

    /// <summary>Everything that begins so: there must be no rule below the prefix that says less.</summary>
    public bool MayAll(AccessArea area, string prefix, AccessLevel level) => May(area, prefix, level) && (IsManagement || Rules.All(rule =>
        rule.Area != area || !rule.Name.StartsWith(prefix, StringComparison.Ordinal) || May(area, rule.Name, level)));

    private static bool IsAbout(AccessRule rule, string name) => rule.IsPrefix ? name.StartsWith(rule.Name, StringComparison.Ordinal) : name == rule.Name;

    private static bool IsBefore(AccessRule rule, AccessRule best)
    {
        if (rule.IsPrefix != best.IsPrefix) return !rule.IsPrefix;
        if (rule.Name.Length != best.Name.Length) return rule.Name.Length > best.Name.Length;
        if (best.Level == AccessLevel.Deny) return false;
        return rule.Level == AccessLevel.Deny || rule.Level > best.Level;
    }
}
