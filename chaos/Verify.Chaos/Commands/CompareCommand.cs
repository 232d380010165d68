using System.CommandLine;
using Verify.Chaos.Exploring;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos compare: strategies side by side, feedback-guided against random first of all.</summary>
internal static class CompareCommand
{
    private static readonly string Help = $"""
        Plays strategies over the Raft core side by side, each with the same seeds and the same number of schedules, and counts distinct
        patterns of the timeline, sometimes-marks (test build), and planted bugs found (test build, with --mutants).
        Strategies: {ExploreStrategies.Words}.
        Examples:
          verify-chaos compare --schedules 20000 --masters 5
          {HuntReport.Program} compare --mutants all --markdown feedback.md
          {HuntReport.Program} compare --strategies feedback,random,pos --mutants M07,M12 --schedules 8192
        Exit codes: 0 compared, 1 a promise was broken with no bug switched on, 3 the harness failed, or bugs were asked for and this is no test build.
        """;

    public static Command Create()
    {
        var strategies = new Option<string>("--strategies") { Description = "Two or more, as feedback,random.", DefaultValueFactory = _ => "feedback,random,portfolio" };
        var schedules = new Option<long>("--schedules") { Description = "So many for each strategy from each master seed, and at the most for each bug.", DefaultValueFactory = _ => 8192 };
        var masters = new Option<int>("--masters") { Description = "So many master seeds.", DefaultValueFactory = _ => 3 };
        var mutants = new Option<string>("--mutants") { Description = "Test build only: planted bugs of the Raft core to look for, as M07,M12, or all.", DefaultValueFactory = _ => "" };
        var jobs = new Option<int>("--jobs") { Description = "Strategies and master seeds side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var markdown = new Option<string?>("--markdown") { Description = "Write the tables to this file." };
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("compare", Help) { strategies, schedules, masters, mutants, jobs, markdown, json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            Action<string> tell = parse.GetValue(json) ? Console.Error.WriteLine : Console.WriteLine;
            var words = parse.GetValue(strategies)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            foreach (var word in words) ExploreStrategies.Parse(word);
            var record = new Comparison(new()
            {
                Strategies = words, Schedules = parse.GetValue(schedules), Masters = Math.Max(1, parse.GetValue(masters)), Jobs = Math.Max(1, parse.GetValue(jobs)),
                Bugs = BugsOf(parse.GetValue(mutants)!), Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."), Command = $"verify-chaos {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}",
            }, TimeProvider.System, tell).Run();
            tell(record.Tables());
            if (parse.GetValue(markdown) is { } file) File.WriteAllText(file, record.Markdown());
            if (parse.GetValue(json)) Console.WriteLine(record.ToJson());
            return Task.FromResult(record.IsClean ? 0 : 1);
        }));
        return command;
    }

    /// <summary>Only bugs whose hunts are of the Raft core can show in it.</summary>
    private static PlantedBug[] BugsOf(string ids)
    {
        if (ids.Length == 0) return [];
        var all = PlantedBugs.Named(ids == "all" ? "" : ids);
        var bugs = all.Where(IsOfRaft).ToArray();
        if (ids != "all" && bugs.Length < all.Count) throw new HarnessException($"no schedule of the Raft core alone can show {string.Join(", ", all.Where(b => !IsOfRaft(b)).Select(b => b.Id))}");
        return bugs;
    }

    private static bool IsOfRaft(PlantedBug bug) => bug.Hunts.All(hunt => hunt.Name.StartsWith("raft-", StringComparison.Ordinal));
}
