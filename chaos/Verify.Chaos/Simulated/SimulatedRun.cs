using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Simulated;

/// <summary>How simulated runs are to be made.</summary>
public sealed record SimulatedOptions
{
    /// <summary>Test only.</summary>
    public bool FencingOff { get; init; }

    /// <summary>Every seed runs twice; differing hashes are a failure of the class "nondeterminism".</summary>
    public bool Twice { get; init; }

    /// <summary>A seed that does not end valid runs a second time: a failure that cannot be repeated is another failure than it seems.</summary>
    public bool FailuresTwice { get; init; }

    /// <summary>The durations of the nodes. Those of production, but for a hunt that wants a window wider open.</summary>
    public Timing Timing { get; init; } = new();

    /// <summary>The simulated world's network, disks and timers.</summary>
    public SimOptions World { get; init; } = new();

    /// <summary>Notes or makes the choices by their names; null: they have none.</summary>
    public Func<INamedChoices?> Named { get; init; } = () => null;

    /// <summary>Called with each world before it begins, and after its end, however that came; for recording, for stopping at a step, and
    /// for tests that break something.</summary>
    public Action<SimWorld> Begun { get; init; } = _ => { };
    public Action<SimWorld> Ended { get; init; } = _ => { };

    /// <summary>Who goes first among those who could; see <see cref="Strategies"/>.</summary>
    public string Strategy { get; init; } = "random";

    /// <summary>Makes the scheduler in the place of <see cref="Strategy"/>: for one that learns from run to run, or that somebody watches.</summary>
    public Func<IChoiceSource, IActorScheduler>? Scheduler { get; init; }

    /// <summary>The scenario was drawn: nobody promised that every fault finds somebody, or that every kind of operation is answered often.</summary>
    public bool IsDrawn { get; init; }

    /// <summary>After the faults a random quorum is healed and the rest kept down; it must come together before everything is healed.</summary>
    public bool LivesOnACore { get; init; }

    /// <summary>Fault points in node code may fire. Without effect but in the test build (-p:Mutants=true).</summary>
    public bool FaultPoints { get; init; }

    /// <summary>What the judges are given of what was recorded: all, as it was. Anything else is a canary's falsehood.</summary>
    public Func<RunFacts, RunFacts> Account { get; init; } = facts => facts;

    /// <summary>Where every line of the trace goes; null for nowhere.</summary>
    public string? TraceFile { get; init; }
}

/// <summary>Plays a scenario once in a simulated world: one seed, one thread, virtual time.</summary>
internal static class SimulatedRun
{
    private static readonly TimeSpan VirtualLimit = TimeSpan.FromMinutes(30);

    public static RunRecord Play(Scenario scenario, ulong seed, SimulatedOptions options)
    {
        var run = PlayOnce(scenario, seed, options);
        if (!options.Twice && (run.Verdict == Verdict.Valid || !options.FailuresTwice)) return run;
        var again = PlayOnce(scenario, seed, options);
        if (again.TraceHash == run.TraceHash) return run;
        var finding = new Finding(RunOutcome.DeterminismCheck, Verdict.Invalid, "the same seed gives the same trace", $"{run.TraceHash} and {again.TraceHash}", "equal hashes")
        {
            Evidence = FirstDifference(scenario, seed, options),
        };
        return run with { Verdict = Verdict.Invalid, FailureClass = FailureClass.Nondeterminism, Findings = [finding, .. run.Findings] };
    }

