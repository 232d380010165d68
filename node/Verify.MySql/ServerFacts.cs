using Verify.MySql.Gtid;

namespace Verify.MySql;

/// <summary>A typed view of <see cref="Statement.ReadFacts"/>.</summary>
public sealed record ServerFacts(
    Flavor Flavor, string ServerUuid, long ServerId, bool IsReadOnly, Gtids Executed, bool HasBinlog)
{
    /// <summary>MySQL only: SET super_read_only is under way and waits for commits. The server shows super_read_only=1 beside
    /// read_only=0 then; new writes wait, too, and are taken after all when the statement is given up (seen on 9.7.4).</summary>
    public bool IsClosing { get; init; }

    /// <summary>MySQL only: read_only=1 beside super_read_only=0. Ordinary users are kept out, accounts with SUPER are not: so it is not closed. It
    /// is not open either: an opening that lifts super_read_only for the dead-man switch and then fails leaves a server so.</summary>
    public bool IsHalfClosed { get; init; }

    /// <summary>MariaDB only: what the server wrote itself after the last transaction that it applied as a replica; null: nothing. On a replica nobody else
    /// has it, also where positions say otherwise: they only count, and the primary has counted on.</summary>
    public MariaGtid? OwnSinceApplied { get; init; }

    /// <summary>read_only is on: no ordinary user's write is taken.</summary>
    public bool KeepsUsersOut => IsReadOnly || IsHalfClosed;

    /// <summary>On MySQL <see cref="IsReadOnly"/> means super_read_only, the only flag that binds everybody, and read_only beside it: one
    /// without the other is <see cref="IsClosing"/>, or binds ordinary users only.
    /// On MariaDB <see cref="ServerUuid"/> is "server_id-N" (it has no uuid) and Executed is gtid_current_pos joined with gtid_binlog_pos.</summary>
    /// <exception cref="MySqlProtocolException">There is not one row, a column is missing, or its value is not what it should be.</exception>
    public static ServerFacts Read(ResultTable table, Flavor flavor)
    {
        if (table.Rows.Count != 1) throw new MySqlProtocolException($"server facts: {table.Rows.Count} rows where one should be");
        var row = new TableRow(table, 0, "server facts");
        var serverId = row.Number("server_id");
        if (flavor == Flavor.MySql)
        {
            var (isSuper, isReadOnly) = (row.Flag("super_read_only"), row.Flag("read_only"));
            return new(flavor, row.Text("server_uuid"), serverId, isSuper && isReadOnly, row.Gtids("gtid_executed", flavor), row.Flag("log_bin"))
            {
                IsClosing = isSuper && !isReadOnly, IsHalfClosed = isReadOnly && !isSuper,
            };
        }

        var logged = row.Gtids("gtid_binlog_pos", flavor);
        var own = ((MariaGtid)logged).OwnSince((MariaGtid)row.Gtids("gtid_slave_pos", flavor), serverId);
        return new(flavor, $"server_id-{serverId}", serverId, row.Flag("read_only"), row.Gtids("gtid_current_pos", flavor).Union(logged), row.Flag("log_bin"))
        {
            OwnSinceApplied = own.IsEmpty ? null : own,
        };
    }
}
