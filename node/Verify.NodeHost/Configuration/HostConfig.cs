using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;

namespace Verify.NodeHost.Configuration;

/// <summary>Everything that file and environment say: for the node, and for the host around it.</summary>
internal sealed record HostConfig(
    NodeConfig Node, string DataDirectory, Endpoint Listen, bool IsSingle, IReadOnlyList<string> Warnings)
{
    public required string NodeName { get; init; }
    public required TlsFiles? PeerTls { get; init; }
    public required HttpsSettings? Https { get; init; }
    public required AccessSettings Access { get; init; }
    public required CatalogueConfig Catalogue { get; init; }
    public required AclConfig Acl { get; init; }
    public required HistorySettings History { get; init; }
    public required FrenoSettings Freno { get; init; }

    /// <summary>A second port of the HTTP listener, where freno's clients look for it; null: none.</summary>
    public Endpoint? FrenoListen { get; init; }
    public required LogSettings Log { get; init; }

    /// <summary>The node asks the system to run it before ordinary processes.</summary>
    public required bool HighPriority { get; init; }

    /// <summary>The file of keys for data at rest; null: none.</summary>
    public required string? DataKeyFile { get; init; }

    /// <summary>Every key with value, default, range, source and meaning.</summary>
    public IReadOnlyList<ConfigLine> Lines { get; init; } = [];
    public string Scheme => Https is null ? "http" : "https";

    /// <param name="path">Null: the environment says everything.</param>
    /// <exception cref="ConfigException">Every problem with its place.</exception>
    public static HostConfig Load(string? path, Func<string, string?> environment, IEnumerable<string> environmentNames)
    {
        if (path is null) return Parse("environment", "{}"u8, environment, environmentNames);
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException([$"{path}: cannot be read: {e.Message}"]);
        }

        return Parse(path, bytes, environment, environmentNames);
    }

    /// <exception cref="ConfigException">Every problem with its place.</exception>
    public static HostConfig Parse(string path, ReadOnlySpan<byte> text, Func<string, string?> environment, IEnumerable<string>? environmentNames = null)
    {
        var values = new ConfigValues(path, ConfigFile.Read(path, text), environment);
        foreach (var (key, name, value) in EnvironmentNames.Settings(KeyMeanings.Keys, environment))
        {
            values.Override(new(key, System.Text.Json.JsonSerializer.SerializeToElement(value), new ConfigPlace.InEnvironment(name)));
        }

        var warnings = new List<string>();
        var config = Build(values, warnings, environment);
        foreach (var unused in values.Unused)
        {
            if (KnownKeys.NotUsedYet.Contains(unused.Key)) warnings.Add($"{unused.Place}: {unused.Key} is known from orchestrator or freno, but not used yet");
            else values.Problems.Add($"{unused.Place}: {unused.Key} is not a known key{Spelling.Nearest(unused.Key, KeyMeanings.Keys)}");
        }

        foreach (var key in TimingConfig.WithoutEffect)
        {
            if (values.Has(key)) warnings.Add($"{values.PlaceOf(key)}: {key} has no effect here ({KeyMeanings.Of(key)})");
        }

        warnings.AddRange(EnvironmentNames.Unknown(environmentNames ?? [], KeyMeanings.Keys));
        ConfigLine[] lines = [.. values.Lines];
        return values.Problems.Count == 0 ? config with { Warnings = warnings, Lines = lines } : throw new ConfigException(values.Problems) { Lines = lines };
    }

    private static HostConfig Build(ConfigValues values, List<string> warnings, Func<string, string?> environment)
    {
        var directory = values.Text("RaftDataDir", "", "path");
        if (directory.Length == 0) values.Problem("RaftDataDir", "the directory where this node keeps its log");
        var group = GroupConfig.Of(values, warnings);
        TestOnlySwitches.Check(values, environment, group.Bind);
        var listen = ListenOf(values);
        var access = AccessSettings.Of(values, warnings, listen);
        var peerTls = TlsFiles.OfPeers(values);
        if (peerTls is null && !group.IsSingle) warnings.Add("links between nodes are neither encrypted nor authenticated: set RaftTLSCertFile, RaftTLSKeyFile and RaftTLSCAFile (verify-node tls init makes files for a trial)");
        var freno = FrenoSettings.Of(values, group.Self.Name);
        var dataKeys = values.Text("DataKeyFile", "", "path");
        var durability = DurabilityConfig.Read(values);
        var node = new NodeConfig
        {
            Self = group.Self,
            DataCenter = group.DataCenter,
            Zone = values.Text("Zone", "", "text"),
            PeerBind = group.Bind,
            PeerAdvertise = group.Advertise,
            ApiAdvertise = AdvertiseOf(values, listen, group.Advertise),
            Members = group.Members,
            Join = group.Join,
            Snapshots = TimingConfig.SnapshotsOf(values),
            Autopilot = TimingConfig.AutopilotOf(values),
            WireVersionMin = values.Int("RaftWireVersionMin", 1, 1, 3),
            ClusterId = values.Text("ClusterId", "verify"),
            Clusters = MySqlConfig.ClustersOf(values, durability),
            Addresses = MySqlConfig.AddressesOf(values),
            Discovery = DiscoveryConfig.Of(values, warnings),
            Analysis = DiscoveryConfig.LimitsOf(values),
            Durability = durability.Default,
            TopologyLogin = Configuration.TopologyLogin.Of(values),
            ReplicationLogin = new(
                Quotable(values, "MySQLReplicationUser", values.Text("MySQLReplicationUser", "")),
                Quotable(values, "MySQLReplicationPassword", values.Secret("MySQLReplicationPassword"))),
            Recovery = RecoveryConfig.Of(values),
            Timing = TimingConfig.Of(values),
            Hooks = HooksConfig.Of(values),
            DeadMan = Enum.Parse<DeadManPolicy>(values.Choice("DeadManSwitch", "auto", "auto", "required", "off"), ignoreCase: true),
            Catalogue = CatalogueConfig.NodeOf(values),
            Throttle = FrenoConfig.Of(values, warnings, freno),
            FencingEnabled = !TestOnlySwitches.IsOn(environment, TestOnlySwitches.NoFencing),
        };
        node = BackendConfig.Into(node, values, group.IsSingle);
        if (node.Clusters.Length > 0 && node.TopologyLogin.User.Length == 0) values.Problem("MySQLTopologyUser", "the user that probes and repairs the servers");
        return new(node, directory, listen, group.IsSingle, warnings)
        {
            NodeName = values.Text("NodeName", group.Self.Name),
            PeerTls = peerTls,
            Https = HttpsSettings.Of(values),
            Access = access,
            Catalogue = CatalogueConfig.Of(values, directory),
            Acl = AclConfig.Of(values, access),
            Freno = freno with { HasBackend = node.Throttle.Backend is not null },
            FrenoListen = FrenoListenOf(values, listen),
            History = HistorySettings.Of(values, warnings, directory),
            Log = LogSettings.Of(values),
            HighPriority = values.Choice("ProcessPriority", "high", "high", "normal") == "high",
            DataKeyFile = dataKeys.Length > 0 ? dataKeys : null,
        };
    }

    /// <summary>What CHANGE REPLICATION SOURCE must carry: found wrong here, not in the middle of the first failover.</summary>
    private static string Quotable(ConfigValues values, string key, string text)
    {
        if (!SqlQuotedLiteral.CanHold(text))
        {
            values.Problem(key, "printable ASCII without a backslash, because a replica can be told nothing else about its source: give the account another one");
        }

        return text;
    }

    private static Endpoint ListenOf(ConfigValues values)
    {
        var port = values.Int("ListenPort", 3000, 1, 65535);
        var host = values.Text("ListenHost", "127.0.0.1", "host");
        var text = values.Text("ListenAddress", new Endpoint(host.Trim('[', ']'), port).ToString(), "host:port");
        if (text.StartsWith(':')) text = "0.0.0.0" + text;
        return values.EndpointOf("ListenAddress", text, port);
    }

    /// <summary>freno's ListenPort beside another ListenAddress: a second port, on every address like freno's, or on ListenHost.</summary>
    private static Endpoint? FrenoListenOf(ConfigValues values, Endpoint listen)
    {
        if (!values.Has("ListenPort") || !values.Has("ListenAddress")) return null;
        var port = values.Int("ListenPort", 3000, 1, 65535);
        return port == listen.Port ? null : new(values.Has("ListenHost") ? values.Text("ListenHost", "127.0.0.1", "host").Trim('[', ']') : listen.Host, port);
    }

    private static Endpoint AdvertiseOf(ConfigValues values, Endpoint listen, Endpoint peer)
    {
        var otherwise = listen.Host is "0.0.0.0" or "::" or "*" ? listen with { Host = peer.Host } : listen;
        var text = values.Text("HTTPAdvertise", otherwise.ToString(), "host:port or http(s)://host:port");
        if (!text.Contains("://", StringComparison.Ordinal)) return values.EndpointOf("HTTPAdvertise", text, listen.Port);
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.AbsolutePath == "/") return new(uri.Host.Trim('[', ']'), uri.Port);
        values.Problem("HTTPAdvertise", $"host:port or http://host:port without a path, not '{text}'");
        return otherwise;
    }
}

