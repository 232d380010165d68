using System.Globalization;
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
    /// <summary>Null when the table has no row: the server is no replica. Of several channels the one without a name counts,
    /// or the first if all have names.</summary>
    /// <exception cref="MySqlProtocolException">A column is missing, or its value is not what it should be.</exception>
    public static ReplicaStatus? Read(ResultTable table, Flavor flavor)
    {
        if (table.Rows.Count == 0) return null;
        var isMaria = flavor == Flavor.MariaDb;
        var row = new TableRow(table, DefaultChannel(table, isMaria ? "Connection_name" : "Channel_Name"), "replica status");
        var replica = isMaria ? "Slave" : "Replica";
        var source = isMaria ? "Master" : "Source";
        return new(
            row.Text($"{source}_Host"),
            (int)row.Number($"{source}_Port"),
            row.Thread($"{replica}_IO_Running"),
            row.Thread($"{replica}_SQL_Running"),
            row.Gtids(isMaria ? "Gtid_IO_Pos" : "Retrieved_Gtid_Set", flavor),
            row.Gtids(isMaria ? "Gtid_Slave_Pos" : "Executed_Gtid_Set", flavor),
            row.Seconds($"Seconds_Behind_{source}"),
            (int)row.Number("Last_IO_Errno"),
            row.Text("Last_IO_Error"),
            (int)row.Number("Last_SQL_Errno"),
            row.Text("Last_SQL_Error"));
    }

    private static int DefaultChannel(ResultTable table, string nameColumn)
    {
        for (var i = 0; i < table.Rows.Count; i++)
        {
            if (string.IsNullOrEmpty(table.Text(i, nameColumn))) return i;
        }

        return 0;
    }
}

/// <summary>One row whose columns must be there and must make sense.</summary>
internal readonly struct TableRow(ResultTable table, int row, string what)
{
    public string Text(string column) => table.Text(row, column) ?? throw Wrong(column, table.Has(column) ? "is NULL" : "is missing");

    public long Number(string column)
    {
        var text = Text(column);
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong(column, $"is '{text}', which is no number");
    }

    public bool Flag(string column) => Text(column) switch
    {
        "1" or "ON" => true,
        "0" or "OFF" => false,
        var other => throw Wrong(column, $"is '{other}', neither 1 nor 0"),
    };

    /// <summary>Null while the server does not know.</summary>
    public double? Seconds(string column)
    {
        if (!table.Has(column)) throw Wrong(column, "is missing");
        if (table.Text(row, column) is not { } text) return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : throw Wrong(column, $"is '{text}', which is no number");
    }

    public ThreadState Thread(string column) => Text(column) switch
    {
        "Yes" => ThreadState.Running,
        "No" => ThreadState.Stopped,
        "Connecting" or "Preparing" => ThreadState.Connecting,
        var other => throw Wrong(column, $"is '{other}', which is no state of a thread"),
    };

    public Gtids Gtids(string column, Flavor flavor)
    {
        var text = Text(column);
        try
        {
            return Gtid.Gtids.Parse(text, flavor);
        }
        catch (FormatException e)
        {
            throw Wrong(column, e.Message);
        }
    }

    private MySqlProtocolException Wrong(string column, string how) => new($"{what}: column {column} {how}");
}
