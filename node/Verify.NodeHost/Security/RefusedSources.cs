using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;

namespace Verify.NodeHost.Security;

/// <summary>Counts what the host refuses before the node sees it, and says so once per source and minute. Safe from any thread.</summary>
internal sealed class RefusedSources
{
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Counter<long> _count;
    private readonly Lock _gate = new();
    private readonly OncePerMinute _said = new(mattersMax: 1_024);
    private readonly long _start;

    public RefusedSources(ILogger log, TimeProvider time, IMeterFactory meters)
    {
        (_log, _time, _start) = (log, time, time.GetTimestamp());
        _count = meters.Create(new MeterOptions("Verify.NodeHost"))
            .CreateCounter<long>("verify_host_refused", description: "Connections and requests refused before the node saw them, by door (peer, http) and reason.");
    }

    /// <summary>All refusals so far, said or not.</summary>
    public long Count { get; private set; }

    /// <param name="door">peer or http.</param>
    /// <param name="kind">A short word for the counter: network, tls, unauthorized.</param>
    public void Note(string door, string kind, string source, string why)
    {
        _count.Add(1, new("door", door), new KeyValuePair<string, object?>("why", kind));
        lock (_gate)
        {
            Count++;
            if (!_said.MaySay($"{door} {kind} {source}", _time.GetElapsedTime(_start))) return;
        }

        SecurityLog.Refused(_log, door, source, why);
    }
}

internal static partial class SecurityLog
{
    [LoggerMessage(20, LogLevel.Warning, "Refused at the {Door} door: {Source}: {Why}")]
    public static partial void Refused(ILogger log, string door, string source, string why);

    [LoggerMessage(21, LogLevel.Information, "Certificate {File} is in use: {Names}, valid until {Until}")]
    public static partial void CertificateInUse(ILogger log, string file, string names, string until);

    [LoggerMessage(22, LogLevel.Error, "The changed certificate files cannot be used, the old ones stay in use: {Why}")]
    public static partial void CertificateKept(ILogger log, string why);

    [LoggerMessage(23, LogLevel.Warning, "Certificate {File} ends on {Until}: give this node a new one; it is taken without a restart")]
    public static partial void CertificateEnds(ILogger log, string file, string until);
}
