using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Verify.Chaos.Mutants;

/// <summary>What a hunt gave, as a table for people and as JSON for programs.</summary>
internal static class HuntReport
{
    /// <summary>How the test build is started.</summary>
    public const string Program = "dotnet run --project chaos/Verify.Chaos -c Release -p:Mutants=true --";

    private const int WhatLengthMax = 160;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static string ToJson(HuntRecord record) => JsonSerializer.Serialize(record, Json);

    public static string Markdown(HuntRecord record)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Planted bugs: how long the harness takes to find them

            {Summary(record)}

            | | |
            | --- | --- |
            | command | `{record.Command}` |
            | commit | {record.Commit} |
            | started | {record.StartedAt:yyyy-MM-dd HH:mm:ss} UTC |
            | machine | {string.Join("; ", record.Machine.Select(m => $"{m.Key} {m.Value}"))}; {record.Jobs} schedules side by side |

            Each bug exists in the test build alone and was switched on by itself. "Reached" counts how often the bug's place was
            passed, "hit" how often it did there what the right code would not have done, up to the first bad schedule (schedules
            that ran beside it included). Every seed was played a second time and had to break the same promise.

            | bug | what is broken | outcome | hunt | fired first | seed | schedules | seconds | budget s | reached | hit |
            | --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        foreach (var b in record.Bugs)
            text.Append(CultureInfo.InvariantCulture, $"| {b.Bug} | {b.Broken} | {b.Outcome} | {b.Hunt} | {b.Promise} | {b.Seed} | {b.Schedules} | {b.Seconds:0.00} | {b.BudgetSeconds:0} | {b.Reached} | {b.Hits} |\n");
        AppendRounds(text, record);
        text.Append("\n## What was seen first, and the command that shows it again\n\n");
        foreach (var b in record.Bugs.Where(b => b.Found))
            text.Append(CultureInfo.InvariantCulture, $"- {b.Bug}: {Shortened(b.What)}\n  `{b.RepeatCommand}`\n");
        text.Append("\n## Control: the same hunts with no bug switched on\n\n| hunt | outcome | first seed | schedules | seconds | |\n| --- | --- | ---: | ---: | ---: | --- |\n");
        foreach (var c in record.Controls)
            text.Append(CultureInfo.InvariantCulture, $"| {c.Hunt} | {(c.IsClean ? "clean" : "NOT CLEAN")} | {c.MasterSeed} | {c.Schedules} | {c.Seconds:0.0} | {(c.IsClean ? "" : $"{c.Promise} {Shortened(c.What)}")} |\n");
        text.Append("\n## The hunts\n\n");
        foreach (var c in record.Controls) text.Append(CultureInfo.InvariantCulture, $"- **{c.Hunt}**: {c.Story}\n");
        return text.ToString();
    }

    public static string Summary(HuntRecord record)
    {
        var control = record.IsControlClean ? "the control without a bug is clean" : "THE CONTROL IS NOT CLEAN, so the table is void";
        return $"{record.Bugs.Count(b => b.Passes)} of {record.Bugs.Count} hunts found their bug within the budget; {control}.";
    }

    private static void AppendRounds(StringBuilder text, HuntRecord record)
    {
        var rounds = record.Bugs.GroupBy(b => b.Bug, StringComparer.Ordinal).ToArray();
        if (rounds.All(r => r.Count() == 1)) return;
        text.Append("\n## Over all master seeds\n\n| bug | found | seconds: median | most | schedules: median | most |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (var round in rounds)
        {
            var seconds = round.Select(b => b.Seconds).Order().ToArray();
            var schedules = round.Select(b => b.Schedules).Order().ToArray();
            text.Append(CultureInfo.InvariantCulture,
                $"| {round.Key} | {round.Count(b => b.Passes)}/{seconds.Length} | {seconds[seconds.Length / 2]:0.0} | {seconds[^1]:0.0} | {schedules[schedules.Length / 2]} | {schedules[^1]} |\n");
        }
    }

    private static string Shortened(string what)
    {
        var line = what.ReplaceLineEndings(" ").Replace('|', '/');
        return line.Length <= WhatLengthMax ? line : line[..WhatLengthMax] + "…";
    }
}
