using System.CommandLine;
using Verify.Chaos.Mutants;
#if VERIFY_MUTANTS
using Verify.Chaos.Running;
#endif

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos mutants: how well the harness finds bugs, measured with bugs that were planted.</summary>
internal static class MutantsCommand
{
    private const string Help = $"""
        Switches planted bugs on, one at a time, and measures how many schedules and seconds each strategy takes to find each, from many
        master seeds. Without a bug the same hunts must find nothing, over ten times the schedules they needed. Works in the test build
        only, which production never contains.
        Examples:
          {HuntReport.Program} mutants
          {HuntReport.Program} mutants --only M07,M12 --masters 5 --markdown mutants.md
          {HuntReport.Program} mutants --masters 30 --strategies own,pos,prioritization:3 --resume all.ndjson --for 1500
          {HuntReport.Program} mutants --masters 30 --shard 2/4 --resume two.ndjson      a machine's part
          {HuntReport.Program} mutants --merge one.ndjson,two.ndjson --markdown mutants.md
        Exit codes: 0 every bug of class A and B was found within its budget (A 60 s, B 600 s) from every master seed, 1 not every one,
        2 the time was over before all was done (the same line with --resume goes on), 3 the control was not clean, or this is no test build.
        """;

    private static readonly Option<string> Only = new("--only") { Description = "Ids, as M07,M12; all when left out.", DefaultValueFactory = _ => "" };
    private static readonly Option<string> Strategies = new("--strategies", "--strategy") { Description = $"One or more, as own,pos,prioritization:3. own: each hunt in its own way. Else: {Sim.Scheduling.Strategies.Words}.", DefaultValueFactory = _ => PlantedBugs.OwnStrategy };
    private static readonly Option<int?> Seconds = new("--seconds") { Description = "Look for no bug longer than this." };
    private static readonly Option<int> Control = new("--control") { Description = "Seconds of each hunt without a bug, before anything else.", DefaultValueFactory = _ => 10 };
    private static readonly Option<int> ControlTimes = new("--control-times") { Description = "Then each hunt without a bug, until it has played so many times the schedules it needed for any bug. 0: not.", DefaultValueFactory = _ => 10 };
    private static readonly Option<int> Jobs = new("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private static readonly Option<int> Shrink = new("--shrink") { Description = "Seconds, at most, for shrinking what was found from the first master seed. 0: not.", DefaultValueFactory = _ => 5 };
    private static readonly Option<ulong> From = new("--from") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> Each = new("--each-hunt") { Description = "Every hunt of a bug by itself, each with the whole budget: a row per bug and hunt." };
    private static readonly Option<int> Masters = new("--masters", "--rounds") { Description = "So many master seeds for each bug (30 in the long form).", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Shard = new("--shard") { Description = "I/N: only this part of the work.", DefaultValueFactory = _ => "1/1" };
    private static readonly Option<int?> For = new("--for") { Description = "Begin nothing new after so many seconds." };
    private static readonly Option<string?> Resume = new("--resume") { Description = "A file that keeps what was hunted, line by line; what is in it already is not hunted again." };
    private static readonly Option<string> Merge = new("--merge") { Description = "Hunt nothing: make the table of these files, which --resume wrote.", DefaultValueFactory = _ => "" };
    private static readonly Option<string?> Repeat = new("--repeat") { Description = "HUNT:SEED: play this one schedule with the bug of --only, and nothing else." };
    private static readonly Option<string?> Markdown = new("--markdown") { Description = "Write the table to this file." };
    private static readonly Option<string?> Json = new("--json") { Description = "Write the record as JSON to this file; without a name to standard output, and everything for people to standard error.", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create()
    {
        var command = new Command("mutants", Help) { Only, Strategies, Masters, Seconds, Control, ControlTimes, For, Jobs, Shrink, From, Each, Shard, Resume, Merge, Repeat, Markdown, Json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(Hunt(parse))));
        return command;
    }

#if VERIFY_MUTANTS
    private static int Hunt(ParseResult parse)
    {
        var printsJson = parse.GetResult(Json) is not null && parse.GetValue(Json) is null;
        Action<string> tell = printsJson ? Console.Error.WriteLine : Console.WriteLine;
        var wish = WishOf(parse);
        if (parse.GetValue(Repeat) is { } schedule)
        {
            var bugs = PlantedBugs.Named(wish.Only, wish.Strategies[0]);
            if (bugs.Count != 1) throw new HarnessException("--repeat needs --only with one planted bug");
            return new BugHunt(1, TimeProvider.System, tell).Repeat(bugs[0], schedule) ? 1 : 0;
        }

        var record = new HuntSession(wish, TimeProvider.System, tell).Run();
        tell(HuntReport.Plain(record));
        if (parse.GetValue(Markdown) is { } markdown) File.WriteAllText(markdown, HuntReport.Markdown(record));
        if (parse.GetValue(Json) is { } json) File.WriteAllText(json, HuntReport.ToJson(record));
        else if (printsJson) Console.WriteLine(HuntReport.ToJson(record));
        return !record.IsControlClean ? ProgramErrors.HarnessFailed : !record.IsComplete ? 2 : record.Passes ? 0 : 1;
    }

    private static HuntWish WishOf(ParseResult parse) => new()
    {
        Only = parse.GetValue(Only)!, Strategies = Split(parse.GetValue(Strategies)!), BudgetMax = Time(parse.GetValue(Seconds)),
        ControlTime = TimeSpan.FromSeconds(parse.GetValue(Control)), ControlTimes = Math.Max(0, parse.GetValue(ControlTimes)), Jobs = Math.Max(1, parse.GetValue(Jobs)),
        ShrinkTime = TimeSpan.FromSeconds(Math.Max(0, parse.GetValue(Shrink))),
        From = parse.GetValue(From), Masters = Math.Max(1, parse.GetValue(Masters)), EachHunt = parse.GetValue(Each), Shard = Mutants.Shard.Parse(parse.GetValue(Shard)!),
        For = Time(parse.GetValue(For)), LedgerFile = parse.GetValue(Resume), Merge = Split(parse.GetValue(Merge)!),
    };

    private static TimeSpan? Time(int? seconds) => seconds is { } s ? TimeSpan.FromSeconds(s) : null;

    private static string[] Split(string words) => words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
#else
    private static int Hunt(ParseResult parse)
    {
        Console.Error.WriteLine($"""
            verify-chaos: this is a production build, which contains no planted bugs. The test build does:
              {HuntReport.Program} mutants{(parse.GetValue(Only) is { Length: > 0 } only ? $" --only {only}" : "")}
            """);
        return ProgramErrors.HarnessFailed;
    }
#endif
}
