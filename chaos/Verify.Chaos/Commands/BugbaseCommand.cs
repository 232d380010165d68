using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Verify.Chaos.Bugbase;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Checks;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos bugbase: what once failed, with story and fix, again and again.</summary>
internal static class BugbaseCommand
{
    private const string Help = """
        The failing seeds and traces that were ever kept (chaos/bugbase), each with its story and its fix.
        Examples:
          verify-chaos bugbase run
          verify-chaos bugbase run --only newer-snapshot-meanwhile --json
          verify-chaos bugbase list
          verify-chaos bugbase add late-vote --world raft --seed 4711 --story-text "a vote of …" --fixed 1a2b3c4
        Exit codes: 0 everything ended as expected, 1 something did not, 3 an entry cannot be read or played.
        """;

    public static Command Create() => new("bugbase", Help) { Run(), List(), Add() };

    private static Option<string> Folder() => new("--folder") { Description = "Where the entries are.", DefaultValueFactory = _ => BugbaseRun.UsualFolder };

    private static Command Run()
    {
        var folder = Folder();
        var only = new Option<string>("--only") { Description = "Names of entries, separated by commas.", DefaultValueFactory = _ => "" };
        var jobs = new Option<int>("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var json = new Option<bool>("--json") { Description = "Print the outcomes as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("run", "Plays all of them.") { folder, only, jobs, json };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() =>
        {
            var isJson = parse.GetValue(json);
            Action<string> tell = isJson ? Console.Error.WriteLine : Console.WriteLine;
            var entries = Named(BugbaseRun.Load(parse.GetValue(folder)!), parse.GetValue(only)!);
            var outcomes = new BugbaseRun(entries, parse.GetValue(jobs), tell).Play(cancel);
            var bad = outcomes.Count(o => !o.IsAsExpected);
            tell(string.Create(CultureInfo.InvariantCulture, $"{entries.Count} stories, {outcomes.Count} schedules, {bad} not as expected"));
            if (isJson) Console.WriteLine(JsonSerializer.Serialize(outcomes, TraceFile.Json));
            if (outcomes.Count == 0) throw new HarnessException("there was nothing to play: that proves nothing");
            return Task.FromResult(bad == 0 ? 0 : 1);
        }));
        return command;
    }

    private static Command List()
    {
        var folder = Folder();
        var command = new Command("list", "Names them, with story and fix.") { folder };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            foreach (var entry in BugbaseRun.Load(parse.GetValue(folder)!))
                Console.WriteLine($"{entry.Name}: {entry.Plays}{(entry.Shape.Length > 0 ? $" --story {entry.Shape}" : "")} {entry.Seeds}, broke {entry.Broke}, fixed by {entry.Fixed}, expected {(entry.ExpectsValid ? "valid" : "invalid")}\n  {entry.Story}");
            return Task.FromResult(0);
        }));
        return command;
    }

    private static Command Add()
    {
        var folder = Folder();
        var name = new Argument<string>("name") { Description = "Letters, digits and '-'." };
        var target = TargetOptions.Create();
        var trace = new Option<string?>("--trace") { Description = "Keep this trace (or schedule), instead of a seed." };
        var story = new Option<string>("--story-text") { Description = "What broke, and why.", Required = true };
        var fix = new Option<string>("--fixed") { Description = "The commit that mended it.", Required = true };
        var broke = new Option<string?>("--broke") { Description = "The check that failed then; found by playing when left out." };
        var invalid = new Option<bool>("--expect-invalid") { Description = "It must go on failing." };
        var command = new Command("add", "Writes a new entry, and plays it once to see how it ends now.") { name, trace, story, fix, broke, invalid, folder };
        foreach (var option in new Option[] { target.World, target.Seed, target.Shape, target.Strategy, target.NoFencing }) command.Options.Add(option);
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var (where, named) = (parse.GetValue(folder)!, parse.GetValue(name)!);
            if (!named.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')) throw new HarnessException($"'{named}' is no name: letters, digits and '-'");
            var file = Path.Combine(where, $"{named}.yaml");
            if (File.Exists(file)) throw new HarnessException($"{file} exists already");
            var kept = parse.GetValue(trace);
            if (kept is null && (parse.GetValue(target.World) is null || parse.GetValue(target.Seed) is null)) throw new HarnessException("say what is played: --world and --seed, or --trace");
            var what = kept is not null ? PlayTarget.At(kept)
                : PlayTarget.Of(parse.GetValue(target.World)!, parse.GetValue(target.Seed)!.Value, parse.GetValue(target.Shape)!, parse.GetValue(target.Strategy)!, parse.GetValue(target.NoFencing));
            var played = what.Playable.Play(new() { Named = what.Recorded is { } t ? new(t.Choices, t.Header.Seed, t.Header.QuietOtherwise) : null });
            var check = parse.GetValue(broke) ?? (played.Check.Length > 0 ? played.Check : what.Recorded?.Header.Check)
                ?? throw new HarnessException("it breaks nothing now: say with --broke what it broke then");
            Directory.CreateDirectory(where);
            var plays = kept is null ? parse.GetValue(target.World)! : $"{named}{(ScheduleFile.Find(kept) is null ? ".ndjson" : ".json")}";
            if (kept is not null) File.Copy(ScheduleFile.Find(kept) ?? TraceFile.Find(kept)!, Path.Combine(where, plays));
            var entry = new BugbaseEntry
            {
                Name = named, Plays = plays, Seeds = kept is null ? parse.GetValue(target.Seed)!.Value.ToString(CultureInfo.InvariantCulture) : "", Shape = parse.GetValue(target.Shape)!,
                Strategy = parse.GetValue(target.Strategy)!, FencingOff = parse.GetValue(target.NoFencing), Broke = check, Story = parse.GetValue(story)!, Fixed = parse.GetValue(fix)!,
                ExpectsValid = !parse.GetValue(invalid),
            };
            File.WriteAllText(file, entry.Write());
            var isAsExpected = entry.ExpectsValid == (played.Verdict == Verdict.Valid);
            Console.WriteLine($"{file}: now it ends {played}{(isAsExpected ? "" : ", which is not what the entry expects")}");
            return Task.FromResult(isAsExpected ? 0 : 1);
        }));
        return command;
    }

    private static IReadOnlyList<BugbaseEntry> Named(IReadOnlyList<BugbaseEntry> all, string only)
    {
        if (only.Length == 0) return all;
        return [.. only.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(name =>
            all.FirstOrDefault(e => e.Name == name) ?? throw new HarnessException($"there is no '{name}' in the bug base; there are: {string.Join(", ", all.Select(e => e.Name))}"))];
    }
}
