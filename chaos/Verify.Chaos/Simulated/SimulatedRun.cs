using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
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

    /// <summary>Called on the world's thread when the run is over, whatever came of it.</summary>
    public Action<Sim.Tracing.Trace>? TraceTaken { get; init; }

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
        var finding = new Finding("determinism", Verdict.Invalid, "the same seed gives the same trace", $"{run.TraceHash} and {again.TraceHash}", "equal hashes")
        {
            Evidence = FirstDifference(scenario, seed, options),
        };
        return run with { Verdict = Verdict.Invalid, FailureClass = "nondeterminism", Findings = [finding, .. run.Findings] };
    }

    private static RunRecord PlayOnce(Scenario scenario, ulong seed, SimulatedOptions options) => WorldThread.Run(() =>
    {
        var clock = Stopwatch.StartNew();
        var (world, simulation) = Build(scenario, seed, options, options.TraceFile is not null);
        using (simulation)
        {
            var runner = new ScenarioRunner(scenario, world, new Dice(seed).Fork("scenario"));
            try
            {
                RunFacts? facts = null;
                simulation.Run(async () => facts = await runner.RunAsync(CancellationToken.None), VirtualLimit);
                var findings = RunOutcome.Judge(CheckMapping.For(scenario), facts!, runner.Troubles);
                return Record(scenario, seed, world, simulation, clock) with
                {
                    Verdict = findings.Worst(), FailureClass = RunOutcome.Class(findings, facts!.Events), Findings = findings,
                    Events = facts.Events, Ops = facts.History.Ops, FinalRows = facts.History.FinalRows, FinalPrimary = facts.History.FinalPrimary,
                };
            }
            catch (Exception e) when (e is HarnessException or DeadlockException or WorldTimeoutException or StepLimitException)
            {
                return Failed(scenario, seed, world, simulation, clock, e, runner.Ops.All());
            }
            catch (SimWorldException e)
            {
                return Failed(scenario, seed, world, simulation, clock, e, runner.Ops.All()) with { FailureClass = "crash" };
            }
            finally
            {
                options.TraceTaken?.Invoke(simulation.Trace);
                if (options.TraceFile is { } file) File.WriteAllLines(file, simulation.Trace.Lines.Select(l => $"{Sim.Tracing.Trace.TimeText(l.Micros)}  #{l.Step}  {l.What}"));
            }
        }
    });

    private static (SimulatedWorld World, SimWorld Simulation) Build(Scenario scenario, ulong seed, SimulatedOptions options, bool keepTrace)
    {
        var choices = new DiceChoices(seed);
        var simulation = new SimWorld(options.World with { KeepWholeTrace = keepTrace || options.World.KeepWholeTrace }, choices, new RandomActors(choices));
        return (new SimulatedWorld(scenario, simulation, options), simulation);
    }

    private static RunRecord Record(Scenario scenario, ulong seed, SimulatedWorld world, SimWorld simulation, Stopwatch clock) => new()
    {
        World = "sim", Seed = seed, Verdict = Verdict.Unknown, Findings = [], Nodes = world.Nodes, Servers = world.Servers, Details = world.Details,
        TraceHash = simulation.Trace.Hash.ToString("x16", CultureInfo.InvariantCulture),
        RunSeconds = simulation.NowMicros / 1e6, WallSeconds = clock.Elapsed.TotalSeconds,
        RepeatCommand = $"dotnet run --project chaos/Verify.Chaos -c Release -- run {scenario.Name} --world sim --seeds {seed}{(world.FencingOff ? " --no-fencing" : "")}",
    };

    /// <summary>The run did not reach its end: nothing was proven, but a world that stands still or dies is told with what is known.</summary>
    private static RunRecord Failed(Scenario scenario, ulong seed, SimulatedWorld world, SimWorld simulation, Stopwatch clock, Exception cause, IReadOnlyList<Op> ops)
    {
        // A fleet that never comes up or stands still breaks the promise to converge; a broken harness proves nothing.
        var isLiveness = cause is HarnessException or WorldTimeoutException;
        var finding = new Finding(isLiveness ? "convergence" : "harness", isLiveness ? Verdict.Invalid : Verdict.Unknown,
            "the run comes to its end", cause.Message, "no standstill, no crash") { Evidence = cause.ToString() };
        return Record(scenario, seed, world, simulation, clock) with
        {
            Verdict = finding.Verdict, FailureClass = isLiveness ? "liveness" : "harness", Findings = [finding], Events = world.Events.Sorted(), Ops = ops,
        };
    }

    private static string FirstDifference(Scenario scenario, ulong seed, SimulatedOptions options)
    {
        IReadOnlyList<Sim.Tracing.TraceLine> Lines() => WorldThread.Run(() =>
        {
            var (world, simulation) = Build(scenario, seed, options with { Twice = false }, keepTrace: true);
            using (simulation)
            {
                var runner = new ScenarioRunner(scenario, world, new Dice(seed).Fork("scenario"));
                try
                {
                    simulation.Run(() => runner.RunAsync(CancellationToken.None), VirtualLimit);
                }
                catch (Exception e) when (e is HarnessException or DeadlockException or WorldTimeoutException or SimWorldException)
                {
                    return [.. simulation.Trace.Lines];
                }

                return (IReadOnlyList<Sim.Tracing.TraceLine>)[.. simulation.Trace.Lines];
            }
        });
        return RunTwice.Compare(Lines(), Lines());
    }
}
