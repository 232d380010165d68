using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>How replication lag is collected and judged (freno's job). The clusters that the node looks after are there without being
/// named; <see cref="Clusters"/> says what differs for them, and adds others.</summary>
public sealed record ThrottleSettings
{
    /// <summary>Between two samples of a server on the leader; zero: no more than the prober's own round gives.</summary>
    public TimeSpan CollectInterval { get; init; }

    /// <summary>No check is answered with 200 from a sample older than this, counted from when its question was sent.</summary>
    public TimeSpan SampleAgeMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What holds for clusters that are not in <see cref="Clusters"/>.</summary>
    public ThrottledCluster Default { get; init; } = new("");

    /// <summary>By name; a name of a cluster that the node looks after overrides <see cref="Default"/> for it.</summary>
    public ImmutableArray<ThrottledCluster> Clusters { get; init; } = [];

    /// <summary>Between two questions to HAProxy, ProxySQL and the like for the hosts of a cluster.</summary>
    public TimeSpan InventoryInterval { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan HttpCheckInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After a normal check was refused for lag, checks with low priority are refused for so long.</summary>
    public TimeSpan LowPriorityDeniedFor { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Each sample is said as an event, for the check that holds verdicts against samples. Test only.</summary>
    public bool TellsSamples { get; init; }

    /// <summary>Memcached servers that get the figures; none: they are not published.</summary>
    public ImmutableArray<Endpoint> MemcacheServers { get; init; } = [];
    public string MemcachePath { get; init; } = "freno";

    /// <summary>Where the leader is agreed on instead of by Raft; null: by Raft.</summary>
    public Backend.BackendSettings? Backend { get; init; }

    /// <summary>The settings for a cluster of this name.</summary>
    public ThrottledCluster Of(string name)
    {
        foreach (var cluster in Clusters)
            if (string.Equals(cluster.Name, name, StringComparison.Ordinal)) return cluster;
        return Default with { Name = name };
    }
}

/// <summary>One store: where its hosts are found, what is asked of them, and how much is too much.</summary>
public sealed record ThrottledCluster(string Name)
{
    /// <summary>In the unit of the metric: seconds for replication lag. Above it checks are refused.</summary>
    public double Threshold { get; init; } = 1;

    /// <summary>What is asked of each host.</summary>
    public LagMetric Metric { get; init; } = new LagMetric.ReplicaStatus();

    /// <summary>A sample is kept for so long before it is asked for anew; zero: <see cref="ThrottleSettings.CollectInterval"/>.</summary>
    public TimeSpan CacheFor { get; init; }

    /// <summary>So many of the worst hosts count for nothing; at least one host always counts.</summary>
    public int IgnoreHostsCount { get; init; }

    /// <summary>Only hosts above this value are ignored by <see cref="IgnoreHostsCount"/>.</summary>
    public double IgnoreHostsThreshold { get; init; }

    /// <summary>Hosts whose host:port holds one of these texts are left out.</summary>
    public ImmutableArray<string> IgnoreHosts { get; init; } = [];

    /// <summary>Hosts to which no connection can be made count for nothing.</summary>
    public bool IgnoreDialTcpErrors { get; init; }

    /// <summary>A host whose HTTP server answers 404 here counts for nothing; 0: not asked.</summary>
    public int HttpCheckPort { get; init; }
    public string HttpCheckPath { get; init; } = "";

    /// <summary>Of hosts that name none.</summary>
    public int Port { get; init; } = 3306;

    /// <summary>Who asks hosts that the node does not look after; null: the node's own login.</summary>
    public MySqlLogin? Login { get; init; }
    public HostSource Hosts { get; init; } = new HostSource.Own();
}

/// <summary>What is asked of a server. The list is closed.</summary>
public abstract record LagMetric
{
    private LagMetric() { }

    /// <summary>Seconds behind the source, as the server's own replica status says.</summary>
    public sealed record ReplicaStatus : LagMetric;

    /// <summary>A SELECT (first column) or a SHOW GLOBAL (second column) of the operator's, who answers for it: a heartbeat table, for
    /// example. One row, one number.</summary>
    public sealed record Query(OperatorQuery Sql) : LagMetric;
}

/// <summary>Where the hosts of a store are found. The list is closed.</summary>
public abstract record HostSource
{
    private HostSource() { }

    /// <summary>The replicas of the cluster of the same name that this node looks after.</summary>
    public sealed record Own : HostSource;
    public sealed record Static(ImmutableArray<InstanceKey> Hosts) : HostSource;

    /// <summary>The servers of one backend that are not in maintenance, in the statistics page of one or more HAProxies.</summary>
    public sealed record HaProxy(ImmutableArray<Endpoint> Addresses, string Pool) : HostSource;

    /// <summary>The servers of a host group that are online or shunned for their lag, as the admin interface of one of these ProxySQLs says to a
    /// user of admin-stats_credentials.</summary>
    public sealed record ProxySql(ImmutableArray<Endpoint> Addresses, MySqlLogin Login, int HostGroup) : HostSource
    {
        /// <summary>A server that was unhealthy in any other way counts again when it has been online for this long; above zero. freno's
        /// IgnoreServerTTLSecs.</summary>
        public TimeSpan IgnoreFor { get; init; } = TimeSpan.FromSeconds(10);
    }
}
