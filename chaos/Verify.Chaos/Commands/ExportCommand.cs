using System.CommandLine;
using Verify.Chaos.Explaining;
using Verify.Chaos.Exports;
using Verify.Chaos.Running;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos export: a run in the formats of other tools; and a schedule back from Coyote's.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var what = new Argument<string>("what") { Description = AccountSource.Help };
        var to = new Option<string>("--to") { Description = "perfetto, shiviz, coyote, jepsen or porcupine.", Required = true };
        to.AcceptOnlyFromAmong("perfetto", "shiviz", "coyote", "jepsen", "porcupine");
        var file = new Option<string?>("--file") { Description = "Where to; by default the format's own name in the current folder." };
        var from = new Option<string?>("--schedule") { Description = "A .trace of Coyote: its choices are made instead of those of the seed, and what comes of it is exported." };
        var command = new Command("export", """
            Writes a run in the format of another tool:
              perfetto   JSON for ui.perfetto.dev: a process per node, a track per concern, arrows for messages (perfetto.json)
              shiviz     a log with vector clocks for ShiViz (shiviz.log); its expression is printed
              coyote     the choices as a .trace of Microsoft Coyote 1.7 (coyote.trace); not seen read by Coyote itself
              jepsen     the operations as history.edn, for knossos
              porcupine  a page of the failing key: lanes, the longest order, step by step (linearizability.html)
            Examples:
              verify-chaos export artifacts/latest --to perfetto
              verify-chaos export raft:4711 --to shiviz --file why.log
              verify-chaos export raft:4711 --to coyote
              verify-chaos export raft:4711 --schedule coyote.trace --to perfetto
            Exit codes: 0 written, 3 there is no such run, or nothing of this kind in it.
            """) { what, to, file, from };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            Export(parse.GetValue(what)!, parse.GetValue(to)!, parse.GetValue(file), parse.GetValue(from));
            return Task.FromResult(0);
        }));
        return command;
    }

    private static void Export(string what, string format, string? file, string? schedule)
    {
        var (account, choices, seed, test) = schedule is null ? AccountSource.Read(what) : AccountSource.ReadSchedule(what, schedule);
        switch (format)
        {
            case "perfetto":
                using (var stream = File.Create(file ??= PerfettoTrace.FileName)) PerfettoTrace.Write(stream, account);
                Console.WriteLine($"{file}: open it at ui.perfetto.dev (nothing is uploaded)");
                break;
            case "shiviz":
                using (var writer = new StreamWriter(file ??= ShiVizLog.FileName)) ShiVizLog.Write(writer, account);
                Console.WriteLine($"{file}: in ShiViz, log parsing regular expression: {ShiVizLog.Expression}");
                break;
            case "jepsen":
                if (account.Ops.Count == 0) throw new HarnessException($"{account.Title} has no operations of clients: there is no history to write");
                using (var writer = new StreamWriter(file ??= JepsenHistory.FileName)) JepsenHistory.Write(writer, account);
                Console.WriteLine($"{file}: {account.Ops.Count} operations; values are [key value], one key at a time (jepsen.independent)");
                break;
            case "porcupine":
                var page = LinearizationExport.Render(account);
                File.WriteAllText(file ??= LinearizationExport.FileName, page);
                Console.WriteLine(file);
                break;
            default:
                if (choices.Count == 0) throw new HarnessException($"{account.Title} has no recorded choices: only what is simulated can be written as a schedule");
                File.WriteAllText(file ??= CoyoteTrace.FileName, CoyoteTrace.Write(test, seed <= uint.MaxValue ? (uint)seed : null, choices));
                Console.WriteLine($"{file}: {choices.Count} choices of {test}");
                break;
        }
    }
}
