using System.Collections.Immutable;
using System.Globalization;

namespace Verify.MySql;

/// <summary>A replica as its source lists it.</summary>
public sealed record ListedReplica(string Host, int Port, long ServerId, string ServerUuid);

/// <summary>How a server comes up, as far as it can tell: what stands in its configuration file cannot be asked once the variable was set.</summary>
public enum RestartState
{
    NotAsked,

    /// <summary>It did not say, or cannot (MariaDB).</summary>
    NotKnown,

    /// <summary>By its configuration file alone, which may not say read_only.</summary>
    AsConfigured,

    /// <summary>Read-only, whatever its configuration file says.</summary>
    Closed,
}

/// <summary>What changes seldom on a server and is looked at seldom: a typed view of <see cref="Statement.ReadVariables"/>,
/// <see cref="Statement.ReadCounters"/>, <see cref="Statement.ListReplicas"/>, <see cref="Statement.ListDumps"/> and <see cref="Statement.ReadBinlogPosition"/>.
/// What a server does not say is empty, false or 0.</summary>
public sealed record ServerDetails
{
    public string Hostname { get; init; } = "";
    public string ReportHost { get; init; } = "";
    public int ReportPort { get; init; }
    public int Port { get; init; }
    public string VersionComment { get; init; } = "";

    /// <summary>ROW, STATEMENT or MIXED.</summary>
    public string BinlogFormat { get; init; } = "";
    public string BinlogRowImage { get; init; } = "";

    /// <summary>What it replicates it writes to its own binary log: it can have replicas that get everything.</summary>
    public bool LogsReplicaUpdates { get; init; }

    /// <summary>MySQL: ON, OFF, …; MariaDB always has GTIDs and says nothing here.</summary>
    public string GtidMode { get; init; } = "";
    public string GtidPurged { get; init; } = "";

    /// <summary>After so long without a byte from its source its fetching thread takes the connection for broken (replica_net_timeout, slave_net_timeout; 60 s
    /// where nobody set it). 0: not known.</summary>
    public long ReplicaNetTimeoutSeconds { get; init; }
    public bool SemiSyncSourceEnabled { get; init; }
    public bool SemiSyncReplicaEnabled { get; init; }

    /// <summary>After so long a commit goes on without an acknowledgement.</summary>
    public long SemiSyncTimeoutMs { get; init; }

    /// <summary>Acknowledgements that a commit needs. MariaDB has no such variable: it is 1 there (orchestrator reads 0 from it, and so never
    /// sees a primary that is locked by semi-sync on MariaDB).</summary>
    public int SemiSyncWaitFor { get; init; }

    /// <summary>The source's half is at work; false also after it fell back to asynchronous.</summary>
    public bool SemiSyncSourceStatus { get; init; }
    public bool SemiSyncReplicaStatus { get; init; }
    public int SemiSyncClients { get; init; }

    /// <summary>Sessions whose commit waits for an acknowledgement.</summary>
    public int SemiSyncWaitSessions { get; init; }
    public RestartState AfterRestart { get; init; }
    public long UptimeSeconds { get; init; }
    public BinlogPosition Binlog { get; init; }
    public ImmutableArray<ListedReplica> Replicas { get; init; } = [];

    /// <summary>Hosts from which the binary log is fetched, without their ports.</summary>
    public ImmutableArray<string> DumpHosts { get; init; } = [];

