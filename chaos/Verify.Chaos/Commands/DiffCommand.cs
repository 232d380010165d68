using System.CommandLine;
using System.Text.Json;
using Verify.Chaos.Output;
using Verify.Chaos.Traces;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos diff: where two runs go different ways.</summary>
internal static class DiffCommand
{
    private const string Help = """
        Finds the first event, choice or bytes in which two runs differ, and says who did what else, with what came before and after.
        Each side is a trace file, a folder that holds one, a run's folder (which is then played), or WORLD:SEED.
        Examples:
          verify-chaos diff artifacts/a/sim/seed-7 artifacts/b/sim/seed-7
          verify-chaos diff old-trace.ndjson leader-kill:7
          verify-chaos diff leader-kill:7 leader-kill:8
        Exit codes: 0 the same run, 1 they differ, 3 one of them cannot be read or played.
        """;

    public static Command Create()
    {
        var (first, second) = (new Argument<string>("first") { Description = "One run." }, new Argument<string>("second") { Description = "The other." });
        var json = new Option<bool>("--json") { Description = "Print step, actor and words as JSON." };
        var command = new Command("diff", Help) { first, second, json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var (a, b) = (TraceOf(parse.GetValue(first)!), TraceOf(parse.GetValue(second)!));
            var difference = TraceDifference.Of(a, b);
            if (parse.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(new { same = difference is null, difference?.Step, difference?.Actor, difference?.Words }, TraceFile.Json));
            else Console.WriteLine(difference is null ? $"THE SAME RUN: {a.Events.Count} events, {a.Choices.Count} choices" : difference.Words);
            return Task.FromResult(difference is null ? 0 : 1);
        }));
        return command;
    }

    /// <exception cref="HarnessFolderException">Nothing there that leaves a trace.</exception>
    private static RecordedTrace TraceOf(string side)
    {
        if (TraceFile.Find(side) is { } file) return TraceFile.Read(file);
        var colon = side.LastIndexOf(':');
        var target = Directory.Exists(side) ? PlayTarget.At(side)
            : colon > 0 && ulong.TryParse(side[(colon + 1)..], out var seed) ? PlayTarget.Of(side[..colon], seed, "", "random", fencingOff: false)
            : throw new HarnessFolderException($"'{side}' is no trace, no folder of a run, and not WORLD:SEED");
        return target.Playable.Play(new() { Records = true }).Trace
            ?? throw new HarnessFolderException($"{target.Playable.What} leaves no trace; compare its tales: replay --log");
    }
}
