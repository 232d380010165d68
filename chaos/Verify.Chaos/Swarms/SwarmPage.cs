using System.Globalization;
using System.Text;

namespace Verify.Chaos.Swarms;

/// <summary>The record of a sweep as a page for people.</summary>
internal static class SwarmPage
{
    public static string Of(SwarmRecord record, string story)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Swarm "{record.Swarm}": {record.Schedules} schedules, {(record.Failures.Count == 0 ? "all clean" : $"{record.Failures.Count} NOT CLEAN")}

            | | |
            | --- | --- |
            | command | `{record.Command}` |
            | commit | {record.Commit} |
            | started | {record.StartedAt:yyyy-MM-dd HH:mm:ss} UTC |
            | seeds | {record.Seeds} |
            | machine | {string.Join("; ", record.Machine.Select(m => $"{m.Key} {m.Value}"))}; {record.Jobs} schedules side by side |
            | took | {record.Seconds:0.0} s, {record.Schedules / record.Seconds:0.#} schedules/s |
            | hash over all schedules | {record.Hash} |

            What is done: {story}.

            | what happened | how often |
            | --- | ---: |

            """);
        foreach (var (name, count) in record.Counts) text.Append(CultureInfo.InvariantCulture, $"| {name} | {count} |\n");
        if (record.Failures.Count > 0) text.Append("\n| seed | promise | what was seen | drawn |\n| ---: | --- | --- | --- |\n");
        foreach (var failure in record.Failures)
            text.Append(CultureInfo.InvariantCulture, $"| {failure.Seed} | {failure.Promise} | {failure.What.Split('\n')[0]} | {failure.Drawn} |\n");
        return text.ToString();
    }
}
