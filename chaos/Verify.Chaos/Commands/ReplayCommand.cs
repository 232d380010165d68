using System.CommandLine;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos replay: the same schedule again, from the folder that a run left.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "artifacts/<run>, or artifacts/<run>/sim/seed-N." };
        var log = new Option<string?>("--log") { Description = "Write every line of the trace to this file." };
        var command = new Command("replay", """
            Repeats a simulated run exactly and compares the trace hash.
            Examples:
              verify-chaos replay artifacts/latest
              verify-chaos replay artifacts/latest/sim/seed-7 --log seed-7.trace
            Exit codes: 0 the same hash and valid, 1 the same hash and a property violated, 2 the same hash and unknown,
            3 another hash (the code has changed, or something is not deterministic) or no such folder.
            """) { folder, log };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(Replay(parse.GetValue(folder)!, parse.GetValue(log)))));
        return command;
    }

    private static int Replay(string folder, string? log)
    {
        var recorded = RunFolder.LoadReplay(folder);
        ArmMutant(recorded.Mutant);
        var scenario = ScenarioFiles.Parse(recorded.ScenarioText, Path.Combine(folder, "replay.json"));
        var run = SimulatedRun.Play(scenario, recorded.Seed, new() { FencingOff = recorded.FencingOff, TraceFile = log });
        foreach (var finding in run.Findings) Console.WriteLine($"  {Words.Of(finding.Verdict),-8} {finding.Check,-18} {finding.Observed} (bound: {finding.Bound})");
        var commit = Machine.Commit(Machine.CheckoutRoot() ?? ".");
        if (run.TraceHash != recorded.TraceHash)
        {
            Console.WriteLine($"ANOTHER RUN: seed {recorded.Seed} gave trace hash {run.TraceHash}, recorded was {recorded.TraceHash}");
            Console.WriteLine(commit == recorded.Commit
                ? $"The commit is the same ({commit}): something is not deterministic. Run with --twice to find the first difference."
                : $"The run was recorded at commit {recorded.Commit}, this is {commit}: a seed's meaning moves with the code.");
            return ProgramErrors.HarnessFailed;
        }

        Console.WriteLine($"THE SAME RUN: seed {recorded.Seed}, trace hash {run.TraceHash}, {Words.Of(run.Verdict)}{(run.FailureClass.Length > 0 ? $" ({run.FailureClass})" : "")}");
        return RunOutcome.ExitCode(run.Verdict);
    }

    private static void ArmMutant(string mutant)
    {
        if (mutant.Length == 0) return;
#if VERIFY_MUTANTS
        Verify.Raft.Mutant.Armed = mutant;
#else
        throw new HarnessException($"this run had the planted bug {mutant} switched on; replay it with the test build: dotnet run --project chaos/Verify.Chaos -c Release -p:Mutants=true -- replay …");
#endif
    }
}
