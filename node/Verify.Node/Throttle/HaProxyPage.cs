namespace Verify.Node.Throttle;

/// <summary>HAProxy's statistics in CSV (management guide, section 9.1): whose lag counts in a backend.</summary>
internal static class HaProxyPage
{
    public const string Path = "/;csv;norefresh";

    /// <summary>Names of the pool's servers that are meant to serve: up, down or not checked, as in freno. HAProxy takes a replica out because it
    /// lags, and that one is the reason to wait: only what somebody has taken out (MAINT, DRAIN, or 404, which is NOLB) does not count. A server
    /// on its way from up to down ("UP 1/3") is what it was before: after a reload HAProxy says it of all, whatever they are.</summary>
    /// <param name="hasCounted">The server is one of those that the page named last.</param>
    /// <exception cref="FormatException">The page has no such columns, or no such pool, or says nothing yet: HAProxy is reloading.</exception>
    public static IReadOnlyList<string> Hosts(string csv, string pool, Func<string, bool> hasCounted)
    {
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var header = lines.Length > 0 ? lines[0].TrimStart('#', ' ').Split(',') : [];
        var (name, server, status) = (Array.IndexOf(header, "pxname"), Array.IndexOf(header, "svname"), Array.IndexOf(header, "status"));
        if (name < 0 || server < 0 || status < 0) throw new FormatException("this is no HAProxy statistics page: the columns pxname, svname and status are not all there");
        var rows = lines.Skip(1).Select(line => line.Split(',')).Where(cells => cells.Length > Math.Max(status, Math.Max(name, server)) && cells[name] == pool).ToArray();
        if (rows.Length == 0) throw new FormatException($"HAProxy has no backend {pool}");
        var servers = rows.Where(cells => cells[server] is not ("FRONTEND" or "BACKEND")).Select(cells => Row.Of(cells[server], cells[status])).ToArray();
        if (servers.Length > 0 && servers.All(s => s.IsInTransition)) throw new FormatException($"every server of {pool} is between two states: HAProxy is likely reloading");
        var up = servers.Where(s => s.State == "UP").ToArray();
        if (up.Length > 0 && up.All(s => s.IsInTransition)) throw new FormatException($"every server of {pool} that is up is between two states: HAProxy is likely reloading");
        return [.. servers.Where(s => s.State is "DOWN" or "no check" || (s.State == "UP" && (!s.IsInTransition || hasCounted(s.Name)))).Select(s => s.Name)];
    }

    /// <summary>"UP", "UP 1/3", "DOWN (agent)", "MAINT (via x/y)", "no check".</summary>
    private sealed record Row(string Name, string State, bool IsInTransition)
    {
        public static Row Of(string name, string status)
        {
            if (status == "no check") return new(name, status, IsInTransition: false);
            var words = status.Split(' ');
            return new(name, words[0], words.Length > 1 && words[1].Length > 0 && char.IsAsciiDigit(words[1][0]) && words[1].Contains('/', StringComparison.Ordinal));
        }
    }
}
