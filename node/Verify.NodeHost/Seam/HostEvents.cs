using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using Verify.Node.Telemetry;

namespace Verify.NodeHost.Seam;

/// <summary>Writes what the node says of itself, one JSON object a line: t = the machine's monotonic clock in nanoseconds
/// (CLOCK_MONOTONIC, the same for all processes of a machine, untouched by a skewed node clock), kind, and the fields.</summary>
public sealed class HostEvents : INodeEvents, IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Lock _gate = new();
    private readonly StreamWriter? _writer;

    /// <param name="path">Null writes nothing.</param>
    public HostEvents(string? path) =>
        _writer = path is null ? null : new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };

    public void Emit(NodeEvent happened)
    {
        if (_writer is null) return;
        var nanoseconds = (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
        var fields = JsonSerializer.Serialize(happened, happened.GetType(), Json);
        var name = happened.GetType().Name;
        var line = $"{{\"t\":{nanoseconds},\"kind\":\"{char.ToLowerInvariant(name[0])}{name[1..]}\",{fields[1..]}";
        lock (_gate) _writer.WriteLine(line);
    }

    public void Dispose() => _writer?.Dispose();
}