/// <summary>How log lines look and which are written.</summary>
internal sealed record LogSettings(bool Json, Microsoft.Extensions.Logging.LogLevel Least)
{
    public static LogSettings Of(ConfigValues values)
    {
        var level = values.Choice("LogLevel", "info", "trace", "debug", "info", "warn", "warning", "error") switch
        {
            "trace" => Microsoft.Extensions.Logging.LogLevel.Trace,
            "debug" => Microsoft.Extensions.Logging.LogLevel.Debug,
            "warn" or "warning" => Microsoft.Extensions.Logging.LogLevel.Warning,
            "error" => Microsoft.Extensions.Logging.LogLevel.Error,
            _ => Microsoft.Extensions.Logging.LogLevel.Information,
        };
        return new(values.Choice("LogFormat", "text", "text", "json") == "json", level);
    }
}

/// <summary>Whether and where history is kept for people.</summary>
/// <param name="File">Null: no history store.</param>
/// <param name="IsRequired">False: the node goes on without it for as long as it takes.</param>
internal sealed record HistorySettings(string? File, TimeSpan GiveUpAfter, bool IsRequired)
{
    /// <summary>Older lines of the audit are removed.</summary>
    public TimeSpan AuditKept { get; init; } = TimeSpan.FromDays(7);

    public static HistorySettings Of(ConfigValues values, List<string> warnings, string directory)
    {
        var backend = values.Choice("BackendDB", "sqlite", "sqlite", "mysql");
        if (backend == "mysql") warnings.Add($"{values.PlaceOf("BackendDB")}: BackendDB: no history store in MySQL is built; the state itself is always in the log");
        var wanted = values.Bool("HistoryStore", values.Has("BackendDB") && backend == "sqlite");
        var file = values.Text("SQLite3DataFile", Path.Combine(directory, "history", "history.db"), "path");
        var giveUp = values.Int("HistoryStoreGiveUpSeconds", 30, 1, 86_400);
        return new(wanted ? file : null, TimeSpan.FromSeconds(giveUp), values.Bool("HistoryStoreRequired", true))
        {
            AuditKept = TimeSpan.FromDays(values.Int("AuditPurgeDays", 7, 1, 3650)),
        };
    }
}
