using System.Globalization;
using System.Text;
using Verify.Node.State.Throttle;

namespace Verify.Node.Throttle.Backend;

/// <summary>What is throttled and skipped as the text in the backend: a line each, fields between tabs, which names cannot hold. Readable in any
/// MySQL client.</summary>
internal static class BackendContent
{
    private const string App = "app", Host = "host", Never = "never";

    public static string Write(ThrottleState state)
    {
        var text = new StringBuilder();
        foreach (var app in state.Apps)
            text.Append(CultureInfo.InvariantCulture, $"{App}\t{app.App}\t{app.Store}\t{app.ExpiresAtMs?.ToString(CultureInfo.InvariantCulture) ?? Never}\t{app.RatioPerMillion}\n");
        foreach (var host in state.Hosts) text.Append(CultureInfo.InvariantCulture, $"{Host}\t{host.Host}\t{host.ExpiresAtMs}\n");
        return text.ToString();
    }

    /// <exception cref="FormatException">It is not such a text.</exception>
    public static ThrottleState Read(string text)
    {
        var apps = new List<ThrottledApp>();
        var hosts = new List<SkippedHost>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (line.Split('\t'))
            {
                case [App, var app, var store, var end, var ratio]:
                    apps.Add(new(app, store, end == Never ? null : Number(end), (int)Number(ratio)));
                    break;
                case [Host, var host, var end]:
                    hosts.Add(new(host, Number(end)));
                    break;
                default:
                    throw new FormatException($"the backend's content has a line that nobody wrote: {line}");
            }
        }

        return ThrottleState.Of(apps, hosts);
    }

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"the backend's content has '{text}' where a number belongs");
}
