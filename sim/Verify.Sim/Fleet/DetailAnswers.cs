using System.Globalization;
using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The answers to what is asked seldom: variables, counters, who replicates from here.</summary>
internal static class DetailAnswers
{
    // Positions in files of our own count, as in the status of a replica.
    private const long LogHeadBytes = 158;
    private const long TransactionBytes = 300;

    /// <summary>Seconds; as the real servers of live runs have it.</summary>
    private const string NetTimeout = "1";
    private static readonly ColumnSet NameAndValue = new("Variable_name", "Value");
    private static readonly ColumnSet MySqlReplicas = new("Server_Id", "Host", "Port", "Source_Id", "Replica_UUID");
    private static readonly ColumnSet MariaReplicas = new("Server_id", "Host", "Port", "Master_id");
    private static readonly ColumnSet HostColumn = new("HOST");
    private static readonly ColumnSet MySqlPosition = new("File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set");
    private static readonly ColumnSet MariaPosition = new("File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB");

    /// <summary>Sorted by name, as both servers give them.</summary>
    public static ServerAnswer.Rows Variables(SimMySqlOptions options, CommitPath commits)
    {
        var (host, port) = (options.ReportedAs.Host, Text(options.ReportedAs.Port));
        string?[][] rows = options.Flavor == Flavor.MySql
            ? [
                ["binlog_format", "ROW"], ["binlog_row_image", "FULL"], ["gtid_mode", "ON"], ["gtid_purged", ""], ["hostname", options.Name],
                ["log_replica_updates", "ON"], ["log_slave_updates", "ON"], ["port", Text(options.Endpoint.Port)], ["replica_net_timeout", NetTimeout],
                ["report_host", host], ["report_port", port],
                ["rpl_semi_sync_replica_enabled", OnOff(commits.SemiSync.Replica)], ["rpl_semi_sync_source_enabled", OnOff(commits.SemiSync.Source)],
                ["rpl_semi_sync_source_timeout", "4294967295"], ["rpl_semi_sync_source_wait_for_replica_count", Text(commits.SemiSync.WaitFor)],
                ["slave_net_timeout", NetTimeout], ["version_comment", "(Debian)"],
            ]
            : [
                ["binlog_format", "ROW"], ["binlog_row_image", "FULL"], ["gtid_strict_mode", "ON"], ["hostname", options.Name], ["log_slave_updates", "ON"],
                ["port", Text(options.Endpoint.Port)], ["report_host", host], ["report_port", port], ["rpl_semi_sync_master_enabled", OnOff(commits.SemiSync.Source)],
                ["rpl_semi_sync_master_timeout", "4294967295"], ["rpl_semi_sync_slave_enabled", OnOff(commits.SemiSync.Replica)],
                ["slave_net_timeout", NetTimeout], ["version_comment", "Debian 12"],
            ];
        return new(NameAndValue, rows);
    }

    public static ServerAnswer.Rows Counters(SimMySqlOptions options, CommitPath commits, IEnumerable<DumpRequest> dumps, ReplicaState replica, long uptimeSeconds)
    {
        var isMySql = options.Flavor == Flavor.MySql;
        var (source, other) = isMySql ? ("Rpl_semi_sync_source", "Rpl_semi_sync_replica") : ("Rpl_semi_sync_master", "Rpl_semi_sync_slave");
        var clients = commits.SemiSync.Source ? dumps.Count(static d => d.Acknowledges) : 0;
        string?[][] semiSync =
        [
            [$"{source}_clients", Text(clients)], [$"{source}_status", OnOff(commits.SemiSync.Source)], [$"{source}_wait_sessions", Text(commits.WaitSessions)],
        ];
        string?[] own = [$"{other}_status", OnOff(commits.SemiSync.ReplicaAtWork && replica.Io == Verify.MySql.ThreadState.Running)];
        string?[] uptime = ["Uptime", Text(uptimeSeconds)];
        return new(NameAndValue, isMySql ? [own, .. semiSync, uptime] : [.. semiSync, own, uptime]);
    }

    public static ServerAnswer.Rows Persisted(CommitPath commits) => new(NameAndValue, commits.IsPersisted ? [["super_read_only", "ON"]] : []);

    public static ServerAnswer.Rows Replicas(SimMySqlOptions options, IEnumerable<DumpRequest> dumps)
    {
        var rows = dumps.OrderByDescending(static d => d.ServerId)
            .Select(d => (string?[])[Text(d.ServerId), d.Host, Text(d.Port), Text(options.ServerId), d.Uuid]);
        return options.Flavor == Flavor.MySql ? new(MySqlReplicas, [.. rows]) : new(MariaReplicas, [.. rows.Select(static r => r[..4])]);
    }

    public static ServerAnswer.Rows DumpHosts(IEnumerable<ServerSession> sessions) =>
        new(HostColumn, [.. sessions.Where(static s => s.Dump is not null).Select(static s => (string?[])[$"{s.Dump!.Host}:{40_000 + (s.Id % 20_000)}"])]);

    public static ServerAnswer.Rows BinlogPosition(Flavor flavor, ServerStore store)
    {
        var position = Text(LogHeadBytes + (TransactionBytes * store.Binlog.Count));
        return flavor == Flavor.MySql
            ? new(MySqlPosition, [["binlog.000001", position, "", "", store.Gtids.ExecutedText]])
            : new(MariaPosition, [["binlog.000001", position, "", ""]]);
    }

    /// <summary>SELECT 'text': one column of that name, one row of that value.</summary>
    public static ServerAnswer.Rows Constant(string query)
    {
        var text = query["SELECT '".Length..^1];
        return new(new ColumnSet(text), [[text]]);
    }

    private static string OnOff(bool on) => on ? "ON" : "OFF";
    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
