using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Traces;

/// <summary>Plays a run with everything kept. The run is the same as without: names and causes enter no hash.</summary>
internal static class Recorder
{
    /// <param name="header">What is known beforehand; seed, options and outcome are filled in.</param>
    public static (RunRecord Run, RecordedTrace Trace) Record(Scenario scenario, string scenarioText, ulong seed, SimulatedOptions options, TraceHeader header)
    {
        var recording = new ChoiceRecording();
        RecordedTrace? trace = null;
        var run = SimulatedRun.Play(scenario, seed, options with
        {
            Twice = false, World = options.World with { KeepWholeTrace = true }, Named = () => recording,
            Ended = world =>
            {
                options.Ended(world);
                trace = RecordedTrace.Of(header.With(options) with { Played = scenario.Name, Seed = seed, Scenario = scenarioText }, world, recording);
            },
        });
        return (run, trace! with { Header = WithOutcome(trace.Header, run) });
    }

    /// <summary>The header of a run of this program on this checkout.</summary>
    public static TraceHeader NewHeader(string world, string played, ulong seed) => new()
    {
        Program = $"verify-chaos {typeof(Recorder).Assembly.GetName().Version}", Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."), World = world, Played = played, Seed = seed,
        Mutant = ArmedBug.Id,
    };

    public static TraceHeader WithOutcome(TraceHeader header, RunRecord run)
    {
        var worst = run.Findings.Where(f => f.Verdict == run.Verdict && f.Verdict != Verdict.Valid).OrderBy(f => f.AtUs.Count > 0 ? f.AtUs.Min() : long.MaxValue).FirstOrDefault();
        return header with { Verdict = run.Verdict.ToString(), FailureClass = run.FailureClass, Check = worst?.Check ?? "", Observed = worst?.Observed ?? "" };
    }
}

/// <summary>The planted bug that is switched on, for records; a production build has none.</summary>
internal static class ArmedBug
{
#if VERIFY_MUTANTS
    public static string Id => Verify.Raft.Mutant.Armed ?? "";

    public static void Arm(string id) => Verify.Raft.Mutant.Armed = id.Length == 0 ? null : id;
#else
    public static string Id => "";

    /// <exception cref="HarnessException">A production build contains no planted bug.</exception>
    public static void Arm(string id)
    {
        if (id.Length > 0)
            throw new HarnessException($"this run had the planted bug {id} switched on; play it with the test build: dotnet run --project chaos/Verify.Chaos -c Release -p:Mutants=true -- …");
    }
#endif
}
