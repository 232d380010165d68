using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Plays one scenario in one world: set up, warm up, work and hurt, heal, settle, read. It knows nothing of which
/// world it is; in simulation it runs inside the world, on virtual time.</summary>
public sealed class ScenarioRunner(Scenario scenario, IWorld world, Dice dice)
{
    private static readonly TimeSpan AskingPause = TimeSpan.FromMilliseconds(250);

    /// <summary>What went on, one short line at a time, for the one who waits.</summary>
    public Action<string> Progress { get; init; } = _ => { };

    /// <summary>The operations so far; for progress displays and for what is kept when a run breaks off.</summary>
    public OpLog Ops { get; private set; } = new();

    /// <summary>One seed of a swarm may draw a fault that finds nobody or hits nothing; what somebody wrote down must be done and bite.</summary>
    public bool ToleratesMisses { get; init; }

    /// <summary>After the faults a random quorum is healed and the rest kept down, before everything is healed.</summary>
    public bool LivesOnACore { get; init; }

    /// <summary>What came of that; null when it was not asked for.</summary>
    public Verify.Checks.Finding? Core { get; private set; }

    /// <summary>Why the run is no pass: steps that could not be done, or had no effect.</summary>
    public IReadOnlyList<string> Troubles { get; private set; } = [];

    /// <summary>Steps that could not be done, or had no effect, tolerated or not.</summary>
    public IReadOnlyList<string> Misses { get; private set; } = [];

    public async Task<RunFacts> RunAsync(CancellationToken cancel)
    {
        Progress("starting the fleet");
        await world.StartAsync(cancel);
        Phase("warmUp");
        await WarmUpAsync(cancel);

        var workload = new Workload(world, scenario.Workload, scenario.Fleet.DataCenters, dice.Fork("workload"));
        var nemesis = new Nemesis(world, new(world, dice.Fork("targets")), dice.Fork("nemesis"));
        Ops = workload.Log;
        Phase("faults");
        var startUs = world.Events.NowUs;
        var untilUs = startUs + (long)scenario.Workload.For.TotalMicroseconds;
        var work = workload.RunAsync(untilUs, cancel);
        var asking = AsksNodes ? AskNodesAsync(untilUs, cancel) : Task.CompletedTask;
        try
        {
            await nemesis.RunAsync(scenario.Steps, startUs, cancel);
            await work;
            await asking;
            if (LivesOnACore)
            {
                Phase("core");
                Core = await new CorePhase(world, nemesis, dice.Fork("core")).RunAsync(scenario.Steps);
            }
        }
        finally
        {
            await nemesis.HealAllAsync();
        }

        Phase("healed");
        var (rows, state) = await ReadFinallyAsync(workload, cancel);
        Phase("final");
        Misses = [.. nemesis.Troubles, .. nemesis.Misses];
        Troubles = ToleratesMisses ? [] : Misses;
        return Facts(workload.Log.All(), rows, state);
    }

    /// <summary>Nodes speak of servers by their last probe and report: what they say counts when it still holds after the next ones.</summary>
    private static readonly TimeSpan SettledFor = TimeSpan.FromMilliseconds(800);

    /// <summary>Waits until the fleet has settled and reads everything. A fleet that lost its leader while it was read had not settled yet: it
    /// gets the rest of its time, so that the convergence check has a verdict and not an end before the bound.</summary>
    private async Task<(IReadOnlyDictionary<string, IReadOnlySet<string>> Rows, FleetState State)> ReadFinallyAsync(Workload workload, CancellationToken cancel)
    {
        var untilUs = world.Events.NowUs + (long)scenario.Settle.TotalMicroseconds;
        while (true)
        {
            await SettleAsync(cancel);
            Phase("settled");
            await workload.FinalReadsAsync();
            var rows = await world.ReadRowsAsync();
            var state = await world.ObserveAsync();
            if ((state.Converged && IsOpen(state.Primary)) || world.Events.NowUs >= untilUs) return (rows, state);
        }
    }

