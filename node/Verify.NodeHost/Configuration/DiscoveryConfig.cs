using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.NodeHost.Configuration;

/// <summary>How servers are found and what is asked of them, in orchestrator's keys.</summary>
internal static class DiscoveryConfig
{
    public static DiscoverySettings Of(ConfigValues values, List<string> warnings)
    {
        var defaults = new DiscoverySettings();
        var port = values.Int("DefaultInstancePort", defaults.DefaultPort, 1, 65535);
        Dns(values, warnings);
        return new()
        {
            DefaultPort = port,
            Seeds = [.. values.Texts("DiscoverySeeds").Select(s => values.EndpointOf("DiscoverySeeds", s, port)).Select(static e => new InstanceKey(e.Host, e.Port)).Order()],
            FromConfigured = values.Bool("DiscoverFromConfigured", defaults.FromConfigured),
            ByShowReplicas = values.Bool("DiscoverByShowSlaveHosts", defaults.ByShowReplicas),
            DetailsInterval = TimeSpan.FromMilliseconds(values.Int("DetailsIntervalMilliseconds", (int)defaults.DetailsInterval.TotalMilliseconds, 0, 3_600_000)),
            ForgetUnseenAfter = TimeSpan.FromHours(values.Int("UnseenInstanceForgetHours", (int)defaults.ForgetUnseenAfter.TotalHours, 0, 1_000_000)),
            ForgottenFor = TimeSpan.FromSeconds(values.Int("ForgottenForSeconds", (int)defaults.ForgottenFor.TotalSeconds, 0, 1_000_000)),
            DataCenterQuery = Query(values, "DetectDataCenterQuery"),
            DataCenterPattern = Pattern(values, "DataCenterPattern"),
            ClusterAliasQuery = Query(values, "DetectClusterAliasQuery"),
            ClusterDomainQuery = Query(values, "DetectClusterDomainQuery"),
            InstanceAliasQuery = Query(values, "DetectInstanceAliasQuery"),
            PromotionRuleQuery = Query(values, "DetectPromotionRuleQuery"),
            SemiSyncEnforcedQuery = Query(values, "DetectSemiSyncEnforcedQuery"),
            ReplicationLagQuery = Query(values, "ReplicationLagQuery") is { Length: > 0 } lag ? lag : Query(values, "SlaveLagQuery"),
            HostnameResolveMethod = values.Choice("MySQLHostnameResolveMethod", "", "", "none", "@@hostname", "@@report_host") is "none" or "" ? "" : values.Text("MySQLHostnameResolveMethod", "").ToLowerInvariant(),
            RejectHostname = Pattern(values, "RejectHostnameResolvePattern"),
            IgnoreHosts = Patterns(values, "DiscoveryIgnoreHostnameFilters"),
            IgnoreReplicas = Patterns(values, "DiscoveryIgnoreReplicaHostnameFilters"),
            IgnoreSources = Patterns(values, "DiscoveryIgnoreMasterHostnameFilters"),
            ManagedClusters = Patterns(values, "ManagedClusterFilters"),
            Aliases = AliasesOf(values),
            Probing = values.Choice("ProbingMode", "all", "all", "shared") == "shared" ? ProbingMode.Shared : ProbingMode.All,
        };
    }

    public static AnalysisLimits LimitsOf(ConfigValues values) => new()
    {
        ReasonableLagSeconds = values.Int("ReasonableReplicationLagSeconds", (int)new AnalysisLimits().ReasonableLagSeconds, 0, 1_000_000),
        ReasonableReplicaNetTimeoutSeconds = values.Int("ReasonableReplicaNetTimeoutSeconds", (int)new AnalysisLimits().ReasonableReplicaNetTimeoutSeconds, 0, 1_000_000),
        EnforceExactSemiSyncReplicas = values.Bool("EnforceExactSemiSyncReplicas", new AnalysisLimits().EnforceExactSemiSyncReplicas),
    };

    /// <summary>A node asks no name server for the names of servers: a name is what everybody agrees on, AddressViews says how it is reached.</summary>
    private static void Dns(ConfigValues values, List<string> warnings)
    {
        if (values.Choice("HostnameResolveMethod", "none", "default", "none", "cname", "ip") is "cname" or "ip")
            warnings.Add($"{values.PlaceOf("HostnameResolveMethod")}: HostnameResolveMethod: a node asks no name server; a server is known by the name under which it was found (see MySQLHostnameResolveMethod)");
    }

    private static string Query(ConfigValues values, string key) => values.Text(key, "", "a query that gives one value, or empty").Trim().TrimEnd(';');

    /// <summary>As orchestrator's ClusterNameToAlias: { "pattern of a cluster's name": "alias" }.</summary>
    private static ImmutableArray<(Regex Name, string Alias)> AliasesOf(ConfigValues values)
    {
        const string expected = "an object { \"pattern of the cluster's name\": \"alias\" }";
        if (values.Raw("ClusterNameToAlias", expected) is not { } raw) return [];
        if (raw.ValueKind != JsonValueKind.Object || raw.EnumerateObject().Any(static a => a.Value.ValueKind != JsonValueKind.String))
        {
            values.Problem("ClusterNameToAlias", expected);
            return [];
        }

        var aliases = ImmutableArray.CreateBuilder<(Regex, string)>();
        foreach (var entry in raw.EnumerateObject())
            if (RegexOf(values, "ClusterNameToAlias", entry.Name) is { } name) aliases.Add((name, entry.Value.GetString()!));
        return aliases.ToImmutable();
    }

    private static ImmutableArray<Regex> Patterns(ConfigValues values, string key) =>
        [.. values.Texts(key).Select(p => RegexOf(values, key, p == "*" ? ".*" : p)).Where(static p => p is not null).Select(static p => p!)];

    private static Regex? Pattern(ConfigValues values, string key) => values.Text(key, "", "regular expression") is { Length: > 0 } text ? RegexOf(values, key, text) : null;

    /// <summary>Without backtracking, so that no name can make it take long; so it knows no back-references and no looking around.</summary>
    private static Regex? RegexOf(ConfigValues values, string key, string pattern)
    {
        try
        {
            return new(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            values.Problem(key, $"a regular expression without back-references and look-around; '{pattern}' is none ({e.Message})");
            return null;
        }
    }
}
