using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>What an account may not do, in the words of the servers.</summary>
internal static class AccountPolicy
{
    /// <summary>Null when the account may do this.</summary>
    public static ServerAnswer.Error? Denial(Flavor flavor, ServerSession session, Request request)
    {
        if (session.Rights == AccountRights.Topology) return null;
        var isMySql = flavor == Flavor.MySql;
        return request switch
        {
            Request.Write { Change: RowChange.Insert } when session.Rights == AccountRights.Application => null,
            Request.Write { Change: RowChange.Insert } => ServerErrors.NoRightOnTable(session.User, "INSERT"),
            Request.Write { Change: RowChange.CreateTable } => ServerErrors.NoRightOnTable(session.User, "CREATE"),
            Request.Write => ServerErrors.NoRightOnSchema(session.User),
            Request.ReadIds when session.Rights == AccountRights.Application => null,
            Request.ReadIds => ServerErrors.NoRightOnTable(session.User, "SELECT"),
            Request.OfNode { Statement: Statement.ReadFacts or Statement.ListSessions or Statement.ShowProcessList or Statement.ListIdleCoordinators or Statement.KillSession or Statement.WaitForGtids
                or Statement.ReadBinlogState or Statement.ReadVariables or Statement.ReadCounters or Statement.ListDumps or Statement.AskConfigured } => null,
            Request.OfNode { Statement: Statement.PersistReadOnly } => isMySql
                ? new(3630, "42000", "Access denied; you need SYSTEM_VARIABLES_ADMIN and PERSIST_RO_VARIABLES_ADMIN privileges for this operation") : null,
            Request.OfNode { Statement: Statement.ListReplicas } => ServerErrors.NoRight(isMySql ? "REPLICATION SLAVE" : "REPLICATION MASTER ADMIN"),
            Request.OfNode { Statement: Statement.ReadBinlogPosition } => ServerErrors.NoRight(isMySql ? "SUPER, REPLICATION CLIENT" : "BINLOG MONITOR"),
            Request.OfNode { Statement: Statement.ReadReplicaStatus } => ServerErrors.NoRight(isMySql ? "SUPER, REPLICATION CLIENT" : "SUPER, SLAVE MONITOR"),
            Request.OfNode { Statement: Statement.SetReadOnly or Statement.SetSemiSync or Statement.SetSemiSyncReplica or Statement.SetSemiSyncPatience } =>
                ServerErrors.NoRight(isMySql ? "SUPER or SYSTEM_VARIABLES_ADMIN" : "READ_ONLY ADMIN"),
            _ => ServerErrors.NoRight(isMySql ? "SUPER, REPLICATION_SLAVE_ADMIN" : "SUPER, REPLICATION SLAVE ADMIN"),
        };
    }
}
