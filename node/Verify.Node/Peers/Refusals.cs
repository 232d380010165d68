using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;

namespace Verify.Node.Peers;

/// <summary>Says of each source once a minute that its connections are refused, and why. Lives on the loop.</summary>
internal sealed class Refusals(ILogger log, Func<TimeSpan> now)
{
    private readonly OncePerMinute _said = new(mattersMax: 256);

    /// <summary>All refusals so far, said or not.</summary>
    public long Count { get; private set; }

    public void Note(string source, string why)
    {
        Count++;
        if (_said.MaySay(source, now())) NodeLog.PeerRefused(log, source, why);
    }
}
