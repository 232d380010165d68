namespace Verify.Node.Throttle;

/// <summary>HAProxy's statistics in CSV (management guide, section 9.1): which servers of a backend take traffic.</summary>
internal static class HaProxyPage
{
    public const string Path = "/;csv;norefresh";

    /// <summary>Names of the pool's servers that are up, or are not checked. A server that is going down still counts until it is down;
    /// one in maintenance, draining, or marked with 404 (NOLB) does not.</summary>
    /// <exception cref="FormatException">The page has no such columns, or no such pool.</exception>
    public static IReadOnlyList<string> Hosts(string csv, string pool)
    {
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var header = lines.Length > 0 ? lines[0].TrimStart('#', ' ').Split(',') : [];
        var (name, server, status) = (Array.IndexOf(header, "pxname"), Array.IndexOf(header, "svname"), Array.IndexOf(header, "status"));
        if (name < 0 || server < 0 || status < 0) throw new FormatException("this is no HAProxy statistics page: the columns pxname, svname and status are not all there");
        var rows = lines.Skip(1).Select(line => line.Split(',')).Where(cells => cells.Length > Math.Max(status, Math.Max(name, server)) && cells[name] == pool).ToArray();
        if (rows.Length == 0) throw new FormatException($"HAProxy has no backend {pool}");
        return [.. rows.Where(cells => cells[server] is not ("FRONTEND" or "BACKEND") && IsServing(cells[status])).Select(cells => cells[server])];
    }

    private static bool IsServing(string status) =>
        status.StartsWith("UP", StringComparison.Ordinal) || status is "no check" or "OPEN";
}
