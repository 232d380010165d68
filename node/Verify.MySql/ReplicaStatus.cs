using Verify.MySql.Gtid;

namespace Verify.MySql;

/// <summary>State of a replication thread as the server words it.</summary>
public enum ThreadState { Stopped, Connecting, Running }

/// <summary>A typed view of SHOW REPLICA STATUS / SHOW ALL SLAVES STATUS: the parts that decide something.</summary>
public sealed record ReplicaStatus(
    string SourceHost, int SourcePort, ThreadState IoThread, ThreadState SqlThread,
    Gtids Retrieved, Gtids Executed, double? SecondsBehind,
    int LastIoErrno, string LastIoError, int LastSqlErrno, string LastSqlError)
{
    /// <summary>Null when the table has no row: the server is no replica.</summary>
    public static ReplicaStatus? Read(ResultTable table, Flavor flavor) => throw new NotImplementedException();
}

/// <summary>A typed view of <see cref="Statement.ReadFacts"/>.</summary>
public sealed record ServerFacts(
    Flavor Flavor, string ServerUuid, long ServerId, bool IsReadOnly, Gtids Executed, bool HasBinlog)
{
    /// <summary>On MySQL <see cref="IsReadOnly"/> means super_read_only, the only flag that binds everybody.
    /// On MariaDB <see cref="ServerUuid"/> is "server_id-N" (it has no uuid) and Executed is gtid_current_pos joined with gtid_binlog_pos.</summary>
    public static ServerFacts Read(ResultTable table, Flavor flavor) => throw new NotImplementedException();
}
