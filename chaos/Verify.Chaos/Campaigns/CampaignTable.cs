using System.Globalization;
using System.Text;
using Verify.Chaos.Bench;
using Verify.Chaos.Running;

namespace Verify.Chaos.Campaigns;

/// <summary>The plays of a campaign as a page for people: a row per scenario and kind of server, and every play that was not valid.</summary>
internal static class CampaignTable
{
    public static string Of(IReadOnlyList<CampaignPlay> all, string command)
    {
        var valid = all.Count(p => p.ExitCode == 0);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Live campaign: {all.Count} plays, {(valid == all.Count ? "all valid" : $"{valid} valid, {all.Count - valid} NOT")}

            | | |
            | --- | --- |
            | command | `{command}` |
            | commits | {string.Join(", ", all.GroupBy(p => p.Commit, StringComparer.Ordinal).Select(g => $"{g.Key} ({g.Count()})"))} |
            | servers | {string.Join(", ", all.GroupBy(p => p.Servers, StringComparer.Ordinal).Select(g => $"{g.Key} ({g.Count()})"))} |
            | played | {all.Min(p => p.StartedAt):yyyy-MM-dd HH:mm} to {all.Max(p => p.StartedAt):yyyy-MM-dd HH:mm} UTC, load at the start of a play {all.Min(p => p.Load):0.0} to {all.Max(p => p.Load):0.0} |
            | machine | {string.Join("; ", Machine.Environment().Select(m => $"{m.Key} {m.Value}"))} |
            | seeds | real time, real servers: none |

            Times are of one client that writes all the time, in seconds: median (greatest).

            | scenario | servers | played | valid | violated | unknown | harness | fault to first write | cut to closed | acknowledged rows | lost | recoveries skipped | of which unexplained |
            | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        foreach (var group in all.GroupBy(p => (p.Scenario, p.Flavor)).OrderBy(g => g.Key.Scenario, StringComparer.Ordinal).ThenBy(g => g.Key.Flavor, StringComparer.Ordinal)) text.Append(Row([.. group]));
        var troubles = all.Where(p => p.Trouble.Length > 0).ToList();
        if (troubles.Count > 0) text.Append("\n## What was not valid\n\n");
        foreach (var play in troubles) text.Append(CultureInfo.InvariantCulture, $"- {play.Scenario}, {play.Flavor}, {play.StartedAt:MM-dd HH:mm:ss}, load {play.Load:0.0}, {play.Commit}: {play.Trouble}\n");
        return text.ToString();
    }

    private static string Row(IReadOnlyList<CampaignPlay> plays)
    {
        int Of(int code) => plays.Count(p => p.ExitCode == code);
        double Sum(string figure) => plays.Sum(p => p.Figures.GetValueOrDefault(figure));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {plays[0].Scenario} | {plays[0].Flavor} | {plays.Count} | {Of(0)} | {Of(1)} | {Of(2)} | {Of(3)} | {Times(plays, "rtoWithin.rtoMs")} | {Times(plays, "fencedWithin.fencingMs")} | {Sum("noLostWrites.acked"):0} | {Sum("noLostWrites.lost"):0} | {Sum("recoveriesExplained.skipped"):0} | {Sum("recoveriesExplained.unexplained"):0} |\n");
    }

    private static string Times(IEnumerable<CampaignPlay> plays, string figure)
    {
        var values = plays.Where(p => p.Figures.ContainsKey(figure)).Select(p => p.Figures[figure] / 1000).ToList();
        if (values.Count == 0) return "";
        var spread = Spread.Of(values);
        return string.Create(CultureInfo.InvariantCulture, $"{spread.Median:0.00} ({spread.Max:0.00})");
    }
}
