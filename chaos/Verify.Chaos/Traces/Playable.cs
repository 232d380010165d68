using System.Globalization;
using Verify.Chaos.Drawn;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Traces;

/// <summary>Who looks on while something is played again.</summary>
internal sealed record PlayHooks
{
    /// <summary>Makes the choices by their names; null: as the seed draws them.</summary>
    public NamedReplay? Named { get; init; }
    public bool Records { get; init; }

    /// <summary>Called just before this step; -1: never.</summary>
    public long StopAtStep { get; init; } = -1;

    /// <summary>With the world, or null where there is none (the Raft core alone).</summary>
    public Action<SimWorld?> Stopped { get; init; } = _ => { };
    public Action<string>? Tell { get; init; }

    public void Watch(SimWorld world)
    {
        if (StopAtStep >= 0) world.AtStep(StopAtStep, () => Stopped(world));
    }
}

/// <summary>How it ended.</summary>
/// <param name="Failed">The checks that were broken, first the one that was broken first.</param>
internal sealed record Played(Verdict Verdict, string FailureClass, IReadOnlyList<string> Failed, string Observed, string Hash, RecordedTrace? Trace)
{
    public string Check => Failed.Count > 0 ? Failed[0] : "";
    public int Faults { get; init; }
    public IReadOnlyList<string> Lines { get; init; } = [];

    public override string ToString() =>
        $"{Commands.Words.Of(Verdict)}{(FailureClass.Length > 0 ? $" ({FailureClass})" : "")}{(Check.Length > 0 ? $": {Check}: {Observed.Split('\n')[0].TrimEnd()}" : "")}";
}

/// <summary>Something that can be played again and again, as it was or with less in it.</summary>
internal interface IPlayable
{
    /// <summary>In a few words, with its seed.</summary>
    string What { get; }
    Played Play(PlayHooks hooks);
}

/// <summary>A scenario in a simulated world, written or drawn.</summary>
internal sealed record ScenarioPlay(Scenario Scenario, ulong Seed, SimulatedOptions Options) : IPlayable
{
    public string What => $"scenario {Scenario.Name}, seed {Seed}";

    /// <summary>The drawn fleet of a seed.</summary>
    public static ScenarioPlay Drawn(ulong seed)
    {
        var drawn = DrawnScenario.Of(seed);
        return new(drawn.Scenario, seed, drawn.RunOptions);
    }

    public Played Play(PlayHooks hooks)
    {
        var recording = hooks.Records && hooks.Named is null ? new ChoiceRecording() : null;
        RecordedTrace? trace = null;
        var run = SimulatedRun.Play(Scenario, Seed, Options with
        {
            World = Options.World with { KeepWholeTrace = hooks.Records }, Named = () => (INamedChoices?)hooks.Named ?? recording, Begun = hooks.Watch,
            Ended = world =>
            {
                if (hooks.Records) trace = RecordedTrace.Of(Header(), world, recording);
            },
        });
        var failed = run.Findings.Where(f => f.Verdict == Verdict.Invalid).OrderBy(f => f.AtUs.Count > 0 ? f.AtUs.Min() : long.MaxValue).ToArray();
        if (failed.Length == 0) failed = [.. run.Findings.Where(f => f.Verdict == Verdict.Unknown)];
        return new(run.Verdict, run.FailureClass, [.. failed.Select(f => f.Check)], failed.Length > 0 ? failed[0].Observed : "", run.TraceHash,
            trace is null ? null : trace with { Header = Recorder.WithOutcome(trace.Header, run) })
        {
            Faults = run.Events.Count(e => e.Kind == EventKinds.FaultBegun),
            Lines = [.. run.Findings.Select(f => $"  {Commands.Words.Of(f.Verdict),-8} {f.Check,-18} {f.Observed} (bound: {f.Bound})")],
        };
    }

    private TraceHeader Header() => Recorder.NewHeader("scenario", Scenario.Name, Seed).With(Options) with { Scenario = ScenarioWriter.Write(Scenario) };
}

/// <summary>A schedule of whole nodes (swarm cluster).</summary>
internal sealed record ClusterPlay(ulong Seed, ClusterSchedule Schedule, string Strategy) : IPlayable
{
    public string What => $"swarm cluster{(Schedule.Story == nameof(ClusterStory.Everything) ? "" : $" --story {Schedule.Story.ToLowerInvariant()}")}, seed {Seed}";

