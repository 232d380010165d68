using System.CommandLine;
using System.Diagnostics;
using Verify.Chaos.Live.Groups;
using Verify.Chaos.Live.Proofs;
using Verify.Chaos.Running;
using Verify.Checks;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos live rolling-upgrade: a group that runs one build of verify-node becomes one that runs another, under load.</summary>
internal static class RollingUpgradeCommand
{
    private const string Program = "verify-node.dll";

    public static Command Create()
    {
        var old = new Option<DirectoryInfo>("--old") { Description = "Folder with the build that runs at first (it holds verify-node.dll).", Required = true };
        var target = new Option<DirectoryInfo>("--new") { Description = "Folder with the build that runs in the end.", Required = true };
        var nodes = new Option<int>("--nodes") { Description = "3 or 5.", DefaultValueFactory = _ => 3 };
        nodes.AcceptOnlyFromAmong("3", "5");
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file, with command, commit and machine." };
        var command = new Command("rolling-upgrade", """
            Starts a group with the old build, writes all the time, and takes node after node (followers first) to the new build: SIGTERM,
            start, whole again. No write may fail for its client, be lost, or be applied twice; both builds work together meanwhile.
            Example, from a commit to the checkout:
              git worktree add --detach /tmp/old COMMIT && dotnet build /tmp/old/node/Verify.NodeHost -c Release
              verify-chaos live rolling-upgrade --old /tmp/old/node/Verify.NodeHost/bin/Release/net10.0 --new node/Verify.NodeHost/bin/Release/net10.0
            Exit codes: 0 the promise held; 1 it was broken; 2 unknown; 3 the harness or the machine failed (a node did not come back).
            """) { old, target, nodes, json, markdown };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(
            ProgramIn(parse.GetValue(old)!), ProgramIn(parse.GetValue(target)!), parse.GetValue(nodes),
            $"verify-chaos {string.Join(' ', parse.Tokens.Select(t => t.Value))}", parse.GetValue(json), parse.GetValue(markdown), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(
        string old, string target, int nodes, string command, bool json, string? markdown, CancellationToken cancel)
    {
        var teller = new Teller(json);
        var clock = Stopwatch.StartNew();
        void Say(string text) => teller.Line($"{clock.Elapsed.TotalSeconds,6:0.0} s  {text}");
        var started = TimeProvider.System.GetUtcNow();
        var rows = new List<ProofRow>();
        await using (var group = await LiveGroup.StartAsync(nodes, Say, old))
        {
            rows.Add(RollingRestartProof.RowOf("rolling-upgrade", $"{nodes} nodes, old to new", "1 round", await RollingTurn.PlayAsync(group, target, 1, Say, cancel)));
        }

        var record = new ProofRecord
        {
            Command = command,
            StartedAt = started,
            Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."),
            Machine = Machine.Environment(),
            WallSeconds = clock.Elapsed.TotalSeconds,
            Rows = rows,
            Notes = [],
        };
        foreach (var line in ProofReport.Table(record)) teller.Line(line);
        if (markdown is not null) await File.WriteAllTextAsync(markdown, ProofReport.Markdown(record), cancel);
        if (json) Console.Out.WriteLine(ProofReport.Json(record));
        return RunOutcome.ExitCode(record.Worst);
    }

    private static string ProgramIn(DirectoryInfo folder)
    {
        var program = Path.Combine(folder.FullName, Program);
        return File.Exists(program) ? program : throw new HarnessException($"{folder.FullName} holds no {Program}: give the folder that dotnet build or publish wrote");
    }
}
