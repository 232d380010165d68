using System.Globalization;
using Verify.MySql;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Sim.Fleet;

/// <summary>SHOW REPLICA STATUS of MySQL 9.7 (60 columns) and SHOW ALL SLAVES STATUS of MariaDB 10.11 (62 columns): names and order as
/// those servers give them; a transcript compares them with running servers.</summary>
internal static class ReplicaStatusTable
{
    private static readonly ColumnSet MySqlColumns = new(
        "Replica_IO_State", "Source_Host", "Source_User", "Source_Port", "Connect_Retry", "Source_Log_File",
        "Read_Source_Log_Pos", "Relay_Log_File", "Relay_Log_Pos", "Relay_Source_Log_File", "Replica_IO_Running",
        "Replica_SQL_Running", "Replicate_Do_DB", "Replicate_Ignore_DB", "Replicate_Do_Table",
        "Replicate_Ignore_Table", "Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table", "Last_Errno",
        "Last_Error", "Skip_Counter", "Exec_Source_Log_Pos", "Relay_Log_Space", "Until_Condition", "Until_Log_File",
        "Until_Log_Pos", "Source_SSL_Allowed", "Source_SSL_CA_File", "Source_SSL_CA_Path", "Source_SSL_Cert",
        "Source_SSL_Cipher", "Source_SSL_Key", "Seconds_Behind_Source", "Source_SSL_Verify_Server_Cert",
        "Last_IO_Errno", "Last_IO_Error", "Last_SQL_Errno", "Last_SQL_Error", "Replicate_Ignore_Server_Ids",
        "Source_Server_Id", "Source_UUID", "Source_Info_File", "SQL_Delay", "SQL_Remaining_Delay",
        "Replica_SQL_Running_State", "Source_Retry_Count", "Source_Bind", "Last_IO_Error_Timestamp",
        "Last_SQL_Error_Timestamp", "Source_SSL_Crl", "Source_SSL_Crlpath", "Retrieved_Gtid_Set",
        "Executed_Gtid_Set", "Auto_Position", "Replicate_Rewrite_DB", "Channel_Name", "Source_TLS_Version",
        "Source_public_key_path", "Get_Source_public_key", "Network_Namespace");

    private static readonly ColumnSet MariaColumns = new(
        "Connection_name", "Slave_SQL_State", "Slave_IO_State", "Master_Host", "Master_User", "Master_Port",
        "Connect_Retry", "Master_Log_File", "Read_Master_Log_Pos", "Relay_Log_File", "Relay_Log_Pos",
        "Relay_Master_Log_File", "Slave_IO_Running", "Slave_SQL_Running", "Replicate_Do_DB", "Replicate_Ignore_DB",
        "Replicate_Do_Table", "Replicate_Ignore_Table", "Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table",
        "Last_Errno", "Last_Error", "Skip_Counter", "Exec_Master_Log_Pos", "Relay_Log_Space", "Until_Condition",
        "Until_Log_File", "Until_Log_Pos", "Master_SSL_Allowed", "Master_SSL_CA_File", "Master_SSL_CA_Path",
        "Master_SSL_Cert", "Master_SSL_Cipher", "Master_SSL_Key", "Seconds_Behind_Master",
        "Master_SSL_Verify_Server_Cert", "Last_IO_Errno", "Last_IO_Error", "Last_SQL_Errno", "Last_SQL_Error",
        "Replicate_Ignore_Server_Ids", "Master_Server_Id", "Master_SSL_Crl", "Master_SSL_Crlpath", "Using_Gtid",
        "Gtid_IO_Pos", "Replicate_Do_Domain_Ids", "Replicate_Ignore_Domain_Ids", "Parallel_Mode", "SQL_Delay",
        "SQL_Remaining_Delay", "Slave_SQL_Running_State", "Slave_DDL_Groups", "Slave_Non_Transactional_Groups",
        "Slave_Transactional_Groups", "Replicate_Rewrite_DB", "Retried_transactions", "Max_relay_log_size",
        "Executed_log_entries", "Slave_received_heartbeats", "Slave_heartbeat_period", "Gtid_Slave_Pos");

    // Positions in files of our own count: the head of a log, and so many bytes for each transaction.
    private const long LogHeadBytes = 158;
    private const long TransactionBytes = 300;

    public static ServerAnswer.Rows Read(Flavor flavor, ReplicaState replica, GtidState gtids, bool applierWaits, long nowSeconds)
    {
        if (replica.Source is not { } source) return new(flavor == Flavor.MySql ? MySqlColumns : MariaColumns, []);
        return flavor == Flavor.MySql
            ? new(MySqlColumns, [MySqlRow(replica, source, gtids, applierWaits, nowSeconds)])
            : new(MariaColumns, [MariaRow(replica, source, (MariaGtidState)gtids, applierWaits, nowSeconds)]);
    }