    public Played Play(PlayHooks hooks)
    {
        var recording = hooks.Records && hooks.Named is null ? new ChoiceRecording() : null;
        RecordedTrace? trace = null;
        var faults = 0;
        var swarm = new ClusterSwarm(hooks.Tell, Enum.Parse<ClusterStory>(Schedule.Story, ignoreCase: true), Strategies.Parse(Strategy));
        var trial = swarm.Play(Seed, new ClusterHooks
        {
            Schedule = Schedule, Named = (INamedChoices?)hooks.Named ?? recording, KeepsTrace = hooks.Records, Begun = hooks.Watch,
            Ended = (world, deeds, drawn) =>
            {
                faults = deeds.Count(d => d.Name != ClusterDeed.Nothing);
                if (hooks.Records)
                    trace = RecordedTrace.Of(Recorder.NewHeader("cluster", swarm.Name, Seed) with { Strategy = Strategy, Cluster = Schedule with { Deeds = [.. deeds], Clients = drawn.Clients, Voters = drawn.Voters, Spares = drawn.Spares } }, world, recording);
            },
        });
        var check = trial.Discovery?.Promise ?? "";
        var failureClass = FailureClassOf(trial);
        var observed = trial.Discovery?.What ?? "";
        return new(trial.Verdict, failureClass, check.Length > 0 ? [check] : [], observed, trial.Hash.ToString("x16", CultureInfo.InvariantCulture),
            trace is null ? null : trace with { Header = trace.Header with { Verdict = trial.Verdict.ToString(), FailureClass = failureClass, Check = check, Observed = observed } })
        {
            Faults = faults, Lines = [.. trial.Counts.Where(c => c.Count > 0).Select(c => $"  {c.Count} {c.Name}")],
        };
    }

    /// <summary>The class of what a swarm found, by the name of the promise.</summary>
    public static string FailureClassOf(SwarmTrial trial) => (trial.Verdict, trial.Discovery?.Promise) switch
    {
        (Verdict.Valid, _) => "",
        (Verdict.Unknown, _) => FailureClass.Harness,
        (_, "Live") => FailureClass.Liveness,
        (_, Discovery.InvariantCrash or Discovery.InvariantHalt or "Invariant" or "Starts" or RunOutcome.CrashCheck) => FailureClass.Crash,
        (_, RunOutcome.DeterminismCheck) => FailureClass.Nondeterminism,
        _ => FailureClass.Safety,
    };
}

/// <summary>A schedule of the Raft core alone (swarm raft), written down.</summary>
internal sealed record RaftPlay(SwarmSchedule Schedule, bool HasActors) : IPlayable
{
    public string What => $"swarm raft, seed {Schedule.Seed}, {Schedule.Deeds.Length} deeds";

    /// <summary>Draws the schedule of a seed and writes it down.</summary>
    public static RaftPlay Of(ulong seed, SwarmStrategy? shape, string actors)
    {
        var makes = actors.Length == 0 ? null : Strategies.Parse(actors);
        return new(RaftSwarm.Record(seed, shape, choices => new SwarmWatch { Actors = makes?.Invoke(choices) }).Schedule, makes is not null);
    }

    public Played Play(PlayHooks hooks)
    {
        var result = RaftSwarm.Play(Schedule, new SwarmWatch { Tell = hooks.Tell, StopAtStep = (int)hooks.StopAtStep, Stopped = () => hooks.Stopped(null) }, HasActors);
        var verdict = result.IsClean ? Verdict.Valid : Verdict.Invalid;
        var discovery = result.Violation is { } violation ? new Discovery(violation.Promise, $"step {violation.Step}: {violation.What}") : null;
        return new(verdict, ClusterPlay.FailureClassOf(new(verdict, discovery, "", 0, [])), discovery is null ? [] : [discovery.Promise], discovery?.What ?? "",
            result.TraceHash.ToString("x16", CultureInfo.InvariantCulture), null)
        {
            Faults = Schedule.Deeds.Count(d => d.IsFault) + result.MessageFaults,
        };
    }
}