    /// <summary>Nodes go by their last probe: a primary that closed itself a moment ago still looks open to them. The world saw it close.</summary>
    private bool IsOpen(string? primary) => primary is null
        || world.Events.Sorted().LastOrDefault(e => e.Kind is EventKinds.Writable or EventKinds.ServerDown && e.Subject == primary) is { Kind: EventKinds.Writable } last && last["writable"] == "true";

    /// <summary>Somebody who goes by what the nodes say is part of the story only where what they say is judged.</summary>
    private bool AsksNodes => scenario.Expect.Any(e => e is Expectation.UnhealthyWithin or Expectation.PrimaryNamedWithin or Expectation.ThrottleWithin);
    private bool AsksThrottler => scenario.Expect.Any(e => e is Expectation.ThrottleWithin);

    private async Task AskNodesAsync(long untilUs, CancellationToken cancel)
    {
        while (world.Events.NowUs < untilUs)
        {
            foreach (var word in await world.AskNodesAsync())
            {
                world.Events.Add(EventKinds.Told, word.Node, world.Nodes[word.Node],
                    fields: [("healthy", word.IsHealthy ? "true" : "false"), ("primary", word.Primary ?? ""), ("leased", word.IsLeased ? "true" : "false")]);
            }

            if (AsksThrottler)
            {
                foreach (var (node, status) in await world.CheckThrottleAsync())
                    world.Events.Add(EventKinds.Checked, node, world.Nodes[node], fields: [("status", status.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
            }

            await Task.Delay(AskingPause, world.Time, CancellationToken.None).WaitAsync(cancel);
        }
    }

    private async Task WarmUpAsync(CancellationToken cancel)
    {
        var since = world.Events.NowUs;
        await WaitUntilConvergedAsync(TimeSpan.FromSeconds(Math.Max(60, scenario.WarmUp.TotalSeconds)), "the fleet did not come up", cancel);
        var rest = (long)scenario.WarmUp.TotalMicroseconds - (world.Events.NowUs - since);
        if (rest > 0 && world.Kind == "sim") await Task.Delay(TimeSpan.FromMicroseconds(rest), world.Time, cancel);
    }

    private async Task SettleAsync(CancellationToken cancel)
    {
        try
        {
            await WaitUntilConvergedAsync(scenario.Settle, "not settled", cancel, held: SettledFor);
        }
        catch (HarnessException e)
        {
            // Not settling is for the convergence check to judge; here it is only told.
            Progress(e.Message);
            world.Events.Add(EventKinds.Phase, "run", "", fields: [("name", "unsettled"), ("waiting", e.Message)]);
        }
    }

    /// <param name="held">For so long it must have looked converged.</param>
    private async Task WaitUntilConvergedAsync(TimeSpan limit, string otherwise, CancellationToken cancel, TimeSpan held = default)
    {
        var until = world.Events.NowUs + (long)limit.TotalMicroseconds;
        var told = "";
        long? since = null;
        while (true)
        {
            var state = await world.ObserveAsync();
            since = state.Converged ? since ?? world.Events.NowUs : null;
            if (world.Events.NowUs - since >= (long)held.TotalMicroseconds) return;
            if (world.Events.NowUs >= until) throw new HarnessException($"{otherwise} within {limit.TotalSeconds:0} s: {state.Waiting}");
            if (state.Waiting.Length > 0 && state.Waiting != told) Progress($"waiting: {told = state.Waiting}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), world.Time, cancel);
        }
    }

    private void Phase(string name)
    {
        world.Events.Add(EventKinds.Phase, "run", "", fields: [("name", name)]);
        Progress(name);
    }

    private RunFacts Facts(IReadOnlyList<Op> ops, IReadOnlyDictionary<string, IReadOnlySet<string>> rows, FleetState final) => new()
    {
        History = new(ops) { FinalRows = rows, FinalPrimary = final.Primary, SetAside = final.SetAside },
        Events = world.Events.Sorted(),
        Nodes = world.Nodes,
        Servers = world.Servers,
        FirstPrimary = scenario.Fleet.Primary,
        ObservationsAreExact = world.ObservationsAreExact,
        EndUs = world.Events.NowUs,
    };
}

/// <summary>The harness or the machine failed, not the system under test. Exit code 3.</summary>
public sealed class HarnessException(string message, Exception? cause = null) : Exception(message, cause);