    private static string?[] MySqlRow(ReplicaState replica, SourceConfig source, GtidState gtids, bool applierWaits, long nowSeconds)
    {
        var isKnown = replica.SourceIdentity.ServerId > 0;
        var (read, applied) = Positions(replica);
        return
        [
            IoStateText(replica, "source"), source.Source.Host, source.User, Text(source.Source.Port), "1",
            isKnown ? "binlog.000001" : "", Text(read), "relay.000001", Text(applied), isKnown ? "binlog.000001" : "",
            YesNo(replica.Io), YesNo(replica.SqlRuns), "", "", "", "", "", "",
            Text(replica.SqlError.Code), replica.SqlError.Message, "0", Text(applied), Text(read), "None", "", "0",
            "Yes", "", "", "", "", "", SecondsBehind(replica, nowSeconds), "No",
            Text(replica.IoError.Code), replica.IoError.Message, Text(replica.SqlError.Code), replica.SqlError.Message,
            "", Text(replica.SourceIdentity.ServerId), replica.SourceIdentity.Uuid, "mysql.slave_master_info", "0", null,
            SqlStateText(replica, applierWaits, "Replica", "replica"), "0", "", replica.IoError.At, replica.SqlError.At, "", "",
            replica.RetrievedText, gtids.ExecutedText, "1", "", "", "", "", "1", "",
        ];
    }

    private static string?[] MariaRow(ReplicaState replica, SourceConfig source, MariaGtidState gtids, bool applierWaits, long nowSeconds)
    {
        var isKnown = replica.SourceIdentity.ServerId > 0;
        var (read, applied) = Positions(replica);
        var sqlState = SqlStateText(replica, applierWaits, "Slave", "slave");
        return
        [
            "", sqlState, IoStateText(replica, "master"), source.Source.Host, source.User, Text(source.Source.Port), "1",
            isKnown ? "binlog.000001" : "", Text(read), "relay.000001", Text(applied), isKnown ? "binlog.000001" : "",
            YesNo(replica.Io), YesNo(replica.SqlRuns), "", "", "", "", "", "",
            Text(replica.SqlError.Code), replica.SqlError.Message, "0", Text(applied), Text(read), "None", "", "0",
            "No", "", "", "", "", "", SecondsBehind(replica, nowSeconds), "No",
            Text(replica.IoError.Code), replica.IoError.Message, Text(replica.SqlError.Code), replica.SqlError.Message,
            "", Text(replica.SourceIdentity.ServerId), "", "", "Slave_Pos", replica.IoPosition, "", "", "optimistic", "0", null,
            sqlState, "0", "0", "0", "", "0", "1073741824", Text(replica.ReceivedCount), Text(replica.HeartbeatCount), "0.500", gtids.CurrentText, // the column shows the current position (seen)
        ];
    }

    private static (long Read, long Applied) Positions(ReplicaState replica)
    {
        var read = LogHeadBytes + (TransactionBytes * replica.ReceivedCount);
        return (read, read - (TransactionBytes * Math.Min(replica.RelayLogCount, replica.ReceivedCount)));
    }

    private static string IoStateText(ReplicaState replica, string source) => replica.Io switch
    {
        ThreadState.Running => $"Waiting for {source} to send event",
        ThreadState.Connecting => replica.IsReconnecting ? $"Reconnecting after a failed {source} event read" : $"Connecting to {source}",
        _ => "",
    };

    private static string SqlStateText(ReplicaState replica, bool applierWaits, string subject, string target) =>
        !replica.SqlRuns ? ""
        : applierWaits ? $"Waiting for semi-sync ACK from {target}"
        : replica.RelayLogCount > 0 ? "Reading event from the relay log"
        : $"{subject} has read all relay log; waiting for more updates";

    /// <summary>The age of what is not applied, whatever the fetching thread does; with everything applied 0, or NULL when
    /// nothing is being fetched (MySQL manual, SHOW REPLICA STATUS, Seconds_Behind_Source; seen on both).</summary>
    private static string? SecondsBehind(ReplicaState replica, long nowSeconds)
    {
        if (!replica.SqlRuns) return null;
        if (replica.OldestUnapplied is { } oldest) return Text(Math.Max(0, nowSeconds - oldest.AtSeconds));
        return replica.Io == ThreadState.Running ? "0" : null;
    }

    private static string YesNo(bool runs) => runs ? "Yes" : "No";
    private static string YesNo(ThreadState state) => state switch
    {
        ThreadState.Running => "Yes",
        ThreadState.Connecting => "Connecting",
        _ => "No",
    };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
