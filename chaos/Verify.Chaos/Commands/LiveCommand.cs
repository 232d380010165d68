using System.CommandLine;
using System.Diagnostics;
using Verify.Chaos.Live.Proofs;
using Verify.Chaos.Running;
using Verify.Fleet;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos live: proofs on real verify-node processes. One verb per proof, and "all".</summary>
internal static class LiveCommand
{
    private const string Everything = "all";

    public static Command Create()
    {
        var command = new Command("live", """
            Shows promises on real verify-node processes on this machine, with a workload beside every fault and a judge behind it.
            Each verb is one proof; "all" plays one after the other. Faults are signals to processes that this run started, and
            disks of their own; nothing leaves loopback.
            Examples:
              verify-chaos live ack-kill --rounds 50 --markdown reports/results/live-ack-kill.md
              verify-chaos live all --quick
            Exit codes: 0 every promise held; 1 one was broken; 2 unknown (not tried often enough, or not judged);
            3 the harness or the machine failed.
            """);
        foreach (var proof in LiveProofs.All) command.Add(Verb(proof.Name, proof.Story, [proof]));
        command.Add(RollingUpgradeCommand.Create());
        command.Add(Verb(Everything, "All proofs, one after the other.", LiveProofs.All));
        return command;
    }

    private static Command Verb(string name, string story, IReadOnlyList<ILiveProof> proofs)
    {
        var quick = new Option<bool>("--quick") { Description = "The short form, as CI plays it." };
        var rounds = new Option<int?>("--rounds") { Description = "How often; each proof has its own usual number." };
        var seed = new Option<ulong>("--seed") { Description = "Draws targets, pauses and workload.", DefaultValueFactory = _ => 1UL };
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file, with command, commit and machine." };
        var verb = new Command(name, story) { quick, rounds, seed, json, markdown };
        verb.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(
            proofs, $"verify-chaos {string.Join(' ', parse.Tokens.Select(t => t.Value))}",
            new() { Quick = parse.GetValue(quick), Rounds = parse.GetValue(rounds) is { } asked ? Math.Max(1, asked) : null, Seed = parse.GetValue(seed) },
            parse.GetValue(json), parse.GetValue(markdown), cancel)));
        return verb;
    }

    private static async Task<int> RunAsync(
        IReadOnlyList<ILiveProof> proofs, string command, ProofOptions options, bool json, string? markdown, CancellationToken cancel)
    {
        var teller = new Teller(json);
        var clock = Stopwatch.StartNew();
        var started = TimeProvider.System.GetUtcNow();
        var rows = new List<ProofRow>();
        var notes = new List<string>();
        if (options.Quick) notes.Add("Short form (--quick).");
        var harnessFailed = false;
        foreach (var proof in proofs)
        {
            try
            {
                rows.AddRange(await proof.RunAsync(options, text => teller.Line($"{clock.Elapsed.TotalSeconds,6:0.0} s  {proof.Name}: {text}"), cancel));
            }
            catch (Exception cause) when (cause is HarnessException or FleetException)
            {
                notes.Add($"NOT SHOWN: {proof.Name}: {cause.Message}");
                harnessFailed = true;
            }
        }

        var record = new ProofRecord
        {
            Command = command,
            StartedAt = started,
            Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."),
            Machine = Machine.Environment(),
            WallSeconds = clock.Elapsed.TotalSeconds,
            Rows = rows,
            Notes = notes,
        };
        foreach (var line in ProofReport.Table(record)) teller.Line(line);
        if (markdown is not null) await File.WriteAllTextAsync(markdown, ProofReport.Markdown(record), cancel);
        if (json) Console.Out.WriteLine(ProofReport.Json(record));
        return harnessFailed ? ProgramErrors.HarnessFailed : RunOutcome.ExitCode(record.Worst);
    }
}
