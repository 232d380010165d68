using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Chaos.Worlds;
using Verify.Checks;

namespace Verify.Chaos.Bench;

/// <summary>Real servers: from the death of the primary to the first write that its successor has acknowledged, and where the time went, from what the nodes wrote of
/// themselves. Clients come all the time, each on a connection of its own and whether or not those before have an answer: one client that waits 1.5 s for a server that
/// stands still would measure its own patience (2.33 or 3.12 s, and nothing between).</summary>
internal sealed class FailoverBench : IBench
{
    private const string ScenarioName = "dc-fencing";
    private const int WritesBefore = 20;
    private const double GoalKilledSeconds = 1.0, GoalHungSeconds = 2.5;
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan FailoverLimit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ClientPause = TimeSpan.FromMilliseconds(2), NextClient = TimeSpan.FromMilliseconds(25);
    private int _writes;

    private enum Death { Killed, Hung }

    /// <summary>One failover: when the primary died and when its successor took a write, in microseconds of the world's clock.</summary>
    private sealed record Failover(Death Death, string Old, string New, long DiedUs, long WrittenUs);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var (scenario, _) = ScenarioFiles.Read(ScenarioName);
        var rounds = options.RoundsOr(5, 2);
        await using var world = await LiveWorld.BuildAsync(scenario, options.Live, say, cancel);
        await world.StartAsync(cancel);
        var seen = new List<Failover>();
        var broken = await PlayAsync(world, rounds, seen, say, cancel);
        await world.StopWatchingAsync();
        var folder = Directory.CreateTempSubdirectory("verify-bench-").FullName;
        world.Collect(folder);
        var figures = Figures(seen, world.Events.Sorted(), $"{options.Live.Flavor}, {scenario.Fleet.Durability}");
        if (broken is not null) throw new BenchIncompleteException(figures, $"{broken.Message}. The logs of nodes and servers are in {folder}", broken);
        Directory.Delete(folder, recursive: true);
        return figures;
    }

    /// <returns>What kept it from playing all rounds; null when nothing did.</returns>
    private async Task<HarnessException?> PlayAsync(LiveWorld world, int rounds, List<Failover> seen, Action<string> say, CancellationToken cancel)
    {
        try
        {
            foreach (var death in new[] { Death.Killed, Death.Hung })
            {
                for (var round = 1; round <= (death == Death.Killed ? rounds : Math.Max(1, rounds / 2)); round++)
                {
                    var failover = await FailAsync(world, death, cancel);
                    seen.Add(failover);
                    say(string.Create(CultureInfo.InvariantCulture,
                        $"failover: {death} {round}: {failover.Old} -> {failover.New}, first write after {Seconds(failover.DiedUs, failover.WrittenUs):0.00} s"));
                }
            }

            await WholeAsync(world, cancel);
            return null;
        }
        catch (HarnessException cause)
        {
            say($"failover: broken off: {cause.Message}");
            return cause;
        }
    }

    /// <summary>One round: all is well, the primary dies, the client finds the next one, the old one comes back.</summary>
    private async Task<Failover> FailAsync(LiveWorld world, Death death, CancellationToken cancel)
    {
        var primary = await WholeAsync(world, cancel);
        await Task.Delay(Calm, cancel);
        await using var client = world.Sql(client: 1, world.Servers.First(s => s.Key != primary).Value);
        for (var done = 0; done < WritesBefore; cancel.ThrowIfCancellationRequested())
        {
            var answer = await WriteAsync(client);
            if (answer.Outcome == OpOutcome.Ok) done++;
        }

        var died = world.Events.NowUs;
        var dying = death == Death.Killed ? world.KillAsync(primary).AsTask() : world.PauseAsync(primary).AsTask();
        var (taken, written) = await FirstWriteAsync(world, primary, cancel);
        await dying;
        if (death == Death.Killed) await world.StartAgainAsync(primary);
        else await world.ResumeAsync(primary);
        return new(death, primary, taken, died, written);
    }

    /// <summary>Clients come, one after another, until one has had its write acknowledged by another server than this; the others are waited for.</summary>
    private async Task<(string Server, long AtUs)> FirstWriteAsync(LiveWorld world, string dead, CancellationToken cancel)
    {
        var first = new TaskCompletionSource<(string Server, long AtUs)>();
        var (waiting, last) = (new List<Task>(), "");
        async Task TryAsync()
        {
            await using var client = world.Sql(client: 1, world.Servers.First(s => s.Key != dead).Value);
            var answer = await WriteAsync(client);
            if (answer.Outcome == OpOutcome.Ok && answer.Server != dead) first.TrySetResult((answer.Server, world.Events.NowUs));
            else last = answer.Error;
        }

        for (var start = world.Events.NowUs; !first.Task.IsCompleted && Seconds(start, world.Events.NowUs) < FailoverLimit.TotalSeconds; await Task.Delay(NextClient, cancel))
            waiting.Add(TryAsync());
        await Task.WhenAll(waiting);
        return first.Task.IsCompleted ? await first.Task : throw new HarnessException($"no write was taken within {FailoverLimit.TotalSeconds:0} s after the death of {dead}: {last}");
    }

    private async Task<SqlAnswer> WriteAsync(ISqlClient client)
    {
        var answer = await client.InsertAsync(string.Create(CultureInfo.InvariantCulture, $"bench-{Interlocked.Increment(ref _writes)}"));
        await Task.Delay(ClientPause, CancellationToken.None);
        return answer;
    }

    private static async Task<string> WholeAsync(LiveWorld world, CancellationToken cancel)
    {
        var waiting = "";
        for (var start = world.Events.NowUs; Seconds(start, world.Events.NowUs) < WholeLimit.TotalSeconds; await Task.Delay(200, cancel))
        {
            var state = await world.ObserveAsync();
            if (state is { Converged: true, Primary: { } primary }) return primary;
            waiting = state.Waiting;
        }

        throw new HarnessException($"the fleet was not whole within {WholeLimit.TotalSeconds:0} s; it waits for {waiting}");
    }

    private static List<Figure> Figures(List<Failover> seen, IReadOnlyList<RunEvent> events, string servers)
    {
        var killed = seen.Where(f => f.Death == Death.Killed).ToList();
        var hung = seen.Where(f => f.Death == Death.Hung).ToList();
        return
        [
            .. Whole($"kill -9 of the primary -> first write on its successor ({servers})", killed, GoalKilledSeconds, 3.98, 2.12), .. Parts(killed, events),
            .. Whole($"SIGSTOP of the primary -> first write on its successor ({servers})", hung, GoalHungSeconds, 5.88, 5.34), .. Parts(hung, events),
        ];
    }

    private static List<Figure> Parts(List<Failover> failovers, IReadOnlyList<RunEvent> events)
    {
        var phases = failovers.Select(f => FailoverPhases.Read(events, f.DiedUs, f.WrittenUs, f.New)).OfType<FailoverPhases>().ToList();
        if (phases.Count == 0) return [];
        var figures = new List<Figure>
        {
            Phase("  of which: until the leader calls the primary dead (detection)", phases, p => p.Detected),
            Phase("  of which: until the recovery is in the ledger of a majority (decision)", phases, p => p.Decided),
            Phase("  of which: until the old primary is certainly closed (fence)", phases, p => p.Fenced),
            Phase("  of which: relay logs drained, candidate chosen and promoted", phases, p => p.Promoted),
            Phase("  of which: published and opened for writes", phases, p => p.Opened),
            Phase("  of which: until the client's first write is acknowledged", phases, p => p.Written),
        };
        var repointed = phases.Where(p => p.Repointed is not null).ToList();
        if (repointed.Count > 0) figures.Add(Phase("  beside that: from the opening until the other replicas follow", repointed, p => p.Repointed!.Value));
        return figures;
    }

    private static IReadOnlyList<Figure> Whole(string what, List<Failover> failovers, double goalSeconds, double orchestratorSeconds, double orchestratorTightSeconds)
    {
        if (failovers.Count == 0) return [];
        var spread = Spread.Of([.. failovers.Select(f => Seconds(f.DiedUs, f.WrittenUs))]);
        return [new("failover", what, "s", spread)
        {
            Goal = string.Create(CultureInfo.InvariantCulture, $"median <= {goalSeconds:0.0} s"), ReachesGoal = spread.Median <= goalSeconds,
            Beside = string.Create(CultureInfo.InvariantCulture,
                $"orchestrator {orchestratorSeconds:0.00} s ({orchestratorSeconds / spread.Median:0.0}x ours), tightest {orchestratorTightSeconds:0.00} s ({orchestratorTightSeconds / spread.Median:0.0}x)*"),
        }];
    }

    private static Figure Phase(string what, List<FailoverPhases> phases, Func<FailoverPhases, double> seconds) =>
        new("failover", what, "s", Spread.Of([.. phases.Select(seconds)]));

    private static double Seconds(long fromUs, long toUs) => (toUs - fromUs) / 1e6;
}
