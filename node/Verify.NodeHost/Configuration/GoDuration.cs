using System.Buffers;
using System.Globalization;

namespace Verify.NodeHost.Configuration;

/// <summary>Durations as Go programs write them in their environment: "1s", "500ms", "1m30s", "2h" (package time, ParseDuration).</summary>
internal static class GoDuration
{
    private static readonly (string Unit, double Milliseconds)[] Units =
        [("ns", 0.000_001), ("us", 0.001), ("µs", 0.001), ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan().Trim();
        if (rest is "0") return true;
        if (rest.IsEmpty) return false;
        var milliseconds = 0.0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
            rest = rest[digits..];
            var letters = rest.IndexOfAny(Digits);
            var unit = letters < 0 ? rest.ToString() : rest[..letters].ToString();
            var known = Array.FindIndex(Units, u => u.Unit == unit);
            if (known < 0) return false;
            milliseconds += number * Units[known].Milliseconds;
            rest = rest[unit.Length..];
        }

        if (milliseconds > TimeSpan.FromDays(36_500).TotalMilliseconds) return false;
        duration = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }
}
