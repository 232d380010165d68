using Verify.Chaos.Simulated;
using Verify.Chaos.Traces;
using Verify.Reports.Model;
using Verify.Reports.SpaceTime;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Explaining;

/// <summary>Accounts of runs of scenarios: from a record alone, or played again with every event and its cause kept.</summary>
internal static class ScenarioAccount
{
    public static RunAccount Of(RunRecord run, string scenario, IReadOnlyList<CausalStep> steps, string source) => new()
    {
        Title = run.World == "live" ? $"{scenario}, live" : $"{scenario}, seed {run.Seed}", World = run.World, Verdict = run.Verdict, FailureClass = run.FailureClass,
        Findings = run.Findings, Events = [.. run.Events.OrderBy(e => e.AtUs)], Ops = run.Ops, Steps = steps, ObservationsAreExact = run.World == "sim",
        Parties = [.. run.Nodes.Select(n => new Track(n.Key, n.Value, TrackKind.Node)), .. run.Servers.Select(s => new Track(s.Key, s.Value, TrackKind.Server))],
        Commands = run.World == "live" ? [("repeat it", run.RepeatCommand)]
            : [("replay it exactly", $"verify-chaos replay {source}"), ("explain it again", $"verify-chaos explain {source}"), ("make it smaller", $"verify-chaos shrink {source}"), ("repeat the seed", run.RepeatCommand)],
    };

    /// <summary>Plays the run again and keeps its trace.</summary>
    /// <param name="source">What to name in the commands of the page.</param>
    public static (RunAccount Account, RunRecord Run, IReadOnlyList<NamedChoice> Choices) Played(Scenario scenario, ulong seed, SimulatedOptions options, string source)
    {
        var recording = new ChoiceRecording();
        IReadOnlyList<CausalStep> steps = [];
        var named = options.Named();
        var run = SimulatedRun.Play(scenario, seed, options with
        {
            Twice = false, World = options.World with { KeepWholeTrace = true }, Named = () => named ?? recording, Ended = world => steps = StepsOf(world),
        });
        return (Of(run, scenario.Name, steps, source), run, recording.Choices);
    }

    public static IReadOnlyList<CausalStep> StepsOf(SimWorld world) =>
        [.. world.Trace.Lines.Where(l => l.Kind == TraceKind.Event).Select(l => new CausalStep(l.Step, l.Micros, l.Actor, l.What, l.Cause))];

    public static IReadOnlyList<CausalStep> StepsOf(RecordedTrace trace) => [.. trace.Events.Select(e => new CausalStep(e.Step, e.AtUs, e.Actor, e.Name, e.Cause))];
}
