using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;

namespace Verify.Node.Peers;

/// <summary>Says of each source once a minute that its connections are refused, and why. Lives on the loop.</summary>
internal sealed class Refusals(ILogger log, Func<TimeSpan> now)
{
    private const int SourcesMax = 256;
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);
    private readonly SortedDictionary<string, TimeSpan> _said = new(StringComparer.Ordinal);

    /// <summary>All refusals so far, said or not.</summary>
    public long Count { get; private set; }

    public void Note(string source, string why)
    {
        Count++;
        var time = now();
        if (_said.TryGetValue(source, out var last) && time - last < Quiet) return;
        if (_said.Count >= SourcesMax) _said.Clear();
        _said[source] = time;
        NodeLog.PeerRefused(log, source, why);
    }
}
