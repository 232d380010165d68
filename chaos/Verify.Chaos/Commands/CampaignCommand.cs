using System.CommandLine;
using System.Globalization;
using System.Text;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.MySql;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos campaign: every scenario of a folder so many times on real servers of each flavour, and one table.</summary>
internal static class CampaignCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "A folder with scenarios (*.yaml), played in the order of their names." };
        var times = new Option<int>("--times") { Description = "How often each is played on each flavour.", DefaultValueFactory = _ => 1 };
        var flavors = new Option<string>("--flavors") { Description = "mysql, mariadb, or both with a comma.", DefaultValueFactory = _ => "mysql,mariadb" };
        var only = new Option<string[]>("--only") { Description = "Only the scenarios of these names.", AllowMultipleArgumentsPerToken = true };
        var noInstall = new Option<bool>("--no-install") { Description = "Fetch nothing: use the servers that this machine has." };
        var table = new Option<string?>("--table") { Description = "The file into which the table is written, after every run." };
        var outDirectory = new Option<string>("--out") { Description = "Where runs are kept.", DefaultValueFactory = _ => "artifacts" };
        var command = new Command("campaign", """
            Plays every scenario of a folder on real servers, so many times on each flavour, and writes a table of verdicts and times.
            Examples:
              verify-chaos campaign scenarios/failover --times 10 --table reports/results/failover.md
              verify-chaos campaign scenarios/failover --flavors mariadb --only guardian-killed --no-install
            Exit codes: 0 all valid, 1 a property was violated, 2 unknown, 3 the harness or the machine failed.
            """)
        { folder, times, flavors, only, noInstall, table, outDirectory };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => PlayAsync(
            new(parse.GetValue(folder)!, Math.Max(1, parse.GetValue(times)), parse.GetValue(flavors)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                parse.GetValue(only) ?? [], !parse.GetValue(noInstall), parse.GetValue(table), parse.GetValue(outDirectory)!), cancel)));
        return command;
    }

    private sealed record Plan(string Folder, int Times, string[] Flavors, string[] Only, bool MayInstall, string? Table, string Out);

    private sealed record Played(string Scenario, string Flavor, int ExitCode, double Load, IReadOnlyDictionary<string, double> Figures, string Trouble);

    private static async Task<int> PlayAsync(Plan plan, CancellationToken cancel)
    {
        var files = Directory.GetFiles(plan.Folder, "*.yaml").Order(StringComparer.Ordinal)
            .Where(f => plan.Only.Length == 0 || plan.Only.Contains(Path.GetFileNameWithoutExtension(f), StringComparer.Ordinal)).ToArray();
        if (files.Length == 0) throw new HarnessException($"{plan.Folder} holds no scenario of that name");
        var all = new List<Played>();
        for (var round = 1; round <= plan.Times; round++)
        {
            foreach (var flavor in plan.Flavors)
            {
                foreach (var file in files)
                {
                    cancel.ThrowIfCancellationRequested();
                    all.Add(await PlayAsync(file, flavor, plan, cancel));
                    if (plan.Table is { } table) await File.WriteAllTextAsync(table, Table(all, plan), cancel);
                }
            }
        }

        Console.WriteLine(Table(all, plan));
        return all.Max(p => p.ExitCode);
    }

    private static async Task<Played> PlayAsync(string file, string flavor, Plan plan, CancellationToken cancel)
    {
        var (scenario, text) = ScenarioFiles.Read(file);
        var suite = new Suite(new()
        {
            Scenario = scenario, ScenarioText = text, ScenarioArgument = file, Simulated = false, Live = true, Seeds = [1], Jobs = 1, FencingOff = false, Twice = false,
            OutDirectory = plan.Out, Json = false,
            LiveOptions = new LiveOptions { Flavor = flavor == "mariadb" ? Flavor.MariaDb : Flavor.MySql, MayInstall = plan.MayInstall },
        });
        var load = File.Exists("/proc/loadavg") ? double.Parse((await File.ReadAllTextAsync("/proc/loadavg", cancel)).Split(' ')[0], CultureInfo.InvariantCulture) : double.NaN;
        var code = await suite.RunAsync(cancel);
        var findings = suite.Played?.Runs.SelectMany(r => r.Findings).ToList() ?? [];
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var finding in findings)
            foreach (var (name, value) in finding.Figures) figures[$"{finding.Check}.{name}"] = value;
        var trouble = string.Join("; ", findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Check}: {f.Observed}"));
        return new(scenario.Name, flavor, code, load, figures, trouble);
    }

    private static string Table(List<Played> all, Plan plan)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Live campaign: {plan.Folder}\n\n{Environment.ProcessorCount} cores; load at the start of a run {all.Min(p => p.Load):0.00} to {all.Max(p => p.Load):0.00}. ");
        text.Append("Times are of one client that writes all the time, in seconds: median (greatest).\n\n");
        text.Append("| scenario | servers | played | valid | violated | unknown | harness | fault to first write | cut to closed | acknowledged rows | lost |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var group in all.GroupBy(p => (p.Scenario, p.Flavor)).OrderBy(g => g.Key.Scenario, StringComparer.Ordinal).ThenBy(g => g.Key.Flavor, StringComparer.Ordinal))
        {
            int Of(int code) => group.Count(p => p.ExitCode == code);
            double Sum(string figure) => group.Sum(p => p.Figures.GetValueOrDefault(figure));
            text.Append(CultureInfo.InvariantCulture,
                $"| {group.Key.Scenario} | {group.Key.Flavor} | {group.Count()} | {Of(0)} | {Of(1)} | {Of(2)} | {Of(3)} | {Times(group, "rtoWithin.rtoMs")} | {Times(group, "fencedWithin.fencingMs")} | {Sum("noLostWrites.acked"):0} | {Sum("noLostWrites.lost"):0} |\n");
        }

        var troubles = all.Where(p => p.Trouble.Length > 0).ToList();
        if (troubles.Count > 0) text.Append("\n## What was not valid\n\n");
        foreach (var trouble in troubles) text.Append(CultureInfo.InvariantCulture, $"- {trouble.Scenario}, {trouble.Flavor}, load {trouble.Load:0.00}: {trouble.Trouble}\n");
        return text.ToString();
    }

    private static string Times(IEnumerable<Played> played, string figure)
    {
        var values = played.Where(p => p.Figures.ContainsKey(figure)).Select(p => p.Figures[figure] / 1000).Order().ToList();
        return values.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{values[values.Count / 2]:0.00} ({values[^1]:0.00})");
    }
}
