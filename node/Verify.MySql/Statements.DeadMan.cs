namespace Verify.MySql;

/// <summary>The statements of the dead-man switch: a scheduled event inside the server that closes it when a row is not set anew in
/// time. Nothing of it uses up a GTID or reaches a replica: every session that writes for it begins with
/// <see cref="SkipBinlog"/>. Seen to work on MySQL 9.7.4 and MariaDB 10.11 (chaos/Verify.Fleet.Tests, DeadManSwitchTests).</summary>
public abstract partial record Statement
{
    /// <summary>What the event says of itself; another text means that it was made by another program and is made anew.</summary>
    public const string DeadManVersion = "verify dead-man switch 1";

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

    /// <summary>One row: scheduler ("ON" when events run), watcher (the session of the running event, NULL while none runs), event (its state
    /// and version, NULL where it is not installed), now_us (the server's clock, microseconds since 2000 in UTC).</summary>
    public sealed record ReadDeadMan : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of($"SELECT @@global.event_scheduler AS scheduler, IS_USED_LOCK('verify_guard.dead_man') AS watcher, (SELECT CONCAT(STATUS, ' ', EVENT_COMMENT) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'verify_guard' AND EVENT_NAME = 'dead_man') AS event, TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) AS now_us");
    }

    /// <summary>The parts of the switch in the order in which they are made.</summary>
    public enum DeadManPart
    {
        Schema,
        Table,

        /// <summary>The row, over-due from the start: without a feed the server closes as soon as it is opened.</summary>
        Row,

        /// <summary>Takes an event of another version away, and with its row the running watcher.</summary>
        NoEvent,

        /// <summary>Watches in one long run, and is begun anew within a second when that was ended.</summary>
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
            _ => Watching(flavor == Flavor.MySql ? SqlText.Of($"super_read_only") : SqlText.Of($"read_only")),
        };

        // SYSDATE, not NOW: NOW may stand still within one run. The zone is set because clocks are put back in autumn. The condition is
        // read_only: that is the flag by which applications are let in, and it is OFF only on an open server.
        private static SqlText Watching(SqlText closed) => SqlText.Of($"""
            CREATE EVENT IF NOT EXISTS verify_guard.dead_man ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE ENABLE COMMENT {new SqlLiteral(DeadManVersion)} DO
            watching: BEGIN
              DECLARE due BIGINT;
              DECLARE left_us BIGINT;
              IF COALESCE(GET_LOCK('verify_guard.dead_man', 0), 0) <> 1 THEN LEAVE watching; END IF;
              SET SESSION time_zone = '+00:00';
              LOOP
                SET due = (SELECT due_us FROM verify_guard.dead_man WHERE id = 1);
                IF due IS NULL THEN LEAVE watching; END IF;
                SET left_us = due - TIMESTAMPDIFF(MICROSECOND, '2000-01-01', SYSDATE(6));
                IF left_us > 0 THEN
                  DO SLEEP(LEAST(left_us, 250000) / 1000000);
                ELSE
                  IF @@global.read_only = 0 THEN SET GLOBAL {closed} = ON; END IF;
                  DO SLEEP(0.1);
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