    /// <summary>Takes the rows Variable_name, Value in.</summary>
    public ServerDetails With(ResultTable variables, Flavor flavor)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var values = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var row = 0; row < variables.Rows.Count; row++)
        {
            if (variables.Rows[row] is [{ } name, var value, ..]) values[name] = value ?? "";
        }

        string Of(string name, string otherwise) => values.GetValueOrDefault(name, otherwise);
        bool Is(string name, bool otherwise) => values.TryGetValue(name, out var value) ? value is "ON" or "1" : otherwise;
        long Count(string name, long otherwise) =>
            values.TryGetValue(name, out var value) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
        var (source, replica) = flavor == Flavor.MySql ? ("rpl_semi_sync_source", "rpl_semi_sync_replica") : ("rpl_semi_sync_master", "rpl_semi_sync_slave");
        var hasSemiSync = values.ContainsKey($"{source}_enabled");
        return this with
        {
            Hostname = Of("hostname", Hostname),
            ReportHost = Of("report_host", ReportHost),
            ReportPort = (int)Count("report_port", ReportPort),
            Port = (int)Count("port", Port),
            VersionComment = Of("version_comment", VersionComment),
            BinlogFormat = Of("binlog_format", BinlogFormat),
            BinlogRowImage = Of("binlog_row_image", BinlogRowImage),
            LogsReplicaUpdates = Is("log_replica_updates", Is("log_slave_updates", LogsReplicaUpdates)),
            GtidMode = Of("gtid_mode", GtidMode),
            GtidPurged = Of("gtid_purged", GtidPurged),
            ReplicaNetTimeoutSeconds = Count("replica_net_timeout", Count("slave_net_timeout", ReplicaNetTimeoutSeconds)),
            SemiSyncSourceEnabled = Is($"{source}_enabled", SemiSyncSourceEnabled),
            SemiSyncReplicaEnabled = Is($"{replica}_enabled", SemiSyncReplicaEnabled),
            SemiSyncTimeoutMs = Count($"{source}_timeout", SemiSyncTimeoutMs),
            SemiSyncWaitFor = (int)Count($"{source}_wait_for_replica_count", hasSemiSync && flavor == Flavor.MariaDb ? 1 : SemiSyncWaitFor),
            SemiSyncSourceStatus = Is($"{source}_status", SemiSyncSourceStatus),
            SemiSyncReplicaStatus = Is($"{replica}_status", SemiSyncReplicaStatus),
            SemiSyncClients = (int)Count($"{source}_clients", SemiSyncClients),
            SemiSyncWaitSessions = (int)Count($"{source}_wait_sessions", SemiSyncWaitSessions),
            UptimeSeconds = Count("Uptime", UptimeSeconds),
        };
    }

    /// <summary>Reads <see cref="Statement.ReadPersistedReadOnly"/>.</summary>
    public static RestartState AfterRestartOf(ResultTable table, Flavor flavor)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (flavor == Flavor.MariaDb) return RestartState.NotKnown;
        return table.Rows.Count > 0 && table.Text(0, "Value") is "ON" or "1" ? RestartState.Closed : RestartState.AsConfigured;
    }

    /// <summary>Reads <see cref="Statement.ListReplicas"/>. Who names no host is not in the answer.</summary>
    public static ImmutableArray<ListedReplica> ReplicasOf(ResultTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var replicas = ImmutableArray.CreateBuilder<ListedReplica>();
        for (var i = 0; i < table.Rows.Count; i++)
        {
            var row = new TableRow(table, i, "replicas");
            var (host, port) = (row.Maybe("Host"), row.MaybeNumber("Port"));
            if (host.Length == 0 || port is < 1 or > 65535) continue;
            replicas.Add(new(host, (int)port, Math.Max(row.MaybeNumber("Server_Id"), row.MaybeNumber("Server_id")), row.Maybe("Replica_UUID")));
        }

        return replicas.ToImmutable();
    }

    /// <summary>Reads <see cref="Statement.ListDumps"/>: "10.0.0.2:54321" or "[::1]:54321" gives the host, one entry for each connection.</summary>
    public static ImmutableArray<string> DumpHostsOf(ResultTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var hosts = ImmutableArray.CreateBuilder<string>();
        for (var i = 0; i < table.Rows.Count; i++)
        {
            var text = table.Rows[i][0] ?? "";
            var colon = text.LastIndexOf(':');
            hosts.Add((colon > 0 ? text[..colon] : text).Trim('[', ']'));
        }

        return hosts.ToImmutable();
    }

    /// <summary>Reads <see cref="Statement.ReadBinlogPosition"/>; empty without a row.</summary>
    public static BinlogPosition BinlogOf(ResultTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (table.Rows.Count == 0) return default;
        var row = new TableRow(table, 0, "binary log");
        return new(row.Maybe("File"), row.MaybeNumber("Position"));
    }
}
