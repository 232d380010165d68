using System.Globalization;
using System.Text;
using Verify.Chaos.Swarms;

namespace Verify.Chaos.Nightly;

/// <summary>The record of a night as a page for people.</summary>
internal static class NightlyPage
{
    public static string Of(NightlyRecord record)
    {
        var objections = NightlyJudge.Objections(record);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # A night of swarms: {record.Schedules} schedules, {(record.EndedBy == NightlyRecord.Runs ? "still running" : objections.Count == 0 ? "green" : $"RED, exit code {NightlyJudge.ExitCode(objections)}")}

            | | |
            | --- | --- |
            | command | `{record.Command}` |
            | commit | {record.Commit} |
            | started | {record.StartedAt:yyyy-MM-dd HH:mm:ss} UTC |
            | seeds | {record.Seeds}, shard {record.Shard}; ended by {record.EndedBy} |
            | machine | {string.Join("; ", record.Machine.Select(m => $"{m.Key} {m.Value}"))}; {record.Jobs} schedules side by side |
            | took | {record.Seconds:0.0} s |

            The account of one seed in {Canary.Every} was falsified before it was judged (a read that nobody wrote, a second leader, a second holder of a lock, a service that was gone): each of these canaries has to be reported.

            | part | seeds | schedules | per second | canaries heard | failed |
            | --- | --- | ---: | ---: | ---: | ---: |

            """);
        foreach (var p in record.Parts)
            text.Append(CultureInfo.InvariantCulture, $"| {p.Name} | {p.Seeds} | {p.Schedules} | {p.Schedules / Math.Max(0.001, p.Seconds):0.#} | {p.CanariesHeard} of {p.CanariesDue} | {p.Failures.Count} |\n");
        if (objections.Count > 0) text.Append(record.EndedBy == NightlyRecord.Runs ? "\n## Red, as it stands\n\n" : "\n## Red\n\n");
        foreach (var o in objections) text.Append(CultureInfo.InvariantCulture, $"- {o.What.ReplaceLineEndings(" ")}\n");
        if (record.MarksDue.Count == 0) return text.Append("\nSometimes-marks were not asked for.\n").ToString();
        var marks = record.Marks;
        text.Append("\n| sometimes-mark | rare | reached |\n| --- | --- | ---: |\n");
        foreach (var (name, isRare) in record.MarksDue.Select(m => (m, false)).Concat(record.MarksRare.Select(m => (m, true))).OrderBy(m => m.Item1, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {(isRare ? "rare" : "")} | {marks.GetValueOrDefault(name)} |\n");
        return text.ToString();
    }
}
