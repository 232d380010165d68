using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Scenarios;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos shrink: the smallest thing that still fails.</summary>
internal static class ShrinkCommand
{
    private const string Help = """
        Takes steps, faults, clients, nodes and choices away from a failing run while the same check fails (delta debugging), and writes what is
        left: a scenario file, or the list of what is done, with a trace, and the line that plays it.
        Examples:
          verify-chaos shrink artifacts/latest/sim/seed-7
          verify-chaos shrink --world dc-fencing --seed 1 --no-fencing --for 60
          verify-chaos shrink --world raft --seed 4711 --out shrunk
          verify-chaos shrink --world cluster --seed 1289 --check linearizable
        Exit codes: 0 it was shrunk, 1 nothing could be taken away, 3 it does not fail, or the harness failed.
        """;

    public static Command Create()
    {
        var target = TargetOptions.Create();
        var budget = new Option<int>("--for") { Description = "Seconds, at most.", DefaultValueFactory = _ => 120 };
        var check = new Option<string?>("--check") { Description = "The check that must go on failing; the first that fails when left out." };
        var outDirectory = new Option<string>("--out") { Description = "The folder for what is left.", DefaultValueFactory = _ => Path.Combine("artifacts", "shrunk") };
        var json = new Option<bool>("--json") { Description = "Print the figures as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("shrink", Help) { budget, check, outDirectory, json };
        target.AddTo(command);
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var isJson = parse.GetValue(json);
            Action<string> tell = isJson ? Console.Error.WriteLine : Console.WriteLine;
            var what = target.Read(parse);
            var shrunk = new Shrinking(TimeSpan.FromSeconds(parse.GetValue(budget)), TimeProvider.System, tell, parse.GetValue(check)).Run(what);
            var folder = parse.GetValue(outDirectory)!;
            Write(folder, shrunk);
            Tell(folder, shrunk, tell);
            if (isJson) Console.WriteLine(JsonSerializer.Serialize(new { shrunk.Check, shrunk.Observed, shrunk.Before, shrunk.After, shrunk.FaultsLessPercent, shrunk.Tries, folder, mutant = ArmedBug.Id }, TraceFile.Json));
            return Task.FromResult(shrunk.After == shrunk.Before ? 1 : 0);
        }));
        return command;
    }

    private static void Write(string folder, Shrunk shrunk)
    {
        Directory.CreateDirectory(folder);
        foreach (var old in new[] { TraceFile.Name, ScheduleFile.Name, "scenario.yaml", "story.txt" }) File.Delete(Path.Combine(folder, old));
        if (shrunk.Trace is { } trace) TraceFile.Write(Path.Combine(folder, TraceFile.Name), trace);
        File.WriteAllLines(Path.Combine(folder, "story.txt"), Story(shrunk));
        switch (shrunk.Playable)
        {
            case ScenarioPlay scenario:
                File.WriteAllText(Path.Combine(folder, "scenario.yaml"), string.Create(CultureInfo.InvariantCulture, $"# seed: {scenario.Seed}\n{ScenarioWriter.Write(scenario.Scenario)}"));
                break;
            case RaftPlay raft:
                ScheduleFile.Write(Path.Combine(folder, ScheduleFile.Name), new() { Mutant = ArmedBug.Id, HasActors = raft.HasActors, Check = shrunk.Check, Schedule = raft.Schedule });
                break;
            default: break; // The trace of a cluster schedule holds what is left of it.
        }
    }

    /// <summary>What is left, in words: the tale of the schedule, or the file.</summary>
    private static List<string> Story(Shrunk shrunk)
    {
        var lines = new List<string> { $"{shrunk.Check}: {shrunk.Observed}" };
        if (shrunk.Playable is ScenarioPlay scenario) lines.AddRange(ScenarioWriter.Write(scenario.Scenario).TrimEnd().Split('\n'));
        else if (shrunk.Playable is RaftPlay raft) RaftSwarm.Play(raft.Schedule, new SwarmWatch { Tell = lines.Add }, raft.HasActors);
        else shrunk.Playable.Play(new() { Named = shrunk.Trace is { } trace ? new(trace.Choices, trace.Header.Seed) : null, Tell = lines.Add });
        return lines;
    }

    private static void Tell(string folder, Shrunk shrunk, Action<string> tell)
    {
        const int LinesShown = 40;
        var story = File.ReadAllLines(Path.Combine(folder, "story.txt"));
        foreach (var line in story.Take(LinesShown)) tell($"  {line}");
        if (story.Length > LinesShown) tell(string.Create(CultureInfo.InvariantCulture, $"  … {story.Length - LinesShown} more lines in {folder}/story.txt"));
        var (before, after) = (shrunk.Before, shrunk.After);
        tell(string.Create(CultureInfo.InvariantCulture, $"SHRUNK   {shrunk.Check} is still broken after {shrunk.Tries} tries: faults {before.Faults} -> {after.Faults} ({shrunk.FaultsLessPercent:0} % fewer), "
            + $"deeds {before.Deeds} -> {after.Deeds}, clients {before.Clients} -> {after.Clients}, nodes {before.Nodes} -> {after.Nodes}, recorded choices {before.Choices} -> {after.Choices}"));
        tell($"play it: dotnet run --project chaos/Verify.Chaos -c Release{(ArmedBug.Id.Length > 0 ? " -p:Mutants=true" : "")} -- replay {folder}");
        if (shrunk.Playable is ScenarioPlay { Options: var options, Seed: var seed } && ArmedBug.Id.Length == 0)
            tell(string.Create(CultureInfo.InvariantCulture, $"or from its seed: dotnet run --project chaos/Verify.Chaos -c Release -- run {folder}/scenario.yaml --world sim --seeds {seed}{(options.FencingOff ? " --no-fencing" : "")}"));
    }
}
