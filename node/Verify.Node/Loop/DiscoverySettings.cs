using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Verify.Node.Topology;

namespace Verify.Node.Loop;

/// <summary>How servers are found beyond those of <see cref="NodeConfig.Clusters"/>, and what is asked of each. Keys and their meaning are
/// orchestrator's where it has them (go/config/config.go of 3.2.6). The same on all nodes.</summary>
public sealed record DiscoverySettings
{
    /// <summary>Servers from which topologies are found.</summary>
    public ImmutableArray<InstanceKey> Seeds { get; init; } = [];

    /// <summary>True: servers below and above those of the configuration are found too, and join their clusters.</summary>
    public bool FromConfigured { get; init; }

    /// <summary>The port where a server's name has none.</summary>
    public int DefaultPort { get; init; } = 3306;

    /// <summary>True: replicas are read from SHOW REPLICAS (they need report_host); false: from the process list first.</summary>
    public bool ByShowReplicas { get; init; }

    /// <summary>Between two full looks at one server (who replicates from it, what the detect queries say).</summary>
    public TimeSpan DetailsInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A server that was found and that nobody has reached for so long is forgotten; zero: never.</summary>
    public TimeSpan ForgetUnseenAfter { get; init; } = TimeSpan.FromHours(240);

    /// <summary>A server that an operator forgot is not found again for so long.</summary>
    public TimeSpan ForgottenFor { get; init; } = TimeSpan.FromSeconds(60);
    public string DataCenterQuery { get; init; } = "";

    /// <summary>The first group of the first match in the host's name is its data centre.</summary>
    public Regex? DataCenterPattern { get; init; }
    public string ClusterAliasQuery { get; init; } = "";
    public string ClusterDomainQuery { get; init; } = "";
    public string InstanceAliasQuery { get; init; } = "";
    public string PromotionRuleQuery { get; init; } = "";
    public string SemiSyncEnforcedQuery { get; init; } = "";

    /// <summary>Seconds of lag; empty: what the server says of itself.</summary>
    public string ReplicationLagQuery { get; init; } = "";

    /// <summary>How the server's own name is asked for: "" (it is known by the name under which it was found), "@@hostname" or "@@report_host".</summary>
    public string HostnameResolveMethod { get; init; } = "";

    /// <summary>A name like this is not taken from a server.</summary>
    public Regex? RejectHostname { get; init; }
    public ImmutableArray<Regex> IgnoreHosts { get; init; } = [];
    public ImmutableArray<Regex> IgnoreReplicas { get; init; } = [];
    public ImmutableArray<Regex> IgnoreSources { get; init; } = [];

    /// <summary>Clusters that were found and whose name or alias matches are managed from the start.</summary>
    public ImmutableArray<Regex> ManagedClusters { get; init; } = [];

    /// <summary>Alias by a pattern of the cluster's name (orchestrator's ClusterNameToAlias).</summary>
    public ImmutableArray<(Regex Name, string Alias)> Aliases { get; init; } = [];

    /// <summary>Which servers a node looks at.</summary>
    public ProbingMode Probing { get; init; } = ProbingMode.All;

    /// <summary>Nothing is to be found.</summary>
    public bool IsOff => Seeds.IsEmpty && !FromConfigured;
}

/// <summary>Which servers a node looks at.</summary>
public enum ProbingMode
{
    /// <summary>Every node at every server.</summary>
    All,

    /// <summary>Every node at the agreed primaries, whose death needs a majority of all; at each other server two nodes, in different data
    /// centres where there are such.</summary>
    Shared,
}
