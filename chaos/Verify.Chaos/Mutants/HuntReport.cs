using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Verify.Chaos.Mutants;

/// <summary>What a hunt gave, as a table for people and as JSON for programs.</summary>
internal static class HuntReport
{
    /// <summary>How the test build is started.</summary>
    public const string Program = "dotnet run --project chaos/Verify.Chaos -c Release -p:Mutants=true --";

    private const int WhatLengthMax = 160;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public static string ToJson(HuntRecord record) => JsonSerializer.Serialize(record, Json);

    /// <summary>The table for a terminal.</summary>
    public static string Plain(HuntRecord record)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"\n{"bug",-15}{"cl",-4}{"strategy",-20}{"found",-8}{"schedules: med",15}{"p90",9}{"seconds: med",14}{"p90",8}{"cpu s",8}{"hits",10}  fired first (by)\n");
        foreach (var r in HuntRow.Of(record.Bugs))
        {
            text.Append(CultureInfo.InvariantCulture, $"{r.Bug,-15}{r.Class,-4}{r.Strategy,-20}{$"{r.Found}/{r.Masters}{(r.IsFoundAlways ? "" : " !")}",-8}{r.Schedules.Text(r.Schedules.Median, "0"),15}{r.Schedules.Text(r.Schedules.P90, "0"),9}");
            text.Append(CultureInfo.InvariantCulture, $"{r.Seconds.Text(r.Seconds.Median, "0.00"),14}{r.Seconds.Text(r.Seconds.P90, "0.0"),8}{r.CpuSeconds.Text(r.CpuSeconds.Median, "0.0"),8}{r.Hits,10}  {r.FiredFirst} ({r.Hunts}){(r.Shrunk is { } shrunk ? $"; shrunk to {shrunk}" : "")}\n");
        }

        return text.Append('\n').Append(Summary(record)).ToString();
    }

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
            | seeds | master seeds {Masters(record)}; each hunt plays its schedules from there upwards |
            | started | {record.StartedAt:yyyy-MM-dd HH:mm:ss} UTC; the last session took {record.WallSeconds:0} s |
            | machine | {string.Join("; ", record.Machine.Select(m => $"{m.Key} {m.Value}"))}; {record.Jobs} schedules side by side |
            | servers | model |

            Each bug exists in the test build alone and was switched on by itself. A bug counts as found when a schedule broke a promise within the
            budget (class A 60 s, B and C 600 s of wall time) and the same seed, played again, broke the same promise. "Reached" counts how often
            the bug's place was passed, "hit" how often it did there what the right code would not have done, over all masters. Percentiles are nearest rank;
            what was not found counts as longer than anything and is shown as ">" with the bound. "Shrunk" is what is left of
            the first master's schedule: faults (cuts, crashes, lost messages and the like), and all that is done; "-" where there is nothing to shrink.

            | bug | class | what is broken | strategy | found | schedules: median | p90 | seconds: median | p90 | CPU s: median | reached | hit | fired first | hunt | shrunk |
            | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |

            """);
        foreach (var r in HuntRow.Of(record.Bugs)) AppendRow(text, r);
        foreach (var waiting in PlantedBugs.Waiting) text.Append(CultureInfo.InvariantCulture, $"| {waiting.Id} | | {waiting.Broken} | | waiting: {waiting.Why} | | | | | | | | | | |\n");
        AppendMatrix(text, record);
        AppendMissed(text, record);
        text.Append("\n## What was seen first, and the command that shows it again\n\n");
        foreach (var b in record.Bugs.Where(b => b.Found).GroupBy(b => b.Bug, StringComparer.Ordinal).Select(g => g.First()))
            text.Append(CultureInfo.InvariantCulture, $"- {b.Bug}: {Shortened(b.What)}\n  `{b.RepeatCommand}`\n");
        AppendControls(text, record);
        return text.ToString();
    }

    public static string Summary(HuntRecord record)
    {
        var control = record.IsControlClean ? "the control without a bug is clean" : "THE CONTROL IS NOT CLEAN, so the table is void";
        var left = record.CellsLeft > 0 ? $"; {record.CellsLeft} hunts are still to be done" : "";
        var owing = record.Controls.Count(c => !c.IsComplete);
        var owes = owing > 0 ? $"; {owing} controls have not played ten times what their hunts needed" : "";
        var byClass = record.Bugs.GroupBy(b => b.Class).OrderBy(g => g.Key)
            .Select(g => $"class {g.Key}: {g.GroupBy(b => b.Bug, StringComparer.Ordinal).Count(of => of.GroupBy(b => b.MasterSeed).All(m => m.Any(b => b.Passes)))} of "
                + $"{g.Select(b => b.Bug).Distinct(StringComparer.Ordinal).Count()} bugs from every master seed");
        var shard = record.Shard.Length > 0 ? $" (part {record.Shard})" : "";
        return $"{record.Bugs.Count(b => b.Passes)} of {record.Bugs.Count} hunts{shard} found their bug within the budget; {string.Join(", ", byClass)}; {control}{left}{owes}.";
    }

    private static void AppendRow(StringBuilder text, HuntRow r)
    {
        text.Append(CultureInfo.InvariantCulture, $"| {r.Bug} | {r.Class} | {r.Broken} | {r.Strategy} | {r.Found}/{r.Masters} | {r.Schedules.Text(r.Schedules.Median, "0")} | {r.Schedules.Text(r.Schedules.P90, "0")} ");
        text.Append(CultureInfo.InvariantCulture, $"| {r.Seconds.Text(r.Seconds.Median, "0.00")} | {r.Seconds.Text(r.Seconds.P90, "0.00")} | {r.CpuSeconds.Text(r.CpuSeconds.Median, "0.0")} | {r.Reached} | {r.Hits} ");
        text.Append(CultureInfo.InvariantCulture, $"| {r.FiredFirst} | {r.Hunts} | {r.Shrunk?.ToString() ?? "-"} |\n");
    }

    /// <summary>Strategy by bug at a glance, when there is more than one strategy.</summary>
    private static void AppendMatrix(StringBuilder text, HuntRecord record)
    {
        var strategies = record.Bugs.Select(b => b.Strategy).Distinct(StringComparer.Ordinal).OrderBy(s => s != PlantedBugs.OwnStrategy).ThenBy(s => s, StringComparer.Ordinal).ToArray();
        if (strategies.Length < 2) return;
        var rows = HuntRow.Of(record.Bugs);
        text.Append("\n## Strategies\n\n| strategy | bugs found from every master seed | hunts that found | seconds of all hunts |\n| --- | ---: | ---: | ---: |\n");
        foreach (var strategy in strategies)
        {
            var (of, hunts) = (rows.Where(r => r.Strategy == strategy).ToArray(), record.Bugs.Where(b => b.Strategy == strategy).ToArray());
            text.Append(CultureInfo.InvariantCulture, $"| {strategy} | {of.Count(r => r.IsFoundAlways)} of {of.Length} | {hunts.Count(h => h.Passes)} of {hunts.Length} | {hunts.Sum(h => h.Seconds):0} |\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"\n## Strategy by bug: found; schedules, median and p90; seconds, median and p90\n\n| bug | {string.Join(" | ", strategies)} |\n| --- |{string.Concat(strategies.Select(_ => " --- |"))}\n");
        foreach (var bug in rows.GroupBy(r => r.Bug, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| {bug.Key} | {string.Join(" | ", strategies.Select(s => string.Join("<br>", bug.Where(r => r.Strategy == s).Select(Cell))))} |\n");
    }

    private static string Cell(HuntRow r) =>
        $"{r.Found}/{r.Masters}; {r.Schedules.Text(r.Schedules.Median, "0")}, {r.Schedules.Text(r.Schedules.P90, "0")}; {r.Seconds.Text(r.Seconds.Median, "0.00")}, {r.Seconds.Text(r.Seconds.P90, "0.00")}";

    private static void AppendMissed(StringBuilder text, HuntRecord record)
    {
        var missed = record.Bugs.Where(b => !b.Passes).ToArray();
        if (missed.Length == 0) return;
        text.Append("\n## Not found\n\n| bug | strategy | master seed | outcome | schedules | seconds | budget s | reached | hit |\n| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (var b in missed)
            text.Append(CultureInfo.InvariantCulture, $"| {b.Bug} | {b.Strategy} | {b.MasterSeed} | {b.Outcome} | {b.Schedules} | {b.Seconds:0.0} | {b.BudgetSeconds:0} | {b.Reached} | {b.Hits} |\n");
    }

    private static void AppendControls(StringBuilder text, HuntRecord record)
    {
        text.Append("\n## Control: the same hunts with no bug switched on\n\nEach owes a multiple (ten, unless the command says otherwise) of the schedules that the hunt needed in its longest find.\n\n");
        text.Append("| hunt | strategy | outcome | first seed | schedules | owed | seconds | |\n| --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        foreach (var c in record.Controls)
            text.Append(CultureInfo.InvariantCulture, $"| {c.Hunt} | {c.Strategy} | {(c.IsClean ? c.IsComplete ? "clean" : "clean so far" : "NOT CLEAN")} | {c.MasterSeed} | {c.Schedules} | {c.SchedulesOwed} | {c.Seconds:0.0} | {(c.IsClean ? "" : $"{c.Promise} {Shortened(c.What)}")} |\n");
        text.Append("\n## The hunts\n\n");
        foreach (var c in record.Controls.DistinctBy(c => c.Hunt, StringComparer.Ordinal)) text.Append(CultureInfo.InvariantCulture, $"- **{c.Hunt}**: {c.Story}\n");
    }

    private static string Masters(HuntRecord record)
    {
        var seeds = record.Bugs.Select(b => b.MasterSeed).Distinct().Order().ToArray();
        return seeds.Length == 0 ? "none" : seeds.Length == 1 ? seeds[0].ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{seeds[0]}, {seeds[1]}{(seeds.Length > 2 ? $", … {seeds[^1]}" : "")} ({seeds.Length})");
    }

    private static string Shortened(string what)
    {
        var line = what.ReplaceLineEndings(" ").Replace('|', '/');
        return line.Length <= WhatLengthMax ? line : line[..WhatLengthMax] + "…";
    }
}
