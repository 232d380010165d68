using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>The errors that our statements can meet, in the words of MySQL 9.7 and MariaDB 10.11 (taken from running servers;
/// the transcripts hold codes and states against them).</summary>
internal static class ServerErrors
{
    public static ServerAnswer.Error ReadOnly(Flavor flavor, string option) =>
        new(1290, "HY000", $"The {Name(flavor)} server is running with the --{option} option so it cannot execute this statement");

    public static ServerAnswer.Error Duplicate(Flavor flavor, string id) =>
        new(1062, "23000", $"Duplicate entry '{id}' for key '{(flavor == Flavor.MySql ? "writes.PRIMARY" : "PRIMARY")}'");

    public static ServerAnswer.Error NoTable { get; } = new(1146, "42S02", "Table 'app.writes' doesn't exist");
    public static ServerAnswer.Error NoSchema { get; } = new(1049, "42000", "Unknown database 'app'");

    public static ServerAnswer.Error NoGuardTable { get; } = new(1146, "42S02", "Table 'verify_guard.dead_man' doesn't exist");
    public static ServerAnswer.Error NoGuardSchema { get; } = new(1049, "42000", "Unknown database 'verify_guard'");

    public static ServerAnswer.Error UnknownThread(long id) => new(1094, "HY000", $"Unknown thread id: {id}");
    public static ServerAnswer.Error NotOwner(long id) => new(1095, "HY000", $"You are not owner of thread {id}");

    public static ServerAnswer.Error KilledItself(Flavor flavor) =>
        flavor == Flavor.MySql ? new(1317, "70100", "Query execution was interrupted") : new(1927, "70100", "Connection was killed");

    public static ServerAnswer.Error NotConfigured(Flavor flavor) => new(1200, "HY000", flavor == Flavor.MySql
        ? "The server is not configured as replica; fix in config file or with CHANGE REPLICATION SOURCE TO"
        : "Misconfigured slave: MASTER_HOST was not set; Fix in config file or with CHANGE MASTER TO");

    public static ServerAnswer.Error ReplicaRuns(Flavor flavor) => flavor == Flavor.MySql
        ? new(3081, "HY000", "This operation cannot be performed with running replication threads; run STOP REPLICA FOR CHANNEL '' first")
        : new(1198, "HY000", "This operation cannot be performed as you have a running slave ''; run STOP SLAVE '' first");

    public static ServerAnswer.Error MalformedGtids(Flavor flavor, string text) => flavor == Flavor.MySql
        ? new(1772, "HY000", $"Malformed GTID set specification '{text}'.")
        : new(1941, "HY000", "Could not parse GTID list");

    public static ServerAnswer.Error NoRight(string rights) =>
        new(1227, "42000", $"Access denied; you need (at least one of) the {rights} privilege(s) for this operation");

    public static ServerAnswer.Error NoRightOnSchema(string user) =>
        new(1044, "42000", $"Access denied for user '{user}'@'%' to database 'app'");

    public static ServerAnswer.Error NoRightOnTable(string user, string command) =>
        new(1142, "42000", $"{command} command denied to user '{user}'@'%' for table {"`app`.`writes`"}");

    public static ServerAnswer.Error BadLogin(string user, string host) =>
        new(1045, "28000", $"Access denied for user '{user}'@'{host}' (using password: YES)");

    /// <summary>What a real server says to a typing error; here also: the model does not know this statement.</summary>
    public static ServerAnswer.Error Syntax(Flavor flavor, string statement) => new(1064, "42000",
        $"You have an error in your SQL syntax; check the manual that corresponds to your {Name(flavor)} server version for the right syntax to use near '{statement}' at line 1");

    /// <summary>A MariaDB replica asks to begin at a transaction that the source does not have (error 1236 as the replica shows it).</summary>
    public static string NotInSourceBinlog(string gtid, bool sourceIsFurther) =>
        $"Error: connecting slave requested to start from GTID {gtid}, which is not in the master's binlog"
        + (sourceIsFurther
            ? ". Since the master's binlog contains GTIDs with higher sequence numbers, it probably means that the slave has diverged due to executing extra erroneous transactions"
            : "");

    /// <summary>A MySQL replica has transactions numbered by its source that the source does not have.</summary>
    public const string ReplicaHasMore =
        "Replica has more GTIDs than the source has, using the source's SERVER_UUID. This may indicate that the end of the binary log was truncated or that the last binary log file was lost, e.g., after a power or disk failure when sync_binlog != 1.";

    private static string Name(Flavor flavor) => flavor == Flavor.MySql ? "MySQL" : "MariaDB";
}
