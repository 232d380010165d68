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
        Switches planted bugs on, one at a time, and measures how long simulation takes to find each. First the same hunts run
        without a bug, and must find nothing. Works in the test build only, which production never contains.
        Examples:
          {HuntReport.Program} mutants
          {HuntReport.Program} mutants --only M07,M12 --rounds 5 --markdown mutants.md
        Exit codes: 0 every bug was found within its budget (60 s; M12 600 s), 1 not every one, 3 the control was not clean, or
        this is no test build.
        """;

    public static Command Create()
    {
        var only = new Option<string>("--only") { Description = "Ids, as M07,M12; all when left out.", DefaultValueFactory = _ => "" };
        var seconds = new Option<int?>("--seconds") { Description = "Look for no bug longer than this." };
        var control = new Option<int>("--control") { Description = "Seconds of each hunt without a bug.", DefaultValueFactory = _ => 10 };
        var jobs = new Option<int>("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var from = new Option<ulong>("--from") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
        var each = new Option<bool>("--each-hunt") { Description = "Every hunt of a bug by itself, each with the whole budget: a row per bug and strategy." };
        var rounds = new Option<int>("--rounds") { Description = "So many master seeds for each bug.", DefaultValueFactory = _ => 1 };
        var repeat = new Option<string?>("--repeat") { Description = "HUNT:SEED: play this one schedule with the bug of --only, and nothing else." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file." };
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("mutants", Help) { only, seconds, control, jobs, from, rounds, each, repeat, markdown, json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(Hunt(new()
        {
            Only = parse.GetValue(only)!, Seconds = parse.GetValue(seconds), ControlSeconds = parse.GetValue(control), Jobs = Math.Max(1, parse.GetValue(jobs)),
            From = parse.GetValue(from), Rounds = Math.Max(1, parse.GetValue(rounds)), EachHunt = parse.GetValue(each), Repeat = parse.GetValue(repeat),
            MarkdownFile = parse.GetValue(markdown), Json = parse.GetValue(json),
        }))));
        return command;
    }

    private sealed record Wish
    {
        public required string Only { get; init; }
        public required int? Seconds { get; init; }
        public required int ControlSeconds { get; init; }
        public required int Jobs { get; init; }
        public required ulong From { get; init; }
        public required int Rounds { get; init; }
        public required bool EachHunt { get; init; }
        public required string? Repeat { get; init; }
        public required string? MarkdownFile { get; init; }
        public required bool Json { get; init; }
    }

#if VERIFY_MUTANTS
    private static int Hunt(Wish wish)
    {
        var bugs = PlantedBugs.Named(wish.Only);
        var started = TimeProvider.System.GetUtcNow();
        Action<string> tell = wish.Json ? Console.Error.WriteLine : Console.WriteLine;
        var hunt = new BugHunt(wish.Jobs, TimeProvider.System, tell);
        if (wish.Repeat is { } schedule)
        {
            if (bugs.Count != 1) throw new HarnessException("--repeat needs --only with one planted bug");
            return hunt.Repeat(bugs[0], schedule) ? 1 : 0;
        }

        var controls = hunt.Controls(bugs, wish.From, TimeSpan.FromSeconds(wish.ControlSeconds));
        var hunted = new List<BugHunted>();
        if (wish.EachHunt) bugs = [.. bugs.SelectMany(bug => bug.Hunts.Select(one => bug with { Hunts = [one] }))];
        for (var round = 0; round < wish.Rounds; round++)
            hunted.AddRange(bugs.Select(bug => hunt.Find(bug, BugHunt.MasterSeed(wish.From, round), wish.Seconds is { } most ? TimeSpan.FromSeconds(most) : null)));
        var record = new HuntRecord
        {
            StartedAt = started, Command = $"{HuntReport.Program} {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}",
            Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."), Machine = Machine.Environment(), Jobs = wish.Jobs,
            Controls = controls, Bugs = [.. hunted.OrderBy(h => h.Bug, StringComparer.Ordinal)],
        };
        tell(HuntReport.Summary(record));
        if (wish.MarkdownFile is { } file) File.WriteAllText(file, HuntReport.Markdown(record));
        if (wish.Json) Console.WriteLine(HuntReport.ToJson(record));
        return !record.IsControlClean ? ProgramErrors.HarnessFailed : record.Passes ? 0 : 1;
    }
#else
    private static int Hunt(Wish wish)
    {
        Console.Error.WriteLine($"""
            verify-chaos: this is a production build, which contains no planted bugs. The test build does:
              {HuntReport.Program} mutants{(wish.Only.Length > 0 ? $" --only {wish.Only}" : "")}
            """);
        return ProgramErrors.HarnessFailed;
    }
#endif
}
