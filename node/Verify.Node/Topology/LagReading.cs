using System.Globalization;
using Verify.MySql;
using Verify.Node.Seam;
using Verify.Node.Throttle;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Topology;

/// <summary>Reads a server's lag over a link and turns whatever comes of it into a sample. Decides nothing.</summary>
internal static class LagReading
{
    /// <param name="askedAt">When the question was (or is) sent.</param>
    public static async ValueTask<MetricSample> TakeAsync(ServerLink link, LagMetric metric, TimeSpan askedAt, TimeSpan limit)
    {
        try
        {
            return metric is LagMetric.Query(var sql)
                ? OfRow(await link.AskAsync(new Statement.ReadMetric(sql), limit), sql, askedAt)
                : Of(await link.ReadReplicaStatusAsync(limit), askedAt);
        }
        catch (ConnectionRefusedException e)
        {
            return Missed(e.Message, askedAt) with { IsDialError = true, IsRefused = true };
        }
        catch (MySqlServerException e)
        {
            return new(askedAt, null, $"the metric query was refused: {e.Message}", CameBack: true);
        }
        catch (FormatException e)
        {
            return new(askedAt, null, e.Message, CameBack: true);
        }
        catch (Exception e) when (e is MySqlException or IOException)
        {
            return Missed(e.Message, askedAt) with { IsDialError = IsDialError(e) };
        }
    }

    /// <summary>No connection was made, which freno's IgnoreDialTcpErrors means ("dial tcp" in Go): refused, no route, no such name, or nothing came back,
    /// as from a host that is switched off. A session that breaks or falls silent is none: its server lives, or did.</summary>
    public static bool IsDialError(Exception e) => e is IOException or MySqlTimeoutException { IsUnconnected: true };

    public static MetricSample Missed(string problem, TimeSpan askedAt) => new(askedAt, null, problem, CameBack: false);

    /// <summary>A server without a replica status replicates from nobody: whether that is right only the throttler can tell.</summary>
    public static MetricSample Of(ReplicaStatus? replica, TimeSpan askedAt)
    {
        if (replica is null) return new(askedAt, 0, "", CameBack: true) { IsNoReplica = true };
        var problem = Stopped("the thread that fetches", replica.IoThread, replica.LastIoError)
            ?? Stopped("the thread that applies", replica.SqlThread, replica.LastSqlError)
            ?? (replica.SecondsBehind is null ? "it does not know how far behind it is" : "");
        return new(askedAt, problem.Length == 0 ? replica.SecondsBehind : null, problem, CameBack: true);
    }

    private static string? Stopped(string thread, ThreadState state, string error) => state == ThreadState.Running
        ? null : $"replication is not running: {thread} is {(state == ThreadState.Connecting ? "connecting" : "stopped")}{(error.Length > 0 ? $" ({error})" : "")}";

    private static MetricSample OfRow(ResultTable table, OperatorQuery query, TimeSpan askedAt)
    {
        var column = query.ValueColumn;
        if (table.Rows.Count == 0 || table.Columns.Count <= column) return new(askedAt, null, "the metric query gave no row", CameBack: true);
        return table.Rows[0][column] is { } text && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? new(askedAt, value, "", CameBack: true)
            : new(askedAt, null, $"the metric query gave '{table.Rows[0][column] ?? "NULL"}', which is no number", CameBack: true);
    }
}
