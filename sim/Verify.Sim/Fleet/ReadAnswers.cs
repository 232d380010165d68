using System.Globalization;
using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The answers to statements that only read, but for the status of a replica.</summary>
internal static class ReadAnswers
{
    private static readonly ColumnSet MySqlFacts = new("server_uuid", "server_id", "read_only", "super_read_only", "gtid_executed", "log_bin");
    private static readonly ColumnSet MariaFacts = new("server_id", "read_only", "gtid_binlog_pos", "gtid_slave_pos", "gtid_current_pos", "log_bin");
    private static readonly ColumnSet StateColumns = new("binlog_state");
    private static readonly ColumnSet SessionColumns = new("ID", "USER", "COMMAND");
    private static readonly ColumnSet WaitedColumns = new("waited");
    private static readonly ColumnSet IdColumns = new("id");

    private static readonly ColumnSet CoordinatorColumns = new("ID");

    private static readonly ColumnSet ProcessColumns = new("Id", "User", "Command", "Time", "State");

    /// <summary>SHOW PROCESSLIST, of which the model knows no more than who waits for the disk (for how long it does not: any time counts as a second).</summary>
    public static ServerAnswer.Rows Processes(SortedDictionary<long, ServerSession> sessions, ServerSession asking, Flavor flavor) => new(ProcessColumns,
        [.. Shown(sessions, asking).Select(s => new[] { Text(s.Id), s.User, s.Command, s.WaitsForDisk ? "1" : "0", !s.WaitsForDisk ? "" : flavor == Flavor.MySql ? "waiting for handler commit" : "Commit" })]);

    /// <summary>The applier's coordinator while it has nothing left to read.</summary>
    public static ServerAnswer.Rows IdleCoordinators(long? coordinator, int relayLogCount) => new(CoordinatorColumns,
        coordinator is { } id && relayLogCount == 0 ? [[id.ToString(System.Globalization.CultureInfo.InvariantCulture)]] : []);

    public static ServerAnswer.Rows Facts(SimMySqlOptions options, GtidState gtids, CommitPath commits)
    {
        var serverId = options.ServerId.ToString(CultureInfo.InvariantCulture);
        string?[] row = gtids is MariaGtidState maria
            ? [serverId, Flag(commits.ShownReadOnly), maria.BinlogText, maria.SlaveText, maria.CurrentText, "1"]
            : [options.ServerUuid, serverId, Flag(commits.ShownReadOnly), Flag(commits.ShownSuperReadOnly), gtids.ExecutedText, "1"];
        return new(options.Flavor == Flavor.MySql ? MySqlFacts : MariaFacts, [row]);
    }

    public static ServerAnswer.Rows BinlogState(GtidState gtids) => new(StateColumns, [[gtids is MariaGtidState maria ? maria.BinlogStateText : ""]]);

    public static ServerAnswer.Rows SessionList(SortedDictionary<long, ServerSession> sessions, ServerSession asking) =>
        new(SessionColumns, [.. Shown(sessions, asking).Select(static s => new[] { Text(s.Id), s.User, s.Command })]);

    /// <summary>In the order of their numbers; without the right to see all, one's own.</summary>
    private static IEnumerable<ServerSession> Shown(SortedDictionary<long, ServerSession> sessions, ServerSession asking) =>
        sessions.Values.Where(s => asking.Rights == AccountRights.Topology || string.Equals(asking.User, s.User, StringComparison.Ordinal));

    private static string Text(long id) => id.ToString(CultureInfo.InvariantCulture);

    public static ServerAnswer Ids(ServerStore store)
    {
        if (store.MissingTable() is { } missing) return missing;
        var rows = new List<string?[]>(store.Rows.Count);
        foreach (var id in store.Rows.Keys) rows.Add([id]);
        return new ServerAnswer.Rows(IdColumns, rows);
    }

    public static ServerAnswer.Rows Waited(Flavor flavor, bool isReached) =>
        new(WaitedColumns, [[isReached ? "0" : flavor == Flavor.MySql ? "1" : "-1"]]);

    private static string Flag(bool on) => on ? "1" : "0";
}
