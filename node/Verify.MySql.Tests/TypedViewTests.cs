using Verify.MySql.Gtid;

namespace Verify.MySql.Tests;

/// <summary>What servers answer, read into what the node decides by; anything else is refused with the column's name.</summary>
public class TypedViewTests
{
    private const string Uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    private static readonly string[] MySqlFacts = ["server_uuid", "server_id", "read_only", "super_read_only", "gtid_executed", "log_bin"];
    private static readonly string[] MySqlStatus =
    [
        "Source_Host", "Source_Port", "Replica_IO_Running", "Replica_SQL_Running", "Retrieved_Gtid_Set", "Executed_Gtid_Set",
        "Seconds_Behind_Source", "Last_IO_Errno", "Last_IO_Error", "Last_SQL_Errno", "Last_SQL_Error", "Channel_Name",
    ];

    [TestCase("9.7.4", Flavor.MySql, 9, 7, 4)]
    [TestCase("9.7.4-2", Flavor.MySql, 9, 7, 4)]
    [TestCase("8.0.36-28", Flavor.MySql, 8, 0, 36)]
    [TestCase("8.4.0-commercial", Flavor.MySql, 8, 4, 0)]
    [TestCase("5.5.5-10.11.18-MariaDB-deb12", Flavor.MariaDb, 10, 11, 18)]
    [TestCase("11.4.2-MariaDB", Flavor.MariaDb, 11, 4, 2)]
    [TestCase("10.6.21-mariadb-log", Flavor.MariaDb, 10, 6, 21)]
    [TestCase("5.5.5-10.6.7", Flavor.MariaDb, 10, 6, 7)]
    [TestCase("5.5.5-m3", Flavor.MySql, 5, 5, 5)]
    public void A_version_is_read(string text, Flavor flavor, int major, int minor, int patch) =>
        Assert.That(ServerVersion.Parse(text), Is.EqualTo(new ServerVersion(flavor, major, minor, patch)));

    [TestCase("")]
    [TestCase("MariaDB")]
    [TestCase("9")]
    [TestCase("9.7")]
    [TestCase("9.7.")]
    [TestCase("9..7.4")]
    [TestCase("-9.7.4")]
    [TestCase("99999999999.1.1")]
    public void What_is_no_version_is_refused(string text) =>
        Assert.That(Assert.Throws<MySqlProtocolException>(() => ServerVersion.Parse(text))!.Message, Does.StartWith($"the server's version '{text}'"));

    [Test]
    public void Facts_of_MySQL_take_super_read_only_for_read_only()
    {
        var table = new ResultTable(MySqlFacts, [[Uuid, "7", "0", "0", Uuid + ":1-5,\n4e11fa47-71ca-11e1-9e33-c80aa9429562:1", "1"]], 0);
        Assert.That(ServerFacts.Read(table, Flavor.MySql), Is.EqualTo(new ServerFacts(
            Flavor.MySql, Uuid, 7, IsReadOnly: false, Gtids.Parse(Uuid + ":1-5,4e11fa47-71ca-11e1-9e33-c80aa9429562:1", Flavor.MySql), HasBinlog: true)));
    }

    [TestCase("0", "1", false, false, Description = "SET super_read_only = ON hangs behind a commit")]
    [TestCase("1", "0", false, true, Description = "the topology user may still write, users may not")]
    [TestCase("0", "0", false, false)]
    [TestCase("1", "1", true, true)]
    public void A_MySQL_server_is_closed_only_when_both_flags_say_so(string readOnly, string superReadOnly, bool isClosed, bool keepsUsersOut)
    {
        var table = new ResultTable(MySqlFacts, [[Uuid, "7", readOnly, superReadOnly, "", "1"]], 0);
        var facts = ServerFacts.Read(table, Flavor.MySql);
        Assert.That((facts.IsReadOnly, facts.KeepsUsersOut), Is.EqualTo((isClosed, keepsUsersOut)));
    }

    [Test]
    public void Facts_of_MariaDB_join_what_was_fetched_and_what_was_written()
    {
        var table = new ResultTable(
            ["server_id", "read_only", "gtid_binlog_pos", "gtid_slave_pos", "gtid_current_pos", "log_bin"], [["3", "1", "0-3-9", "0-1-8", "0-1-8,2-1-1", "1"]], 0);
        Assert.That(ServerFacts.Read(table, Flavor.MariaDb), Is.EqualTo(new ServerFacts(
            Flavor.MariaDb, "server_id-3", 3, IsReadOnly: true, Gtids.Parse("0-3-9,2-1-1", Flavor.MariaDb), HasBinlog: true)
        {
            OwnSinceApplied = MariaGtid.Parse("0-3-9"),
        }));
    }

