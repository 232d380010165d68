using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Commands;
using Verify.Chaos.Live;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench;

/// <summary>Throttle checks over HTTP, answered by a node that really samples real servers: how many, how fast, and how long nobody says 200
/// after the leader was killed.</summary>
internal sealed class ThrottleBench : IBench
{
    private const string Path = "/check/bench/mysql/main";
    private const string Fleet = """
        name: bench-throttle
        story: Three nodes sample three servers; clients ask whether they may write.
        fleet:
          nodes: { east: [n1], west: [n2], north: [n3] }
          mysql: { east: [db1], west: [db2], north: [db3] }
          primary: db1
        workload: { clients: 1, for: 1s, mix: { kvGet: 1 } }
        steps: []
        expect: [singleLeader]
        """;
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan AgainLimit = TimeSpan.FromSeconds(20);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        await using var world = await LiveWorld.BuildAsync(ScenarioFiles.Parse(Fleet, "bench throttle"), options.Live, say, cancel);
        await world.StartAsync(cancel);
        var figures = new List<Figure>();
        try
        {
            foreach (var clients in new[] { 1, 8, 64 }) figures.Add(await LoadAsync(world, clients, options, say, cancel));
            figures.Add(await KillAsync(world, options.RoundsOr(7, 3), say, cancel));
        }
        catch (HarnessException cause)
        {
            throw new BenchIncompleteException(figures, cause.Message, cause);
        }

        return figures;
    }

    private static async Task<Figure> LoadAsync(LiveWorld world, int clients, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var node = world.Http[await GoesOnAsync(world, cancel)];
        var question = HttpWire.Get(node, Path);
        HttpLoad.Run(node, _ => question, clients, TimeSpan.FromSeconds(2), cancel); // Compiled code and warm connections first.
        var load = HttpLoad.Run(node, _ => question, clients, options.Length(10, 3), cancel);
        if (load.LatenciesMs.Count == 0) throw new HarnessException($"no check was answered with 200: {load.Trouble}");
        var spread = Spread.Of(load.LatenciesMs);
        say(string.Create(CultureInfo.InvariantCulture, $"throttle: {clients} clients: {load.PerSecond:0} checks/s, p50 {spread.Median:0.000} ms, {load.Errors} other answers {load.Trouble}"));
        var (per, p50, freno) = clients switch { 1 => (0, 0.0, "freno 19.9 k/s, p50 0.043 ms"), 8 => (60_000, 0.09, "freno 57.8 k/s, p50 0.087 ms"), _ => (0, 0.0, "freno 63.1 k/s") };
        return new("throttle", $"GET {Path} on the leader, {clients} {(clients == 1 ? "client" : "clients")}", "ms", spread)
        {
            PerSecond = load.PerSecond, Beside = $"{freno} (wrk)*",
            Goal = per > 0 ? "at least 60,000/s, p50 at most 0.09 ms" : "", ReachesGoal = per > 0 ? load.PerSecond >= per && spread.Median <= p50 : null,
        };
    }

    private static async Task<Figure> KillAsync(LiveWorld world, int rounds, Action<string> say, CancellationToken cancel)
    {
        var seconds = new List<double>();
        for (var round = 1; round <= rounds; round++)
        {
            var leader = await GoesOnAsync(world, cancel);
            await Task.Delay(TimeSpan.FromSeconds(2), cancel);
            var others = world.Http.Where(n => n.Key != leader).Select(n => n.Value).ToArray();
            var began = Stopwatch.GetTimestamp();
            await world.KillAsync(leader);
            seconds.Add(await AgainAsync(others, began, cancel));
            say(string.Create(CultureInfo.InvariantCulture, $"throttle: leader killed {round}: 200 again after {seconds[^1]:0.000} s"));
            await world.StartAgainAsync(leader);
        }

        var spread = Spread.Of(seconds);
        return new("throttle", "kill -9 of the leader -> the first check that answers 200 again, at any other node", "s", spread)
        {
            Goal = "median below 1 s", ReachesGoal = spread.Median < 1, Beside = "freno 12.1 s (4.1 to 14.7)*",
        };
    }

    private static async Task<double> AgainAsync(Uri[] nodes, long began, CancellationToken cancel)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = TimeSpan.FromMilliseconds(1500) };
        while (Stopwatch.GetElapsedTime(began) < AgainLimit)
        {
            var answers = await Task.WhenAll(nodes.Select(n => StatusAsync(http, n, cancel)));
            if (answers.Contains(200)) return Stopwatch.GetElapsedTime(began).TotalSeconds;
            await Task.Delay(2, cancel);
        }

        throw new HarnessException($"no check was answered with 200 within {AgainLimit.TotalSeconds:0} s after the leader was killed");
    }

    private static async Task<int> StatusAsync(HttpClient http, Uri node, CancellationToken cancel)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(node, Path), cancel);
            return (int)answer.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return 0;
        }
    }

    /// <summary>The leader of a fleet that is whole and whose checks are answered with 200 there.</summary>
    private static async Task<string> GoesOnAsync(LiveWorld world, CancellationToken cancel)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(2) };
        var (start, waiting) = (Stopwatch.GetTimestamp(), "");
        while (Stopwatch.GetElapsedTime(start) < WholeLimit)
        {
            var state = await world.ObserveAsync();
            waiting = state.Waiting;
            if (state is { Converged: true, Leader: { } leader })
            {
                var status = await StatusAsync(http, world.Http[leader], cancel);
                if (status == 200) return leader;
                waiting = $"a check that is answered with 200 ({status})";
            }

            await Task.Delay(200, cancel);
        }

        throw new HarnessException($"the fleet was not whole within {WholeLimit.TotalSeconds:0} s; it waits for {waiting}");
    }
}
