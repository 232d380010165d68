using System.Globalization;
using Verify.Node.Throttle;

namespace Verify.NodeHost.Throttle;

/// <summary>A check as its path and query ask for it.</summary>
internal readonly record struct CheckPath(string App, string Type, string Store, CheckFlags Flags)
{
    /// <summary>Null, and no problem: this path is no check.</summary>
    /// <param name="path">Decoded.</param>
    /// <param name="query">With its question mark, or empty.</param>
    /// <param name="problem">The threshold of a check-read is no number.</param>
    public static CheckPath? Parse(string path, string query, out string? problem)
    {
        problem = null;
        if (!path.StartsWith("/check", StringComparison.Ordinal)) return null;
        var end = path.IndexOf('/', 1);
        if (end < 0) return null;
        var word = path.AsSpan(1, end - 1);
        var (isRead, ifExists) = word switch
        {
            "check" => (false, false),
            "check-if-exists" => (false, true),
            "check-read" => (true, false),
            "check-read-if-exists" => (true, true),
            _ => ((bool?)null, false),
        };
        if (isRead is null) return null;
        Span<Range> parts = stackalloc Range[6];
        var rest = path.AsSpan(end + 1);
        var count = rest.Split(parts, '/');
        if (count != (isRead == true ? 4 : 3) || parts[1].Equals(default) || rest[parts[2]].IsEmpty) return null;
        var threshold = 0.0;
        if (isRead == true && !double.TryParse(rest[parts[3]], NumberStyles.Float, CultureInfo.InvariantCulture, out threshold))
        {
            problem = $"the threshold must be a number, not '{rest[parts[3]]}'";
        }

        var isLow = query.Length > 0 && query[1..].Split('&').Contains("p=low", StringComparer.Ordinal);
        return new(new(rest[parts[0]]), new(rest[parts[1]]), new(rest[parts[2]]), new(threshold, isLow, ifExists, isRead == true));
    }
}
