using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Verify.Fuzz;

/// <summary>The results of a run as a table.</summary>
public sealed class FuzzReport
{
    private readonly List<FuzzResult> _results = [];

    public bool IsClean => _results.TrueForAll(r => r.Failure is null);
    public void Add(FuzzResult result) => _results.Add(result);

    public static string Line(FuzzResult result) => string.Create(CultureInfo.InvariantCulture,
        $"{result.Decoder,-16} {result.Inputs,12:N0} inputs, {result.Accepted,11:N0} accepted, {result.Inputs / Math.Max(0.001, result.Seconds),10:N0}/s, most memory {result.AllocatedBytesWorst:N0} B, longest {result.MillisecondsWorst:0.0} ms: {(result.Failure is null ? "clean" : "FAILED")}");

    public string Markdown(string command, FuzzOptions options)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Fuzzing of all decoders, {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC\n\n");
        text.Append($"- command: `{command}`\n- machine: {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}\n");
        text.Append(CultureInfo.InvariantCulture, $"- seed {options.Seed}; an input is a function of seed and number\n\n");
        text.Append("| decoder | inputs | accepted | refused | per s | most managed memory for one input | longest (a busy machine counts) | result |\n|---|---:|---:|---:|---:|---:|---:|---|\n");
        foreach (var r in _results)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {r.Decoder} | {r.Inputs:N0} | {r.Accepted:N0} | {r.Refused:N0} | {r.Inputs / Math.Max(0.001, r.Seconds):N0} | {r.AllocatedBytesWorst:N0} B | {r.MillisecondsWorst:0.0} ms | {(r.Failure is { } f ? $"FAILED at input {f.Number}: {f.What}" : "clean")} |\n");
        }

        return text.ToString();
    }
}
