using Verify.MySql.Gtid;

namespace Verify.MySql;

/// <summary>A typed view of <see cref="Statement.ReadFacts"/>.</summary>
public sealed record ServerFacts(
    Flavor Flavor, string ServerUuid, long ServerId, bool IsReadOnly, Gtids Executed, bool HasBinlog)
{
    /// <summary>On MySQL <see cref="IsReadOnly"/> means super_read_only, the only flag that binds everybody, beside read_only: while SET
    /// super_read_only = ON still waits for a commit, the server shows super_read_only=1 and read_only=0, and neither is in force (seen on 9.7.4).
    /// On MariaDB <see cref="ServerUuid"/> is "server_id-N" (it has no uuid) and Executed is gtid_current_pos joined with gtid_binlog_pos.</summary>
    /// <exception cref="MySqlProtocolException">There is not one row, a column is missing, or its value is not what it should be.</exception>
    public static ServerFacts Read(ResultTable table, Flavor flavor)
    {
        if (table.Rows.Count != 1) throw new MySqlProtocolException($"server facts: {table.Rows.Count} rows where one should be");
        var row = new TableRow(table, 0, "server facts");
        var serverId = row.Number("server_id");
        return flavor == Flavor.MySql
            ? new(flavor, row.Text("server_uuid"), serverId, row.Flag("read_only") & row.Flag("super_read_only"), row.Gtids("gtid_executed", flavor), row.Flag("log_bin"))
            : new(flavor, $"server_id-{serverId}", serverId, row.Flag("read_only"),
                row.Gtids("gtid_current_pos", flavor).Union(row.Gtids("gtid_binlog_pos", flavor)), row.Flag("log_bin"));
    }
}
