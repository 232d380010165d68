using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Verify.Node.Recovery;

/// <summary>orchestrator's filters of clusters and hosts. Expressions are .NET's without backtracking, so that none takes long.</summary>
public static class NameFilters
{
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.NonBacktracking;
    private const string AliasIs = "alias=", AliasLike = "alias~=";

    /// <summary>"*" for all, "alias=name", "alias~=expression", or an expression that the alias or the primary's name matches.</summary>
    public static bool TakesCluster(ImmutableArray<string> filters, string alias, string primary) => filters.Any(filter => filter switch
    {
        "*" or ".*" => true,
        _ when filter.StartsWith(AliasLike, StringComparison.Ordinal) => Matches(filter[AliasLike.Length..], alias),
        _ when filter.StartsWith(AliasIs, StringComparison.Ordinal) => string.Equals(filter[AliasIs.Length..], alias, StringComparison.Ordinal),
        _ => Matches(filter, alias) || Matches(filter, primary),
    });

    public static bool TakesHost(ImmutableArray<string> filters, string host) => filters.Any(filter => filter == "*" || Matches(filter, host));

    /// <summary>What is wrong with a filter; null when nothing is.</summary>
    public static string? Objection(string filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter is "*" || (filter.StartsWith(AliasIs, StringComparison.Ordinal) && !filter.StartsWith(AliasLike, StringComparison.Ordinal))) return null;
        try
        {
            _ = new Regex(filter.StartsWith(AliasLike, StringComparison.Ordinal) ? filter[AliasLike.Length..] : filter, Options);
            return null;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return e.Message;
        }
    }

    private static bool Matches(string expression, string text) => Regex.IsMatch(text, expression, Options);
}
