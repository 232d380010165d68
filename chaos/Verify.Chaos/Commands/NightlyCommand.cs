using System.CommandLine;
using System.Globalization;
using Verify.Chaos.Drawn;
using Verify.Chaos.Nightly;
using Verify.Chaos.Running;
using Shard = Verify.Chaos.Exploring.Shard;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos nightly: all swarms in turn, with canaries and sometimes-marks.</summary>
internal static class NightlyCommand
{
    private static readonly string Help = $"""
        Plays all swarms in turn until the time is over: {string.Join(", ", NightlyPart.All.Select(p => p.Name))}.
        What was recorded of one seed in a hundred, chosen by hash, is falsified before it is judged (a canary): each of these has to be
        reported. Every sometimes-mark that is not rare has to be reached; marks exist in the test build only. --shard i/n plays every n-th
        turn. DIR/nightly.json and DIR/nightly.md are written anew after each turn.
        Examples:
          {Mutants.HuntReport.Program} nightly --for 8h --out artifacts/nightly
          {Mutants.HuntReport.Program} nightly --seeds 20261121000000.. --for 2h --shard 0/4
          verify-chaos nightly --parts raft,kv --seeds 0..999 --no-marks
          {Mutants.HuntReport.Program} nightly --parts raft --seeds 0..999 --mutant T1      must be red
        Exit codes: 0 green; 1 a promise was broken; 2 something was not decided or not played; 3 the night is not to be believed: a canary was
        not reported, none was due, or a mark was never reached (3 wins over 1: what else was seen is not all there is).
        """;

    public static Command Create()
    {
        var parts = new Option<string>("--parts") { Description = "Only these, as raft,kv.", DefaultValueFactory = _ => "" };
        var seeds = new Option<string>("--seeds") { Description = "Each part takes these, from the first on: 1.. is without end. Take others each night.", DefaultValueFactory = _ => "1.." };
        var budget = new Option<string?>("--for") { Description = "Begins nothing new after this time: 90s, 10m, 8h. Default: 8h when the seeds are without end." };
        var shard = new Option<string>("--shard") { Description = "i/n: this machine's turns, i from 0 to n-1.", DefaultValueFactory = _ => "0/1" };
        var jobs = new Option<int>("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var noMarks = new Option<bool>("--no-marks") { Description = "Sometimes-marks are not asked for; for the production build." };
        var outFolder = new Option<string?>("--out") { Description = "Write nightly.json and nightly.md into this folder." };
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var mutant = new Option<string?>("--mutant") { Description = "Test build only: with this planted bug (T1: canaries are not reported) switched on." };
        var command = new Command("nightly", Help) { parts, seeds, budget, shard, jobs, noMarks, outFolder, json, mutant };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() =>
        {
            ExploreCommand.Arm(parse.GetValue(mutant), "nightly --mutant");
            var range = parse.GetValue(seeds)!;
            var time = parse.GetValue(budget) is { } text ? ExploreCommand.ParseTime(text) : range.EndsWith("..", StringComparison.Ordinal) ? TimeSpan.FromHours(8) : (TimeSpan?)null;
            var wish = new NightlyOptions
            {
                Parts = NightlyPart.Named(parse.GetValue(parts)!), Seeds = range, Shard = Shard.Parse(parse.GetValue(shard)!), For = time, Jobs = Math.Max(1, parse.GetValue(jobs)),
                Marks = parse.GetValue(noMarks) ? [] : MarksHere(), Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."), Kept = record => Keep(record, parse.GetValue(outFolder)),
                Command = $"verify-chaos {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}",
            };
            return Task.FromResult(Play(wish, parse.GetValue(json), cancel));
        }));
        return command;
    }

    private static (string Name, bool IsRare)[] MarksHere()
    {
#if VERIFY_MUTANTS
        return MarkCatalog.All;
#else
        throw new HarnessException($"this is a production build, which reaches no sometimes-marks: say --no-marks, or take the test build: {Mutants.HuntReport.Program} nightly");
#endif
    }

    private static int Play(NightlyOptions options, bool json, CancellationToken cancel)
    {
        Action<string> tell = json ? Console.Error.WriteLine : Console.WriteLine;
        tell($"nightly: {string.Join(", ", options.Parts.Select(p => p.Name))}; seeds {options.Seeds}, shard {options.Shard}, {options.Jobs} side by side{(options.For is { } most ? $", for {most}" : "")}");
        var record = new NightlySuite(options, TimeProvider.System, tell).Play(cancel);
        options.Kept(record);
        foreach (var part in record.Parts)
            tell(string.Create(CultureInfo.InvariantCulture,
                $"  {part.Name,-14} {part.Schedules,9} schedules, {part.Schedules / Math.Max(0.001, part.Seconds),8:0.#}/s, {part.CanariesHeard} of {part.CanariesDue} canaries heard, {part.Failures.Count} failed"));
        var objections = NightlyJudge.Objections(record);
        foreach (var objection in objections) tell($"RED ({objection.ExitCode}): {objection.What}");
        tell(string.Create(CultureInfo.InvariantCulture,
            $"{(objections.Count == 0 ? "GREEN" : "RED")}: {record.Schedules} schedules in {record.Seconds:0.0} s, ended by {record.EndedBy}"));
        if (json) Console.WriteLine(record.ToJson());
        return NightlyJudge.ExitCode(objections);
    }

    private static void Keep(NightlyRecord record, string? folder)
    {
        if (folder is null) return;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "nightly.json"), record.ToJson());
        File.WriteAllText(Path.Combine(folder, "nightly.md"), NightlyPage.Of(record));
    }
}
