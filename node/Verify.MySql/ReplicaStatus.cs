using System.Globalization;
using Verify.MySql.Gtid;

namespace Verify.MySql;

/// <summary>State of a replication thread as the server words it.</summary>
public enum ThreadState { Stopped, Connecting, Running }

/// <summary>A place in a binary or relay log. Two of them can be compared only when they are of the same server's log.</summary>
public readonly record struct BinlogPosition(string File, long Position) : IComparable<BinlogPosition>
{
    public bool IsEmpty => string.IsNullOrEmpty(File);

    /// <summary>A position that nobody told is the empty one, whether it was made from nothing or from an empty column.</summary>
    public bool Equals(BinlogPosition other) => CompareTo(other) == 0;

    public override int GetHashCode() => Position.GetHashCode();

    /// <summary>Files are numbered with leading zeros; a longer number is a later one ("binlog.1000000" after "binlog.999999").</summary>
    public int CompareTo(BinlogPosition other)
    {
        var (a, b) = (File ?? "", other.File ?? "");
        if (a.Length != b.Length) return a.Length.CompareTo(b.Length);
        var byFile = string.CompareOrdinal(a, b);
        return byFile != 0 ? byFile : Position.CompareTo(other.Position);
    }

    public static bool operator <(BinlogPosition a, BinlogPosition b) => a.CompareTo(b) < 0;
    public static bool operator >(BinlogPosition a, BinlogPosition b) => a.CompareTo(b) > 0;
    public static bool operator <=(BinlogPosition a, BinlogPosition b) => a.CompareTo(b) <= 0;
    public static bool operator >=(BinlogPosition a, BinlogPosition b) => a.CompareTo(b) >= 0;

    /// <summary>As orchestrator writes it: file:position.</summary>
    public override string ToString() => IsEmpty ? "" : $"{File}:{Position}";
}

/// <summary>A typed view of SHOW REPLICA STATUS / SHOW ALL SLAVES STATUS: the parts that decide something.</summary>
public sealed record ReplicaStatus(
    string SourceHost, int SourcePort, ThreadState IoThread, ThreadState SqlThread,
    Gtids Retrieved, Gtids Executed, double? SecondsBehind,
    int LastIoErrno, string LastIoError, int LastSqlErrno, string LastSqlError)
{
    /// <summary>How far in the source's binary log the fetching thread has read; empty where the server does not say.</summary>
    public BinlogPosition ReadUpTo { get; init; }

    /// <summary>How far in the source's binary log the applying thread has come.</summary>
    public BinlogPosition AppliedUpTo { get; init; }

    /// <summary>How far in its own relay log it has come.</summary>
    public BinlogPosition RelayUpTo { get; init; }

    /// <summary>What the source said of itself the last time it was connected to; MariaDB tells no uuid.</summary>
    public string SourceUuid { get; init; } = "";
    public long SourceServerId { get; init; }

    /// <summary>The position is found by GTID (MySQL: Auto_Position; MariaDB: Using_Gtid), not by file and position.</summary>
    public bool UsesGtid { get; init; }

    /// <summary>Seconds by which the replica lags on purpose.</summary>
    public long DelaySeconds { get; init; }

    /// <summary>In the server's words.</summary>
    public string SqlState { get; init; } = "";

    /// <summary>Sources that it replicates from; more than one: multi-source, of which only one channel is looked at.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Null when the table has no row: the server is no replica. Of several channels the one without a name counts,
    /// or the first if all have names.</summary>
    /// <exception cref="MySqlProtocolException">A column is missing, or its value is not what it should be.</exception>
    public static ReplicaStatus? Read(ResultTable table, Flavor flavor)
    {
        if (table.Rows.Count == 0) return null;
        var isMaria = flavor == Flavor.MariaDb;
        var names = isMaria ? ReplicaColumns.Maria : ReplicaColumns.MySql;
        var row = new TableRow(table, DefaultChannel(table, names.Channel), "replica status");
        return new(
            row.Text(names.SourceHost),
            (int)row.Number(names.SourcePort),
            row.Thread(names.IoRunning),
            row.Thread(names.SqlRunning),
            row.Gtids(names.Retrieved, flavor),
            row.Gtids(names.Executed, flavor),
            row.Seconds(names.SecondsBehind),
            (int)row.Number("Last_IO_Errno"),
            row.Text("Last_IO_Error"),
            (int)row.Number("Last_SQL_Errno"),
            row.Text("Last_SQL_Error"))
        {
            ReadUpTo = new(row.Maybe(names.ReadFile), row.MaybeNumber(names.ReadPosition)),
            AppliedUpTo = new(row.Maybe(names.AppliedFile), row.MaybeNumber(names.AppliedPosition)),
            RelayUpTo = new(row.Maybe("Relay_Log_File"), row.MaybeNumber("Relay_Log_Pos")),
            SourceUuid = row.Maybe("Source_UUID"),
            SourceServerId = row.MaybeNumber(names.SourceServerId),
            UsesGtid = isMaria ? row.Maybe("Using_Gtid") is "Slave_Pos" or "Current_Pos" : row.Maybe("Auto_Position") is "1",
            DelaySeconds = row.MaybeNumber("SQL_Delay"),
            SqlState = row.Maybe(names.SqlState),
            Channels = table.Rows.Count,
        };
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

/// <summary>What the two flavours call the columns of a replica's status.</summary>
internal sealed class ReplicaColumns
{
    public static readonly ReplicaColumns MySql = new("Replica", "Source")
    {
        Channel = "Channel_Name", Retrieved = "Retrieved_Gtid_Set", Executed = "Executed_Gtid_Set",
    };

    public static readonly ReplicaColumns Maria = new("Slave", "Master")
    {
        Channel = "Connection_name", Retrieved = "Gtid_IO_Pos", Executed = "Gtid_Slave_Pos",
    };

    private ReplicaColumns(string replica, string source)
    {
        (SourceHost, SourcePort, SourceServerId) = ($"{source}_Host", $"{source}_Port", $"{source}_Server_Id");
        (IoRunning, SqlRunning, SqlState) = ($"{replica}_IO_Running", $"{replica}_SQL_Running", $"{replica}_SQL_Running_State");
        (ReadFile, ReadPosition) = ($"{source}_Log_File", $"Read_{source}_Log_Pos");
        (AppliedFile, AppliedPosition) = ($"Relay_{source}_Log_File", $"Exec_{source}_Log_Pos");
        SecondsBehind = $"Seconds_Behind_{source}";
    }

    public required string Channel { get; init; }
    public required string Retrieved { get; init; }
    public required string Executed { get; init; }
    public string SourceHost { get; }
    public string SourcePort { get; }
    public string SourceServerId { get; }
    public string IoRunning { get; }
    public string SqlRunning { get; }
    public string SqlState { get; }
    public string ReadFile { get; }
    public string ReadPosition { get; }
    public string AppliedFile { get; }
    public string AppliedPosition { get; }
    public string SecondsBehind { get; }
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

    /// <summary>Empty when the server does not say.</summary>
    public string Maybe(string column) => table.Text(row, column) ?? "";

    /// <summary>0 when the server does not say.</summary>
    public long MaybeNumber(string column) => long.TryParse(Maybe(column), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public bool Flag(string column) => Text(column) switch
    {
        "1" or "ON" => true,
        "0" or "OFF" => false,
        var other => throw Wrong(column, $"is '{other}', neither 1 nor 0"),
    };

    /// <summary>Null while the server does not know.</summary>
    public double? Seconds(string column)
    {
        if (table.Text(row, column) is not { } text) return table.Has(column) ? null : throw Wrong(column, "is missing");
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
