using System.Globalization;
using System.Text.RegularExpressions;

namespace Verify.Scenarios;

/// <summary>Durations as they stand in a scenario: a number and one unit, "250ms", "20s", "1.5m", "1h".</summary>
public static partial class DurationText
{
    public const string Form = "a number with ms, s, m or h, as in 250ms, 20s, 3m, 1h";

    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>Only offsets may be negative.</summary>
    public static bool TryParse(string text, out TimeSpan duration, bool mayBeNegative = false)
    {
        duration = default;
        var match = Pattern().Match(text);
        if (!match.Success || (match.Groups["sign"].Length > 0 && !mayBeNegative)
            || !decimal.TryParse(match.Groups["number"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var ticks = number * Array.Find(Units, u => string.Equals(u.Unit, match.Groups["unit"].Value, StringComparison.Ordinal)).Ticks;
        if (ticks > TimeSpan.FromDays(365).Ticks)
        {
            return false;
        }

        duration = TimeSpan.FromTicks(match.Groups["sign"].Length > 0 ? -(long)ticks : (long)ticks);
        return true;
    }

    /// <summary>With the largest unit that needs no fraction; what is finer than a millisecond is a fraction of one.</summary>
    public static string Of(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        var sign = duration < TimeSpan.Zero ? "-" : "";
        var ticks = Math.Abs(duration.Ticks);
        foreach (var (unit, size) in Units)
        {
            if (ticks % size == 0)
            {
                return $"{sign}{ticks / size}{unit}";
            }
        }

        return sign + ((decimal)ticks / TimeSpan.TicksPerMillisecond).ToString(CultureInfo.InvariantCulture) + "ms";
    }

    [GeneratedRegex(
        @"^(?<sign>-?)(?<number>[0-9]{1,12}(\.[0-9]{1,6})?)(?<unit>ms|s|m|h)\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Pattern();
}
