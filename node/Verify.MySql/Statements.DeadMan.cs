namespace Verify.MySql;

/// <summary>The statements of the dead-man switch: two scheduled events inside the server. One closes it when a row is not set anew in
/// time, the other ends the clients that hold the closing up. Nothing of it uses up a GTID or reaches a replica: every session that writes for it begins with
/// <see cref="SkipBinlog"/>. Seen to work on MySQL 9.7.4 and MariaDB 10.11 (chaos/Verify.Fleet.Tests, DeadManSwitchTests).</summary>
public abstract partial record Statement
{
    /// <summary>What both events say of themselves.</summary>
    private const string DeadManVersion = "verify dead-man switch 2";

    /// <summary>What <see cref="ReadDeadMan"/> shows of a switch that is whole. Another text: another program made it, and it is made anew.</summary>
    public const string DeadManEvents = $"ENABLED {DeadManVersion}, ENABLED {DeadManVersion}";

    /// <summary>What this session writes from now on stays out of the binary log: no GTID, nothing for replicas. Error 1227 without the right.</summary>
    public sealed record SkipBinlog : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SET SESSION sql_log_bin = 0");
    }

    /// <summary>Lets the topology user write while ordinary users still cannot: what comes before opening. On MySQL read_only stays on;
    /// on MariaDB read_only does not bind this user anyhow, and this is a no-op.</summary>
    public sealed record LiftSuperReadOnly : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            flavor == Flavor.MySql ? SqlText.Of($"SET GLOBAL super_read_only = OFF") : SqlText.Of($"DO 0");
    }

    /// <summary>Off by default on MariaDB. Error 1290 where the server was started with it disabled.</summary>
    public sealed record EnableEvents : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SET GLOBAL event_scheduler = ON");
    }

    /// <summary>One row: scheduler ("ON" when events run), watcher (the session of the event that closes, NULL while it does not run), event
    /// (state and version of what is installed, <see cref="DeadManEvents"/> when all is there, NULL when nothing is), now_us (the server's clock, microseconds since 2000 in UTC).</summary>
    public sealed record ReadDeadMan : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SELECT @@global.event_scheduler AS scheduler, IS_USED_LOCK('verify_guard.dead_man') AS watcher, (SELECT GROUP_CONCAT(CONCAT(STATUS, ' ', EVENT_COMMENT) SEPARATOR ', ') FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'verify_guard') AS event, TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) AS now_us");
    }

    /// <summary>The parts of the switch in the order in which they are made.</summary>
    public enum DeadManPart
    {
        Schema,
        Table,

        /// <summary>The row, over-due from the start: without a feed the server closes as soon as it is opened.</summary>
        Row,

        /// <summary>Takes the event that closes away, whatever its version. One that runs goes on until its row is gone.</summary>
        NoEvent,

        /// <summary>The same of the one that ends clients.</summary>
        NoSweep,

        /// <summary>Once it is due, ends the clients until the server is closed, and on MySQL lets the commits go that wait for an
        /// acknowledgement: closing waits for them, for as long as no replica answers.</summary>
        Sweep,

        /// <summary>Closes once it is due. Watches in one long run, and is begun anew within a second when that was ended.</summary>
        Event,
    }

    /// <summary>Makes one part; harmless where it is there already. Error 1290 on a closed server.</summary>
    public sealed record InstallDeadMan(DeadManPart Part) : Statement
    {
        public override SqlText Sql(Flavor flavor) => Part switch
        {
            DeadManPart.Schema => SqlText.Of($"CREATE DATABASE IF NOT EXISTS verify_guard"),
            DeadManPart.Table => SqlText.Of($"CREATE TABLE IF NOT EXISTS verify_guard.dead_man (id TINYINT NOT NULL PRIMARY KEY, due_us BIGINT NOT NULL, token BIGINT NOT NULL) ENGINE=InnoDB"),
            DeadManPart.Row => SqlText.Of($"INSERT IGNORE INTO verify_guard.dead_man (id, due_us, token) VALUES (1, 0, 0)"),
            DeadManPart.NoEvent => SqlText.Of($"DROP EVENT IF EXISTS verify_guard.dead_man"),
            DeadManPart.NoSweep => SqlText.Of($"DROP EVENT IF EXISTS verify_guard.dead_man_sweep"),
            DeadManPart.Sweep => flavor == Flavor.MySql ? MySqlSweep : MariaSweep,
            _ => Switch(SqlText.Of($"dead_man"), Nothing, Nothing, flavor == Flavor.MySql ? MySqlClosing : MariaClosing),
        };

        private static SqlText Nothing => SqlText.Of($"");

        // The condition is read_only: that is the flag by which applications are let in, and it is OFF only on an open server.
        private static SqlText MySqlClosing => SqlText.Of($"""
            IF @@global.read_only = 0 THEN SET GLOBAL super_read_only = ON; END IF;
                  DO SLEEP(0.1);
            """);

        private static SqlText MariaClosing => SqlText.Of($"""
            IF @@global.read_only = 0 THEN SET GLOBAL read_only = ON; END IF;
                  DO SLEEP(0.1);
            """);

        // Every session that is there when it becomes due is ended, and while the closing is not done those that come, too.
        // On MySQL the commit of a session that is ended goes on waiting, and the closing with it, until semi-sync is switched off. That tells
        // nobody of a commit: whether the closing is under way is looked at first, so a commit that waits now was begun before it, and its
        // session is ended before it is let go; whoever comes later waits for the closing. Sessions that are gone (1094) or that the
        // definer must not end (1095, 1227: SYSTEM_USER) are passed over. PREPARE, because without the plugin the
        // variable is not known (1193, and then 1243).
        private static SqlText MySqlSweep => Sweeping(
            SqlText.Of($"@@global.super_read_only"),
            SqlText.Of($"PREPARE let_go FROM 'SET GLOBAL rpl_semi_sync_source_enabled = OFF'; EXECUTE let_go; DEALLOCATE PREPARE let_go;"));

        // On MariaDB ending the session is enough.
        private static SqlText MariaSweep => Sweeping(SqlText.Of($"0"), SqlText.Of($"DO 0;"));

        private static SqlText Sweeping(SqlText isClosing, SqlText letGo) => Switch(
            SqlText.Of($"dead_man_sweep"),
            SqlText.Of($"""
              DECLARE is_closing INT DEFAULT 0;
              DECLARE is_swept INT DEFAULT 1;
              DECLARE is_end INT DEFAULT 0;
              DECLARE client BIGINT;
              DECLARE clients CURSOR FOR SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND NOT IN ('Killed', 'Daemon') AND COMMAND NOT LIKE 'Binlog Dump%' AND USER NOT IN (SUBSTRING_INDEX(CURRENT_USER(), '@', 1), 'system user', 'event_scheduler');
              DECLARE CONTINUE HANDLER FOR NOT FOUND SET is_end = 1;
              DECLARE CONTINUE HANDLER FOR 1094, 1095, 1227, 1193, 1243 BEGIN END;

            """),
            SqlText.Of($"SET is_swept = 0;"),
            SqlText.Of($"""
            IF is_swept = 0 OR @@global.read_only = 0 THEN
                    SET is_swept = 1;
                    SET is_closing = {isClosing};
                    SET is_end = 0;
                    OPEN clients;
                    ending: LOOP
                      FETCH clients INTO client;
                      IF is_end = 1 THEN LEAVE ending; END IF;
                      KILL client;
                    END LOOP;
                    CLOSE clients;
                    IF is_closing = 1 AND {isClosing} = 1 AND @@global.read_only = 0 THEN {letGo} END IF;
                  END IF;
                  DO SLEEP(0.02);
            """));

        // SYSDATE, not NOW: NOW may stand still within one run. The zone is set because clocks are put back in autumn.
        private static SqlText Switch(SqlText name, SqlText declarations, SqlText waiting, SqlText overdue) => SqlText.Of($"""
            CREATE EVENT IF NOT EXISTS verify_guard.{name} ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE ENABLE COMMENT {new SqlLiteral(DeadManVersion)} DO
            watching: BEGIN
              DECLARE due BIGINT;
              DECLARE left_us BIGINT;
            {declarations}  IF COALESCE(GET_LOCK('verify_guard.{name}', 0), 0) <> 1 THEN LEAVE watching; END IF;
              SET SESSION time_zone = '+00:00';
              LOOP
                SET due = (SELECT due_us FROM verify_guard.dead_man WHERE id = 1);
                IF due IS NULL THEN LEAVE watching; END IF;
                SET left_us = due - TIMESTAMPDIFF(MICROSECOND, '2000-01-01', SYSDATE(6));
                IF left_us > 0 THEN
                  {waiting}DO SLEEP(LEAST(left_us, 250000) / 1000000);
                ELSE
                  {overdue}
                END IF;
              END LOOP;
            END
            """);
    }

    /// <summary>The server may stay open until its clock says so; one row is affected when that was taken. None: the time is over
    /// already (the statement came late), a guardian with a larger token has fed it, or the row is not there. Error 1146 or 1049 where
    /// the switch is not installed, 1290 on a closed server.</summary>
    /// <param name="DueUs">Microseconds since 2000 in UTC, as <see cref="ReadDeadMan"/> tells the server's clock.</param>
    public sealed record FeedDeadMan(long DueUs, long Token) : Statement
    {
        public override SqlText Sql(Flavor flavor) =>
            SqlText.Of($"UPDATE verify_guard.dead_man SET due_us = {DueUs}, token = {Token} WHERE id = 1 AND token <= {Token} AND TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) < {DueUs}");
    }

    /// <summary>Takes the row away, so that a running watcher ends. Together with <see cref="DeadManPart.NoEvent"/> it removes the switch.</summary>
    public sealed record ClearDeadMan : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"DELETE FROM verify_guard.dead_man");
    }
}