    private static RunRecord PlayOnce(Scenario scenario, ulong seed, SimulatedOptions options) => WorldThread.Run(() =>
    {
        var clock = Stopwatch.StartNew();
        var (world, simulation) = Build(scenario, seed, options);
        using (simulation)
        {
            var runner = new ScenarioRunner(scenario, world, new Dice(seed).Fork("scenario")) { ToleratesMisses = options.IsDrawn, LivesOnACore = options.LivesOnACore };
#if VERIFY_MUTANTS
            var probes = new Raft.ProbeRun(options.FaultPoints ? n => simulation.Choices.Next(ChoiceKind.Fault, n) : null);
            Raft.ProbeRun.Current = probes;
#endif
            try
            {
                RunFacts? facts = null;
                options.Begun(simulation);
                simulation.Run(async () => facts = await runner.RunAsync(CancellationToken.None), VirtualLimit);
                facts = options.Account(facts!);
                IReadOnlyList<Finding> findings = RunOutcome.Judge(CheckMapping.For(scenario, options.IsDrawn), facts, runner.Troubles);
                if (runner.Core is { } core) findings = [.. findings, core];
                if (world.BrokenRaft is { } broken) findings = [broken, .. findings];
                return Record(scenario, seed, options, world, simulation, clock) with
                {
#if VERIFY_MUTANTS
                    MarkCounts = probes.MarkCounts, FaultPointHits = probes.Hits,
#endif
                    Verdict = findings.Worst(), FailureClass = RunOutcome.Class(findings, facts!.Events), Findings = findings,
                    Events = facts.Events, Ops = facts.History.Ops, FinalRows = facts.History.FinalRows, FinalPrimary = facts.History.FinalPrimary,
                };
            }
            catch (Exception e) when (e is HarnessException or DeadlockException or WorldTimeoutException or StepLimitException or SimWorldException
                or MySqlException or IOException)
            {
                return Failed(scenario, seed, options, world, simulation, clock, e, runner.Ops.All());
            }
            finally
            {
                options.Ended(simulation);
                if (options.TraceFile is { } file) File.WriteAllLines(file, simulation.Trace.Lines.Select(l => $"{Sim.Tracing.Trace.TimeText(l.Micros)}  #{l.Step}  {l.What}"));
            }
        }
    });

    private static (SimulatedWorld World, SimWorld Simulation) Build(Scenario scenario, ulong seed, SimulatedOptions options)
    {
        var choices = new DiceChoices(seed);
        var simulation = new SimWorld(
            options.World with { KeepWholeTrace = options.World.KeepWholeTrace || options.TraceFile is not null }, choices,
            options.Scheduler?.Invoke(choices) ?? Strategy.Parse(options.Strategy).Create(choices), options.Named());
        return (new SimulatedWorld(scenario, simulation, options), simulation);
    }

    private static RunRecord Record(Scenario scenario, ulong seed, SimulatedOptions options, SimulatedWorld world, SimWorld simulation, Stopwatch clock) => new()
    {
        World = "sim", Seed = seed, Verdict = Verdict.Unknown, Findings = [], Nodes = world.Nodes, Servers = world.Servers, Details = world.Details,
        TraceHash = simulation.Trace.Hash.ToString("x16", CultureInfo.InvariantCulture),
        RunSeconds = simulation.NowMicros / 1e6, WallSeconds = clock.Elapsed.TotalSeconds,
        RepeatCommand = "dotnet run --project chaos/Verify.Chaos -c Release -- " + (options.IsDrawn ? $"swarm fleet --seeds {seed} --tell" : options.Strategy == "random"
            ? $"run {scenario.Name} --world sim --seeds {seed}{(world.FencingOff ? " --no-fencing" : "")}" : $"explore --scenario {scenario.Name} --strategy {options.Strategy} --seeds {seed} --tell"),
    };

    /// <summary>The run did not reach its end: nothing was proven, but a world that stands still or dies is told with what is known.</summary>
    private static RunRecord Failed(
        Scenario scenario, ulong seed, SimulatedOptions options, SimulatedWorld world, SimWorld simulation, Stopwatch clock, Exception cause, IReadOnlyList<Op> ops)
    {
        var (failureClass, finding) = RunOutcome.OfBreakdown(cause, [.. world.Nodes.Keys]);
        return Record(scenario, seed, options, world, simulation, clock) with
        {
            Verdict = world.BrokenRaft?.Verdict ?? finding.Verdict, FailureClass = world.BrokenRaft is null ? failureClass : FailureClass.Safety,
            Findings = world.BrokenRaft is { } broken ? [broken, finding] : [finding], Events = world.Events.Sorted(), Ops = ops,
        };
    }

    private static string FirstDifference(Scenario scenario, ulong seed, SimulatedOptions options)
    {
        IReadOnlyList<Sim.Tracing.TraceLine> Lines()
        {
            IReadOnlyList<Sim.Tracing.TraceLine> lines = [];
            PlayOnce(scenario, seed, options with
            {
                World = options.World with { KeepWholeTrace = true }, TraceFile = null, Ended = world => lines = [.. world.Trace.Lines],
            });
            return lines;
        }

        return RunTwice.Compare(Lines(), Lines());
    }
}
