using System.Globalization;

namespace Verify.Reports.Model;

/// <summary>Figures of findings as text: one form for each unit, so that two numbers can be compared at a glance.</summary>
public static class FigureText
{
    public static string Count(double value) => value.ToString("#,0.#", CultureInfo.InvariantCulture);

    public static string Us(double us) => Ms(us / 1000);

    public static string Ms(double ms) => ms switch
    {
        >= 10_000 => $"{(ms / 1000).ToString("#,0.0", CultureInfo.InvariantCulture)} s",
        >= 1000 => $"{ms.ToString("#,0", CultureInfo.InvariantCulture)} ms",
        >= 0.1 or 0 => $"{ms.ToString("0.#", CultureInfo.InvariantCulture)} ms",
        _ => $"{ms.ToString("0.###", CultureInfo.InvariantCulture)} ms", // Not rounded to nothing: 4 µs of overlap are an overlap.
    };

    /// <summary>Seconds of the run, to the millisecond.</summary>
    public static string Seconds(double seconds) => seconds.ToString("0.000", CultureInfo.InvariantCulture);
}