    [TestCase(3, null, "server facts: column super_read_only is NULL")]
    [TestCase(3, "yes", "server facts: column super_read_only is 'yes', neither 1 nor 0")]
    [TestCase(1, "", "server facts: column server_id is '', which is no number")]
    [TestCase(1, "-1", "server facts: column server_id is '-1', which is no number")]
    [TestCase(4, "0-1-5", "server facts: column gtid_executed '0-1-5' in")]
    public void A_wrong_fact_is_refused_by_name(int column, string? value, string message)
    {
        string?[] row = [Uuid, "7", "1", "0", "", "1"];
        row[column] = value;
        var e = Assert.Throws<MySqlProtocolException>(() => ServerFacts.Read(new(MySqlFacts, [row], 0), Flavor.MySql));
        Assert.That(e!.Message, Does.StartWith(message));
    }

    [Test]
    public void Facts_without_exactly_one_row_are_none()
    {
        Assert.Throws<MySqlProtocolException>(() => ServerFacts.Read(new(MySqlFacts, [], 0), Flavor.MySql));
        Assert.Throws<MySqlProtocolException>(() => ServerFacts.Read(new(["server_id"], [["1"]], 0), Flavor.MySql));
    }

    [Test]
    public void A_server_without_status_is_no_replica() =>
        Assert.That(ReplicaStatus.Read(new(MySqlStatus, [], 0), Flavor.MySql), Is.Null);

    [Test]
    public void The_status_of_a_MySQL_replica_is_read()
    {
        var status = ReplicaStatus.Read(Status(), Flavor.MySql)!;
        Assert.That(status, Is.EqualTo(new ReplicaStatus(
            "db1", 3306, ThreadState.Connecting, ThreadState.Running, Gtids.Parse(Uuid + ":4-9", Flavor.MySql), Gtids.Parse(Uuid + ":1-8", Flavor.MySql),
            SecondsBehind: null, 2003, "cannot connect", 0, "")));
    }

    [Test]
    public void Of_several_channels_the_one_without_a_name_counts()
    {
        var named = Status().Rows[0].ToArray();
        (named[0], named[11]) = ("other", "group_replication_applier");
        Assert.That(ReplicaStatus.Read(new(MySqlStatus, [named, Status().Rows[0]], 0), Flavor.MySql)!.SourceHost, Is.EqualTo("db1"));
        Assert.That(ReplicaStatus.Read(new(MySqlStatus, [named], 0), Flavor.MySql)!.SourceHost, Is.EqualTo("other"));
    }

    [TestCase("Replica_IO_Running", "Maybe", "replica status: column Replica_IO_Running is 'Maybe', which is no state of a thread")]
    [TestCase("Seconds_Behind_Source", "soon", "replica status: column Seconds_Behind_Source is 'soon', which is no number")]
    [TestCase("Executed_Gtid_Set", "x", "replica status: column Executed_Gtid_Set 'x' in")]
    [TestCase("Last_IO_Error", null, "replica status: column Last_IO_Error is NULL")]
    public void A_wrong_status_is_refused_by_name(string column, string? value, string message)
    {
        var row = Status().Rows[0];
        row[Array.IndexOf(MySqlStatus, column)] = value;
        var e = Assert.Throws<MySqlProtocolException>(() => ReplicaStatus.Read(new(MySqlStatus, [row], 0), Flavor.MySql));
        Assert.That(e!.Message, Does.StartWith(message));
    }

    [Test]
    public void A_status_of_the_other_flavour_is_refused_by_the_first_missing_column()
    {
        var e = Assert.Throws<MySqlProtocolException>(() => ReplicaStatus.Read(Status(), Flavor.MariaDb));
        Assert.That(e!.Message, Is.EqualTo("replica status: column Master_Host is missing"));
    }

    private static ResultTable Status() => new(MySqlStatus, [["db1", "3306", "Connecting", "Yes", Uuid + ":4-9", Uuid + ":1-8", null, "2003", "cannot connect", "0", "", ""]], 0);
}
