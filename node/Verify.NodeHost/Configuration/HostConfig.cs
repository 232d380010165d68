using System.Collections.Immutable;
using System.Text.Json;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.NodeHost.Configuration;

/// <summary>Everything that a configuration file says: for the node, and for the host around it.</summary>
internal sealed record HostConfig(
    NodeConfig Node, string DataDirectory, Endpoint Listen, string BackendDb, bool IsSingle, IReadOnlyList<string> Warnings)
{
    /// <exception cref="ConfigException">Every problem with its place.</exception>
    public static HostConfig Load(string path, Func<string, string?> environment)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException([$"{path}: cannot be read: {e.Message}"]);
        }

        return Parse(path, bytes, environment);
    }

    /// <exception cref="ConfigException">Every problem with its place.</exception>
    public static HostConfig Parse(string path, ReadOnlySpan<byte> text, Func<string, string?> environment)
    {
        var values = new ConfigValues(path, ConfigFile.Read(path, text), environment);
        var warnings = new List<string>();
        var config = Build(values, warnings, environment);
        foreach (var unused in values.Unused)
        {
            if (KnownKeys.NotUsedYet.Contains(unused.Key)) warnings.Add($"{path}:{unused.Line}: {unused.Key} is known from orchestrator or freno, but not used yet");
            else values.Problems.Add($"{path}:{unused.Line}:{unused.Column}: {unused.Key} is not a known key{Nearest(unused.Key)}");
        }

        return values.Problems.Count == 0 ? config with { Warnings = warnings } : throw new ConfigException(values.Problems);
    }

    private static HostConfig Build(ConfigValues values, List<string> warnings, Func<string, string?> environment)
    {
        var directory = values.Text("RaftDataDir", "");
        if (directory.Length == 0) values.Problem("RaftDataDir", "the directory where this node keeps its log");
        var raftPort = values.Int("DefaultRaftPort", 10008, 1, 65535);
        var bind = values.EndpointOf("RaftBind", values.Text("RaftBind", "127.0.0.1"), raftPort);
        var self = values.EndpointOf("RaftAdvertise", values.Text("RaftAdvertise", bind.ToString()), raftPort);
        var dataCenter = values.Text("DataCenter", "");
        var dataCenters = values.Map("DataCenters");
        var members = MembersOf(values, self, raftPort, dataCenter, dataCenters);
        if (dataCenter.Length == 0 && members.Length > 1) values.Problem("DataCenter", "the name of the data centre that this node stands in");
        var backend = values.Text("BackendDB", "sqlite");
        if (backend is not ("sqlite" or "mysql")) values.Problem("BackendDB", "\"sqlite\" or \"mysql\"");
        else if (values.Has("BackendDB")) warnings.Add("BackendDB: the history store is not built yet; nothing but the log is kept");
        var node = new NodeConfig
        {
            Self = new(self.ToString()),
            DataCenter = dataCenter,
            PeerBind = bind,
            Members = members,
            ClusterId = values.Text("ClusterId", "verify"),
            Clusters = ClustersOf(values),
            Addresses = AddressesOf(values),
            TopologyLogin = new(values.Text("MySQLTopologyUser", ""), values.Text("MySQLTopologyPassword", "")),
            ReplicationLogin = new(QuotableText(values, "MySQLReplicationUser"), QuotableText(values, "MySQLReplicationPassword")),
            Timing = TimingOf(values),
            FencingEnabled = environment("VERIFY_TEST_ONLY_NO_FENCING") != "1",
        };
        if (node.Clusters.Length > 0 && node.TopologyLogin.User.Length == 0) values.Problem("MySQLTopologyUser", "the user that probes and repairs the servers");
        return new(node, directory, ListenOf(values), backend, members.Length == 1, warnings);
    }

    /// <summary>What CHANGE REPLICATION SOURCE must carry: found wrong here, not in the middle of the first failover.</summary>
    private static string QuotableText(ConfigValues values, string key)
    {
        var text = values.Text(key, "");
        if (!SqlQuotedLiteral.CanHold(text))
        {
            values.Problem(key, "printable ASCII without a backslash, because a replica can be told nothing else about its source: give the account another one");
        }

        return text;
    }

    private static Endpoint ListenOf(ConfigValues values)
    {
        var port = values.Int("ListenPort", 3000, 1, 65535);
        var text = values.Text("ListenAddress", $"127.0.0.1:{port}");
        if (text.StartsWith(':')) text = "0.0.0.0" + text;
        return values.EndpointOf("ListenAddress", text, port);
    }

    private static ImmutableArray<Member> MembersOf(ConfigValues values, Endpoint self, int raftPort, string dataCenter, IReadOnlyDictionary<string, string> dataCenters)
    {
        var enabled = values.Bool("RaftEnabled", true);
        var names = values.Texts("RaftNodes");
        if (!enabled || names.Count == 0) return [new(new(self.ToString()), self, dataCenter)];
        var members = names.Select(n => values.EndpointOf("RaftNodes", n, raftPort)).Distinct().Order()
            .Select(e => new Member(new(e.ToString()), e, dataCenters.GetValueOrDefault(e.ToString(), e == self ? dataCenter : ""))).ToImmutableArray();
        if (!members.Any(m => m.Endpoint == self)) values.Problem("RaftNodes", $"a list that holds this node as well ({self}, from RaftAdvertise or RaftBind)");
        foreach (var member in members.Where(m => m.DataCenter.Length == 0 && m.Endpoint != self))
        {
            values.Problem("DataCenters", $"an object that names the data centre of every node; {member.Endpoint} is missing");
        }

        return members;
    }

    private static Timing TimingOf(ConfigValues values)
    {
        var defaults = new Timing();
        int Ms(string key, TimeSpan otherwise, int min, int max) => values.Int(key, (int)otherwise.TotalMilliseconds, min, max);
        var tick = Ms("RaftTickMilliseconds", defaults.Tick, 1, 1000);
        var poll = values.Int("InstancePollSeconds", 0, 1, 3600);
        var heartbeat = Ms("RaftHeartbeatMilliseconds", defaults.Tick * defaults.HeartbeatTicks, tick, 60_000);
        var election = Ms("RaftElectionMilliseconds", defaults.Tick * defaults.ElectionTicks, tick, 600_000);
        if (election < 3 * heartbeat) values.Problem("RaftElectionMilliseconds", $"at least three heartbeats ({3 * heartbeat})");
        var lease = Ms("PrimaryLeaseMilliseconds", defaults.WriteLease, 200, 600_000);
        var renewal = Ms("PrimaryLeaseRenewalMilliseconds", defaults.LeaseRenewal, 50, 600_000);
        var margin = Ms("FencingMarginMilliseconds", defaults.FencingMargin, 50, 600_000);
        if (lease < renewal + margin + election) values.Problem("PrimaryLeaseMilliseconds", $"longer than renewal, fencing margin and election timeout together ({renewal + margin + election})");
        return new()
        {
            Tick = TimeSpan.FromMilliseconds(tick),
            HeartbeatTicks = Math.Max(1, heartbeat / tick),
            ElectionTicks = Math.Max(2, election / tick),
            ProbeInterval = TimeSpan.FromMilliseconds(Ms("ProbeIntervalMilliseconds", poll > 0 ? TimeSpan.FromSeconds(poll) : defaults.ProbeInterval, 20, 3_600_000)),
            ProbeTimeout = TimeSpan.FromMilliseconds(Ms("ProbeTimeoutMilliseconds", defaults.ProbeTimeout, 50, 60_000)),
            ReportInterval = TimeSpan.FromMilliseconds(Ms("ReportIntervalMilliseconds", defaults.ReportInterval, 20, 60_000)),
            ObservationAgeMax = TimeSpan.FromMilliseconds(Ms("ObservationAgeMilliseconds", defaults.ObservationAgeMax, 100, 600_000)),
            WriteLease = TimeSpan.FromMilliseconds(lease),
            LeaseRenewal = TimeSpan.FromMilliseconds(renewal),
            FencingMargin = TimeSpan.FromMilliseconds(margin),
            ClockDriftPerMille = values.Int("ClockDriftPerMille", defaults.ClockDriftPerMille, 0, 200),
            StatementTimeout = TimeSpan.FromMilliseconds(Ms("StatementTimeoutMilliseconds", defaults.StatementTimeout, 100, 600_000)),
            RequestTimeout = TimeSpan.FromMilliseconds(Ms("RequestTimeoutMilliseconds", defaults.RequestTimeout, 100, 600_000)),
        };
    }

    /// <summary>"MySQLClusters": { "alias": { "host:port": "data centre", … }, … }.</summary>
    private static ImmutableArray<ClusterSpec> ClustersOf(ConfigValues values)
    {
        const string expected = "an object { \"alias\": { \"host:port\": \"data centre\" } }";
        var semiSync = values.Bool("SemiSync", false);
        if (values.Raw("MySQLClusters") is not { } raw) return [];
        var clusters = ImmutableArray.CreateBuilder<ClusterSpec>();
        if (raw.ValueKind != JsonValueKind.Object)
        {
            values.Problem("MySQLClusters", expected);
            return [];
        }

        foreach (var cluster in raw.EnumerateObject())
        {
            if (cluster.Value.ValueKind != JsonValueKind.Object || cluster.Value.EnumerateObject().Any(s => s.Value.ValueKind != JsonValueKind.String))
            {
                values.Problem("MySQLClusters", expected);
                continue;
            }

            clusters.Add(new(cluster.Name, [.. cluster.Value.EnumerateObject()
                .Select(s => (At: values.EndpointOf("MySQLClusters", s.Name, 3306), Dc: s.Value.GetString()!))
                .Select(s => new Instance(new(s.At.Host, s.At.Port), s.Dc)).OrderBy(i => i.Key)]) { SemiSync = semiSync });
        }

        return [.. clusters.OrderBy(c => c.Alias, StringComparer.Ordinal)];
    }

    /// <summary>"AddressViews": { "data centre": { "name:port": "host:port as seen from there", … }, … }.</summary>
    private static AddressBook AddressesOf(ConfigValues values)
    {
        const string expected = "an object { \"data centre\": { \"name:port\": \"host:port as seen from there\" } }";
        if (values.Raw("AddressViews") is not { } raw) return AddressBook.Empty;
        var views = new SortedDictionary<string, IReadOnlyDictionary<Endpoint, Endpoint>>(StringComparer.Ordinal);
        if (raw.ValueKind != JsonValueKind.Object || raw.EnumerateObject().Any(v => v.Value.ValueKind != JsonValueKind.Object))
        {
            values.Problem("AddressViews", expected);
            return AddressBook.Empty;
        }

        foreach (var view in raw.EnumerateObject())
        {
            var addresses = new SortedDictionary<Endpoint, Endpoint>();
            foreach (var entry in view.Value.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String) values.Problem("AddressViews", expected);
                else addresses[values.EndpointOf("AddressViews", entry.Name, null)] = values.EndpointOf("AddressViews", entry.Value.GetString()!, null);
            }

            views[view.Name] = addresses;
        }

        return new(views);
    }

    private static readonly string[] OwnKeys =
    [
        "RaftEnabled", "RaftDataDir", "RaftBind", "RaftAdvertise", "DefaultRaftPort", "RaftNodes", "ListenAddress", "ListenPort", "BackendDB",
        "MySQLTopologyUser", "MySQLTopologyPassword", "MySQLReplicationUser", "MySQLReplicationPassword", "DataCenter", "DataCenters", "ClusterId",
        "MySQLClusters", "SemiSync", "AddressViews", "InstancePollSeconds", "RaftTickMilliseconds", "RaftHeartbeatMilliseconds", "RaftElectionMilliseconds",
        "ProbeIntervalMilliseconds", "ProbeTimeoutMilliseconds", "ReportIntervalMilliseconds", "ObservationAgeMilliseconds", "PrimaryLeaseMilliseconds",
        "PrimaryLeaseRenewalMilliseconds", "FencingMarginMilliseconds", "ClockDriftPerMille", "StatementTimeoutMilliseconds", "RequestTimeoutMilliseconds",
    ];

    private static string Nearest(string key)
    {
        var best = OwnKeys.Select(k => (Key: k, Distance: Distance(k.ToUpperInvariant(), key.ToUpperInvariant()))).MinBy(k => k.Distance);
        return best.Distance <= 3 ? $"; did you mean {best.Key}?" : "";
    }

    /// <summary>Levenshtein's edit distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
