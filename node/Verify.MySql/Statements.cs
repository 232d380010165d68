namespace Verify.MySql;

/// <summary>Every statement the node may send, as a closed list. <see cref="Sql"/> gives the text for a flavour; the
/// simulated server recognises exactly these, and a transcript test holds it against real servers.
/// MySQL texts are those of 8.0.22 and later (REPLICA/SOURCE words); MariaDB texts those of 10.6 and later.</summary>
public abstract partial record Statement
{
    private Statement() { }

    public abstract SqlText Sql(Flavor flavor);

    /// <summary>Identity, read-only flags and GTID sets in one row. Columns are named alike on both flavours.</summary>
    public sealed record ReadFacts : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SELECT @@global.server_uuid AS server_uuid, @@global.server_id AS server_id, @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, @@global.gtid_executed AS gtid_executed, @@global.log_bin AS log_bin")
            : SqlText.Of($"SELECT @@global.server_id AS server_id, @@global.read_only AS read_only, @@global.gtid_binlog_pos AS gtid_binlog_pos, @@global.gtid_slave_pos AS gtid_slave_pos, @@global.gtid_current_pos AS gtid_current_pos, @@global.log_bin AS log_bin");
    }

    /// <summary>State of the replication threads; no row on a server that is no replica.</summary>
    public sealed record ReadReplicaStatus : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"SHOW REPLICA STATUS") : SqlText.Of($"SHOW ALL SLAVES STATUS");
    }

    /// <summary>What changes seldom: names, formats, modes, both halves of semi-sync. Rows Variable_name, Value; a variable that the server
    /// does not have has no row, so one text does for all versions.</summary>
    public sealed record ReadVariables : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_format', 'binlog_row_image', 'gtid_mode', 'gtid_purged', 'hostname', 'log_replica_updates', 'log_slave_updates', 'port', 'replica_net_timeout', 'report_host', 'report_port', 'rpl_semi_sync_replica_enabled', 'rpl_semi_sync_source_enabled', 'rpl_semi_sync_source_timeout', 'rpl_semi_sync_source_wait_for_replica_count', 'slave_net_timeout', 'version_comment')")
            : SqlText.Of($"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_format', 'binlog_row_image', 'gtid_strict_mode', 'hostname', 'log_slave_updates', 'port', 'report_host', 'report_port', 'rpl_semi_sync_master_enabled', 'rpl_semi_sync_master_timeout', 'rpl_semi_sync_slave_enabled', 'slave_net_timeout', 'version_comment')");
    }

    /// <summary>Counters of semi-sync, and for how long the server has run. Rows Variable_name, Value.</summary>
    public sealed record ReadCounters : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_replica_status', 'Rpl_semi_sync_source_clients', 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_wait_sessions', 'Uptime')")
            : SqlText.Of($"SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_clients', 'Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_wait_sessions', 'Rpl_semi_sync_slave_status', 'Uptime')");
    }

    /// <summary>Who replicates from this server, as they named themselves (report_host, report_port): MySQL's columns Server_Id, Host, Port,
    /// Source_Id, Replica_UUID; MariaDB's Server_id, Host, Port, Master_id. Host is empty for a replica that names itself not.</summary>
    public sealed record ListReplicas : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql ? SqlText.Of($"SHOW REPLICAS") : SqlText.Of($"SHOW SLAVE HOSTS");
    }

    /// <summary>The connections over which the binary log is fetched: column HOST, "address:port" of the replica's end.</summary>
    public sealed record ListDumps : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            SqlText.Of($"SELECT HOST FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'");
    }

    /// <summary>Where the server's own binary log ends: File, Position, …; no row without a binary log. MySQL 8.2 and later (error 1064 before).</summary>
    public sealed record ReadBinlogPosition : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"SHOW BINARY LOG STATUS") : SqlText.Of($"SHOW MASTER STATUS");
    }

    /// <summary>A query that an operator wrote into the configuration (DetectDataCenterQuery and its like): the first column of the first
    /// row counts. It is sent as it stands.</summary>
    public sealed record AskConfigured(string Text) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.OfConfiguration(Text);
    }

    /// <summary>The operator's own question for a server's lag; one row.</summary>
    public sealed record ReadMetric(OperatorQuery Query) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"{Query}");
    }

    /// <summary>ProxySQL's admin interface only: the servers of a host group with their state (columns srv_host, srv_port, status). A user of
    /// admin-stats_credentials sees the tables of statistics and no others, and for him they are in the schema without a name.</summary>
    public sealed record ListProxySqlServers(int HostGroup) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SELECT srv_host, srv_port, status FROM stats_mysql_connection_pool WHERE hostgroup = {HostGroup}");
    }

    /// <summary>Opens or closes the server for writes of everybody. On MySQL closing means super_read_only (binds SUPER users
    /// too); MariaDB has read_only only, which does not bind READ_ONLY ADMIN users.</summary>
    public sealed record SetReadOnly(bool On) : Statement
    {
        public override SqlText Sql(Flavor flavor) => (flavor, On) switch
        {
            (Flavor.MySql, true) => SqlText.Of($"SET GLOBAL super_read_only = ON"),
            (_, true) => SqlText.Of($"SET GLOBAL read_only = ON"),
            (_, false) => SqlText.Of($"SET GLOBAL read_only = OFF"),
        };
    }

    /// <summary>MySQL: what a restart sets beside the configuration file, rows Variable_name, Value; no row: the file alone counts. Error 1142
    /// without the right to read the table. MariaDB has nothing of the kind: no row.</summary>
    public sealed record ReadPersistedReadOnly : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SELECT VARIABLE_NAME AS Variable_name, VARIABLE_VALUE AS Value FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'super_read_only'")
            : SqlText.Of($"SELECT '' AS Variable_name, '' AS Value FROM information_schema.PROCESSLIST WHERE FALSE");
    }

    /// <summary>MySQL: the server comes up read-only for everybody after a restart; what is in force now stays. A no-op on MariaDB (not the same as
    /// <see cref="LiftSuperReadOnly"/>'s: texts are told apart). Error 1227
    /// or 3630 without SYSTEM_VARIABLES_ADMIN and PERSIST_RO_VARIABLES_ADMIN.</summary>
    public sealed record PersistReadOnly : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SET PERSIST_ONLY read_only = ON, PERSIST_ONLY super_read_only = ON")
            : SqlText.Of($"DO 1");
    }

    /// <summary>On: from now on a commit on this server is acknowledged only when a replica has it. For the primary, before it is
    /// opened for writes, and for nobody else: on a replica the applier's own commits would wait for an acknowledgement that
    /// nobody gives, for ever. Off releases the commits that wait and acknowledges them without a replica: never while a
    /// client may be waiting. A server starts with it off. Error 1193 where semi-sync is not installed.</summary>
    public sealed record SetSemiSync(bool On) : Statement
    {
        public override SqlText Sql(Flavor flavor) => (flavor, On) switch
        {
            (Flavor.MySql, true) => SqlText.Of($"SET GLOBAL rpl_semi_sync_source_enabled = ON"),
            (Flavor.MySql, false) => SqlText.Of($"SET GLOBAL rpl_semi_sync_source_enabled = OFF"),
            (_, true) => SqlText.Of($"SET GLOBAL rpl_semi_sync_master_enabled = ON"),
            (_, false) => SqlText.Of($"SET GLOBAL rpl_semi_sync_master_enabled = OFF"),
        };
    }

    /// <summary>The replica's half: whether this server acknowledges what it has written to its relay log. Takes effect when its fetching
    /// thread connects the next time. Error 1193 where semi-sync is not installed.</summary>
    public sealed record SetSemiSyncReplica(bool On) : Statement
    {
        public override SqlText Sql(Flavor flavor) => (flavor, On) switch
        {
            (Flavor.MySql, true) => SqlText.Of($"SET GLOBAL rpl_semi_sync_replica_enabled = ON"),
            (Flavor.MySql, false) => SqlText.Of($"SET GLOBAL rpl_semi_sync_replica_enabled = OFF"),
            (_, true) => SqlText.Of($"SET GLOBAL rpl_semi_sync_slave_enabled = ON"),
            (_, false) => SqlText.Of($"SET GLOBAL rpl_semi_sync_slave_enabled = OFF"),
        };
    }

    /// <summary>The source's half waits for ever, also while no replica is there, and for no fewer acknowledgements than these (on MariaDB always
    /// for one, which has no such variable). The time is the longest that both flavours take: 49 days. The cast: of a signed and an unsigned
    /// number, GREATEST makes a decimal, which the variable refuses (error 1232).</summary>
    public sealed record SetSemiSyncPatience(int Acknowledgements) : Statement
    {
        public const long ForeverMs = uint.MaxValue;

        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SET GLOBAL rpl_semi_sync_source_timeout = {ForeverMs}, GLOBAL rpl_semi_sync_source_wait_no_replica = ON, GLOBAL rpl_semi_sync_source_wait_for_replica_count = CAST(GREATEST({Acknowledgements}, @@global.rpl_semi_sync_source_wait_for_replica_count) AS SIGNED)")
            : SqlText.Of($"SET GLOBAL rpl_semi_sync_master_timeout = {ForeverMs}, GLOBAL rpl_semi_sync_master_wait_no_slave = ON");
    }

    /// <summary>Client sessions: columns ID, USER, COMMAND.</summary>
    public sealed record ListSessions : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            SqlText.Of($"SELECT ID, USER, COMMAND FROM information_schema.PROCESSLIST");
    }

    /// <summary>All sessions and what they are at: columns Id, Time (seconds), State, among others. Answered while the disk of the server stands still: on MySQL 9.7.4 a session
    /// that asks information_schema for its first time needs a temporary table on that disk.</summary>
    public sealed record ShowProcessList : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SHOW PROCESSLIST");
    }

    /// <summary>MySQL only (no row on MariaDB): the session of the applier's coordinator, column ID, while it has read all of the relay
    /// log and waits for more. See <see cref="StopReplica"/>.</summary>
    public sealed record ListIdleCoordinators : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'system user' AND STATE LIKE 'Replica has read all relay log%'")
            : SqlText.Of($"SELECT ID FROM information_schema.PROCESSLIST WHERE FALSE");
    }

    /// <summary>Ends one session. Error 1094 when it is already gone.</summary>
    public sealed record KillSession(long Id) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"KILL {Id}");
    }

    /// <summary>Stops both replication threads, or only the one that fetches. On MySQL, where several appliers are the default, stopping both
    /// takes a minute when the relay log ends inside a transaction (the source was cut off while it sent one): the coordinator waits 60 s
    /// for the rest (seen on 9.7.4). KILL of the coordinator's session, before, ends that at once; it leaves error 1756 in the
    /// status, which the next START REPLICA clears.</summary>
    public sealed record StopReplica(bool OnlyIoThread) : Statement
    {
        public override SqlText Sql(Flavor flavor) => (flavor, OnlyIoThread) switch
        {
            (Flavor.MySql, true) => SqlText.Of($"STOP REPLICA IO_THREAD"),
            (Flavor.MySql, false) => SqlText.Of($"STOP REPLICA"),
            (_, true) => SqlText.Of($"STOP SLAVE IO_THREAD"),
            (_, false) => SqlText.Of($"STOP SLAVE"),
        };
    }

    /// <summary>Starts only the thread that applies what was fetched; the one that fetches stays as it is.</summary>
    public sealed record StartReplicaSqlThread : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"START REPLICA SQL_THREAD") : SqlText.Of($"START SLAVE SQL_THREAD");
    }

    public sealed record StartReplica : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql ? SqlText.Of($"START REPLICA") : SqlText.Of($"START SLAVE");
    }

    /// <summary>Forgets the source: the server is a replica no longer.</summary>
    public sealed record ResetReplicaAll : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"RESET REPLICA ALL") : SqlText.Of($"RESET SLAVE ALL");
    }

    /// <summary>Points a stopped replica at a source, by GTID.</summary>
    public sealed record ChangeSource(string Host, int Port, string User, string Password) : Statement
    {
        /// <exception cref="ArgumentException">Host, user or password hold a character that this statement cannot carry safely
        /// (<see cref="SqlQuotedLiteral"/>).</exception>
        public override SqlText Sql(Flavor flavor)
        {
            var host = new SqlQuotedLiteral(Host, "the source's host");
            var user = new SqlQuotedLiteral(User, "the replication user");
            var password = new SqlQuotedLiteral(Password, "the replication password");
            return flavor == Flavor.MySql
                ? SqlText.Of($"CHANGE REPLICATION SOURCE TO SOURCE_HOST={host}, SOURCE_PORT={Port}, SOURCE_USER={user}, SOURCE_PASSWORD={password}, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=0.5, GET_SOURCE_PUBLIC_KEY=1")
                : SqlText.Of($"CHANGE MASTER TO MASTER_HOST={host}, MASTER_PORT={Port}, MASTER_USER={user}, MASTER_PASSWORD={password}, MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5");
        }

        public override string ToString() => $"ChangeSource {{ {Host}:{Port} }}";
    }

    /// <summary>Waits until everything in <paramref name="Gtids"/> is applied: one row, one column; '0' when it is,
    /// '1' (MySQL) or '-1' (MariaDB) when the time ran out.</summary>
    public sealed record WaitForGtids(string Gtids, int SecondsMax) : Statement
    {
        public override SqlText Sql(Flavor flavor) => flavor == Flavor.MySql
            ? SqlText.Of($"SELECT WAIT_FOR_EXECUTED_GTID_SET({new SqlLiteral(Gtids)}, {SecondsMax}) AS waited")
            : SqlText.Of($"SELECT MASTER_GTID_WAIT({new SqlLiteral(Gtids)}, {SecondsMax}) AS waited");
    }

    /// <summary>MariaDB only: of each server and domain the last transaction that stands in the binary log; one row, one column. On MySQL it is empty: there
    /// gtid_executed says all.</summary>
    public sealed record ReadBinlogState : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"SELECT '' AS binlog_state") : SqlText.Of($"SELECT @@global.gtid_binlog_state AS binlog_state");
    }

    /// <summary>MariaDB only: what an old primary must be told before it can follow by slave_pos. On MySQL a no-op.</summary>
    public sealed record AdoptBinlogPosition : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"DO 0") : SqlText.Of($"SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos");
    }
}
