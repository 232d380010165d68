using System.CommandLine;
using System.Diagnostics;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos replay: the same schedule again, to its end or to one step of it.</summary>
internal static class ReplayCommand
{
    private const string Help = """
        Repeats a simulated run exactly and compares the trace hash. From a run's folder or a trace of older code it goes on as far as the choices
        fit, finds each by its name, and says where the run departs from the record.
        Examples:
          verify-chaos replay artifacts/latest
          verify-chaos replay artifacts/latest/sim/seed-7 --log seed-7.trace
          verify-chaos replay artifacts/latest/sim/seed-7/trace.ndjson --until 4711
          verify-chaos replay artifacts/latest --break-at 4711 --wait 120
          verify-chaos replay --world raft --seed 4711 --log tale.txt
          verify-chaos replay --world cluster --seed 1289
        Exit codes: 0 the same run and valid, 1 the same run and a property violated, 2 the same run and unknown,
        3 another run (the code has changed, or something is not deterministic) or nothing to play. With --by-names, and for a shrunk
        trace, 0 to 2 also for a run that departs from its record: what it ended with counts. With --until 0 when the step was reached.
        """;

    public static Command Create()
    {
        var target = TargetOptions.Create();
        var log = new Option<string?>("--log") { Description = "Write every line to this file; as a trace when its name ends in .ndjson." };
        var breakAt = new Option<long>("--break-at") { Description = "Wait for a debugger just before this step.", DefaultValueFactory = _ => -1 };
        var until = new Option<long>("--until") { Description = "Stop just before this step and print the state of the nodes.", DefaultValueFactory = _ => -1 };
        var wait = new Option<int>("--wait") { Description = "Seconds that --break-at waits for a debugger.", DefaultValueFactory = _ => 300 };
        var byNames = new Option<bool>("--by-names") { Description = "Make the recorded choices by their names, whatever the seed draws now." };
        var command = new Command("replay", Help) { log, breakAt, until, wait, byNames };
        target.AddTo(command);
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(new Replay(target.Read(parse))
        {
            Log = parse.GetValue(log), BreakAt = parse.GetValue(breakAt), Until = parse.GetValue(until), Wait = TimeSpan.FromSeconds(parse.GetValue(wait)),
            ByNames = parse.GetValue(byNames),
        }.Run())));
        return command;
    }

    /// <summary>One replay.</summary>
    private sealed class Replay(PlayTarget target)
    {
        private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);
        public required string? Log { get; init; }
        public required long BreakAt { get; init; }
        public required long Until { get; init; }
        public required TimeSpan Wait { get; init; }
        public required bool ByNames { get; init; }

        public int Run()
        {
            Console.WriteLine($"{target.Playable.What}{(target.Mutant.Length > 0 ? $", planted bug {target.Mutant}" : "")}");
            var isByNames = target.Recorded is { Choices.Count: > 0 } or { Header.QuietOtherwise: true } && (ByNames || target.Recorded.Header.QuietOtherwise);
            if (ByNames && !isByNames) throw new HarnessException("there is no trace with named choices here: --by-names needs one");
            try
            {
                return isByNames ? PlayByNames(isWanted: true) : PlaySeed();
            }
            catch (StoppedException stopped)
            {
                Console.WriteLine(stopped.Message);
                return 0;
            }
        }

        private int PlaySeed()
        {
            var played = Play(named: null);
            Tell(played);
            if (target.Hash.Length == 0)
            {
                Console.WriteLine($"PLAYED: trace hash {played.Hash}, {played}");
                return RunOutcome.ExitCode(played.Verdict);
            }

            if (played.Hash == target.Hash)
            {
                Console.WriteLine($"THE SAME RUN: {target.Playable.What}, trace hash {played.Hash}, {played}");
                return RunOutcome.ExitCode(played.Verdict);
            }

            var commit = Machine.Commit(Machine.CheckoutRoot() ?? ".");
            Console.WriteLine($"ANOTHER RUN: {target.Playable.What} gave trace hash {played.Hash}, recorded was {target.Hash}");
            Console.WriteLine(commit == target.Commit
                ? $"The commit is the same ({commit}): something is not deterministic. Run with --twice to find the first difference."
                : $"The run was recorded at commit {target.Commit}, this is {commit}: a seed's meaning moves with the code.");
            if (target.Recorded is not { Choices.Count: > 0 }) return ProgramErrors.HarnessFailed;
            Console.WriteLine("Once more, with the recorded choices by their names:");
            return PlayByNames(isWanted: false);
        }

        private int PlayByNames(bool isWanted)
        {
            var recorded = target.Recorded!;
            var named = new NamedReplay(recorded.Choices, recorded.Header.Seed, recorded.Header.QuietOtherwise);
            var played = Play(named);
            Tell(played);
            Console.WriteLine(named.Summary);
            if (named.Departure is { } departure) Console.WriteLine($"It {departure}");
            if (played.Hash == target.Hash) Console.WriteLine($"THE SAME RUN: trace hash {played.Hash}, {played}");
            else if (played.Failed.Contains(recorded.Header.Check, StringComparer.Ordinal)) Console.WriteLine($"THE SAME FAILURE in a run that is not the same: {played}");
            else Console.WriteLine($"ANOTHER RUN: {played}; recorded was {recorded.Header.Verdict} {recorded.Header.Check}");
            return isWanted || played.Hash == target.Hash ? RunOutcome.ExitCode(played.Verdict) : ProgramErrors.HarnessFailed;
        }

        private Played Play(NamedReplay? named)
        {
            using var tale = Log is null || target.Playable is not RaftPlay ? null : new StreamWriter(Log);
            var played = target.Playable.Play(new PlayHooks
            {
                Named = named, Records = Log is not null, StopAtStep = BreakAt >= 0 ? BreakAt : Until, Tell = tale is null ? null : tale.WriteLine,
                Stopped = world =>
                {
                    if (BreakAt >= 0) WaitForDebugger();
                    else throw new StoppedException($"just before step {Until}:{Environment.NewLine}{(world is null ? "the tale (--log) has the state" : WorldState.Of(world))}");
                },
            });
            if (Log is not null && played.Trace is { } trace) WriteLog(Log, trace);
            return played;
        }

        private void WaitForDebugger()
        {
            Console.WriteLine($"just before step {BreakAt}: process {Environment.ProcessId} waits {Wait.TotalSeconds:0} s for a debugger. Attach to it: Visual Studio: Debug, Attach to Process; "
                + "VS Code: configuration \"attach\" with this processId; Rider: Run, Attach to Process. Then step into the event.");
            var until = TimeProvider.System.GetTimestamp();
            using var pause = new ManualResetEventSlim();
            while (!Debugger.IsAttached && TimeProvider.System.GetElapsedTime(until) < Wait) pause.Wait(Glance);
            if (Debugger.IsAttached) Debugger.Break();
            else Console.WriteLine("nobody attached; the run goes on");
        }

        private static void WriteLog(string file, RecordedTrace trace)
        {
            if (file.EndsWith(".ndjson", StringComparison.Ordinal)) TraceFile.Write(file, trace);
            else File.WriteAllLines(file, TraceText.Lines(trace));
            Console.WriteLine($"{trace.Events.Count} events in {file}");
        }

        private static void Tell(Played played)
        {
            foreach (var line in played.Lines) Console.WriteLine(line);
        }
    }

    /// <summary>The step was reached at which the replay was to stop; carries what is to be said.</summary>
    private sealed class StoppedException(string message) : Exception(message);
}
