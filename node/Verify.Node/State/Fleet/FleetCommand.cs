using System.Collections.Immutable;
using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Fleet;

/// <summary>Everything that is written into the replicated state about the servers of the fleet. A closed list.</summary>
public abstract record FleetCommand
{
    private FleetCommand() { }

    /// <summary>An operator, or the configuration, names a server from which a topology is to be found. Takes back that it was forgotten.</summary>
    public sealed record Seed(InstanceKey Instance) : FleetCommand;

    /// <summary>The leader has found servers, or knows more of them. A server that was forgotten lately is not taken in; one that is the
    /// agreed primary of a cluster stays in that cluster.</summary>
    public sealed record Learn(ImmutableArray<FleetServer> Servers, ImmutableArray<FleetCluster> Clusters) : FleetCommand;

    /// <summary>The server is known no longer, and is not found again before <paramref name="AgainAfterMs"/> have passed by the group's time:
    /// its source and its replicas may still name it.</summary>
    public sealed record Forget(InstanceKey Instance, long AgainAfterMs, TimeStamp Stamp) : FleetCommand;

    /// <summary>The whole cluster: servers, name, alias, and its primary's token. Refused while a recovery is open.</summary>
    public sealed record ForgetCluster(string Cluster) : FleetCommand;

    /// <summary>How operators call the cluster; empty: as it was found.</summary>
    public sealed record SetAlias(string Cluster, string Alias) : FleetCommand;

    /// <summary>True: the node guards the cluster's primary and recovers it. False: it only looks.</summary>
    public sealed record Manage(string Cluster, bool IsManaged) : FleetCommand;

    public sealed record Tag(InstanceKey Instance, string Name, string Value) : FleetCommand;

    /// <summary><paramref name="Name"/> empty: all tags of the server.</summary>
    public sealed record Untag(InstanceKey Instance, string Name) : FleetCommand;

    /// <summary>A server that is named <paramref name="From"/> somewhere is known as <paramref name="To"/>; null: no longer.</summary>
    public sealed record Resolve(InstanceKey From, InstanceKey? To) : FleetCommand;

    /// <summary>The name by which replicas are to be told of this server (a virtual name); empty: its own.</summary>
    public sealed record Unresolve(InstanceKey Instance, string VirtualHost) : FleetCommand;
}

/// <summary>A server that was found. Servers of the configuration are in here only when something was learnt of them.</summary>
/// <param name="Cluster">The name of its cluster (<see cref="FleetCluster.Name"/>).</param>
/// <param name="DataCenter">By DetectDataCenterQuery or DataCenterPattern; empty: not known.</param>
/// <param name="Alias">By DetectInstanceAliasQuery.</param>
/// <param name="PromotionRule">By DetectPromotionRuleQuery: must, prefer, neutral, prefer_not, must_not; empty: not asked.</param>
public sealed record FleetServer(InstanceKey Key, string Cluster, string DataCenter, string Alias, string PromotionRule);

/// <summary>A cluster that was found.</summary>
/// <param name="Name">What it is called in the ledger and in the log, for as long as it is known: its alias when it was found, or
/// "host:port" of the server that was its primary then.</param>
/// <param name="Alias">By DetectClusterAliasQuery, ClusterNameToAlias or an operator; empty: the name.</param>
/// <param name="Domain">By DetectClusterDomainQuery.</param>
/// <param name="IsManaged">The node guards its primary and recovers it; false: it only looks.</param>
public sealed record FleetCluster(string Name, string Alias, string Domain, bool IsManaged);
