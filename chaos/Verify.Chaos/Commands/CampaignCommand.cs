using System.CommandLine;
using Verify.Chaos.Campaigns;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.MySql;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos campaign: every scenario of a folder so many times on real servers of each flavour, and one table.</summary>
internal static class CampaignCommand
{
    private static readonly Argument<string> Folder = new("folder") { Description = "A folder with scenarios (*.yaml), played in the order of their names." };
    private static readonly Option<int> Times = new("--times") { Description = "How often each is played on each flavour.", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Flavors = new("--flavors") { Description = "mysql, mariadb, or both with a comma.", DefaultValueFactory = _ => "mysql,mariadb" };
    private static readonly Option<string> Only = new("--only") { Description = "Only the scenarios of these names, with commas.", DefaultValueFactory = _ => "" };
    private static readonly Option<string> Part = new("--shard") { Description = "I/N: only this part of the scenarios, for lanes side by side.", DefaultValueFactory = _ => "1/1" };
    private static readonly Option<int?> For = new("--for") { Description = "Begin no play after so many seconds." };
    private static readonly Option<string?> Resume = new("--resume") { Description = "A file that keeps every play, line by line; what is in it already counts and is not played again." };
    private static readonly Option<string> Merge = new("--merge") { Description = "Play nothing: make the table of these files, which --resume wrote.", DefaultValueFactory = _ => "" };
    private static readonly Option<bool> NoInstall = new("--no-install") { Description = "Fetch nothing: use the servers that this machine has." };
    private static readonly Option<string?> Table = new("--table") { Description = "The file into which the table is written, after every play." };
    private static readonly Option<string> Out = new("--out") { Description = "Where runs are kept.", DefaultValueFactory = _ => "artifacts" };

    public static Command Create()
    {
        var command = new Command("campaign", """
            Plays every scenario of a folder on real servers, so many times on each flavour, and writes a table of verdicts and times.
            Examples:
              verify-chaos campaign scenarios/failover --times 10 --table reports/results/failover.md
              verify-chaos campaign scenarios/failover --flavors mariadb --only guardian-killed,guardian-paused --no-install
              verify-chaos campaign scenarios/failover --times 10 --resume plays.ndjson --for 3600        the same line goes on later
              verify-chaos campaign scenarios/failover --merge one.ndjson,two.ndjson --table failover.md
            Exit codes: 0 all valid, 1 a property was violated, 2 unknown, or the time was over before all was played, 3 the harness or the
            machine failed.
            """) { Folder, Times, Flavors, Only, Part, For, Resume, Merge, NoInstall, Table, Out };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => PlayAsync(parse, cancel)));
        return command;
    }

    private static async Task<int> PlayAsync(ParseResult parse, CancellationToken cancel)
    {
        var plan = PlanOf(parse);
        var merge = Split(parse.GetValue(Merge)!);
        var ledger = merge.Length > 0 ? CampaignLedger.Merged(merge) : new CampaignLedger(parse.GetValue(Resume));
        var isWhole = merge.Length > 0 || await new Campaign(plan, ledger).PlayAsync(cancel);
        if (ledger.Plays.Count == 0) throw new HarnessException("nothing was played");
        var table = CampaignTable.Of(ledger.Plays, plan.Command);
        if (plan.Table is { } file) await File.WriteAllTextAsync(file, table, cancel);
        Console.WriteLine(table);
        return Worst(ledger.Plays) is var worst && worst == 0 && !isWhole ? RunOutcome.ExitCode(Checks.Verdict.Unknown) : worst;
    }

    /// <summary>A violated property weighs more than a failing machine, that more than a doubt.</summary>
    private static int Worst(IReadOnlyList<CampaignPlay> plays) =>
        plays.Any(p => p.ExitCode == 1) ? 1 : plays.Any(p => p.ExitCode == 3) ? 3 : plays.Max(p => p.ExitCode);

    private static CampaignPlan PlanOf(ParseResult parse)
    {
        var (folder, only) = (parse.GetValue(Folder)!, Split(parse.GetValue(Only)!));
        if (!Directory.Exists(folder)) throw new HarnessException($"there is no folder {folder}");
        var files = Directory.GetFiles(folder, "*.yaml").Order(StringComparer.Ordinal).Where(f => only.Length == 0 || only.Contains(Path.GetFileNameWithoutExtension(f), StringComparer.Ordinal)).ToArray();
        if (only.FirstOrDefault(name => !files.Any(f => Path.GetFileNameWithoutExtension(f) == name)) is { } missing) throw new HarnessException($"{folder} holds no scenario {missing}");
        if (files.Length == 0) throw new HarnessException($"{folder} holds no scenario");
        var (times, flavors) = (Math.Max(1, parse.GetValue(Times)), Split(parse.GetValue(Flavors)!));
        return new(
            files, times, [.. flavors.Select(FlavorOf)], Shard.Parse(parse.GetValue(Part)!), parse.GetValue(For) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            !parse.GetValue(NoInstall), parse.GetValue(Table), parse.GetValue(Out)!,
            $"verify-chaos campaign {folder} --times {times} --flavors {string.Join(',', flavors)}{(only.Length > 0 ? $" --only {string.Join(',', only)}" : "")}");
    }

    private static Flavor FlavorOf(string word) => word switch
    {
        "mysql" => Flavor.MySql,
        "mariadb" => Flavor.MariaDb,
        _ => throw new HarnessException($"'{word}' is no flavour: mysql or mariadb"),
    };

    private static string[] Split(string words) => words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
