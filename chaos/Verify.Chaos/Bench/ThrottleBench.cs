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
    private static readonly Kind[] Kinds =
    [
        new($"GET {Path} on the leader", 1, node => HttpWire.Get(node, Path)) { Freno = "19.9 k/s, p50 0.043 ms" },
        new($"GET {Path} on the leader", 8, node => HttpWire.Get(node, Path)) { Freno = "57.8 k/s, p50 0.087 ms", HasGoal = true },
        new($"GET {Path} on the leader", 64, node => HttpWire.Get(node, Path)) { Freno = "63.1 k/s" },
        new($"HEAD {Path} on the leader (as gh-ost asks)", 8, node => HttpWire.Head(node, Path)),
        new("the same check with X-Forwarded-For, which goes the long way through HTTP", 8, node => HttpWire.Get(node, Path, "X-Forwarded-For: 10.1.2.3")),
        new("the same check at a follower, who asks the leader", 8, node => HttpWire.Get(node, Path)) { AtFollower = true },
    ];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan AgainLimit = TimeSpan.FromSeconds(20);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        await using var world = await LiveWorld.BuildAsync(ScenarioFiles.Parse(Fleet, "bench throttle"), options.Live, say, cancel);
        await world.StartAsync(cancel);
        var figures = new List<Figure>();
        try
        {
            var first = world.Http[await GoesOnAsync(world, cancel)];
            HttpLoad.Run(first, _ => HttpWire.Get(first, Path), 8, options.Length(10, 5), cancel); // Compiling in several steps takes its time.
            foreach (var kind in Kinds) figures.Add(await LoadAsync(world, kind, options, say, cancel));
            figures.Add(await KillAsync(world, options.RoundsOr(7, 3), say, cancel));
        }
        catch (HarnessException cause)
        {
            throw new BenchIncompleteException(figures, cause.Message, cause);
        }

        return figures;
    }

    private static async Task<Figure> LoadAsync(LiveWorld world, Kind kind, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var leader = await GoesOnAsync(world, cancel);
        var asked = kind.AtFollower ? world.Http.Keys.Where(n => n != leader).Order(StringComparer.Ordinal).First() : leader;
        var (node, pid) = (world.Http[asked], world.PidOf(asked));
        var question = kind.Question(node);
        HttpLoad.Run(node, _ => question, kind.Clients, WarmUp, cancel); // The longer ways through HTTP have code of their own.
        var cpu = ProcessCost.CpuSeconds(pid);
        var load = HttpLoad.Run(node, _ => question, kind.Clients, options.Length(10, 3), cancel);
        cpu = ProcessCost.CpuSeconds(pid) - cpu;
        if (load.LatenciesMs.Count == 0) throw new HarnessException($"no check was answered with 200: {load.Trouble}");
        var (spread, answers) = (Spread.Of(load.LatenciesMs), load.LatenciesMs.Count + load.Errors);
        var (ofNode, ofLoad) = (cpu * 1e6 / answers, load.CpuSeconds * 1e6 / answers);
        say(string.Create(CultureInfo.InvariantCulture,
            $"throttle: {kind.What}, {kind.Clients} clients: {load.PerSecond:0} checks/s, p50 {spread.Median:0.000} ms, {ofNode:0.0} µs CPU of the node and {ofLoad:0.0} of the load each, {load.Errors} other answers {load.Trouble}"));
        return new("throttle", $"{kind.What}, {kind.Clients} {(kind.Clients == 1 ? "client" : "clients")}", "ms", spread)
        {
            PerSecond = load.PerSecond, CpuMicrosPerRequest = ofNode,
            Beside = string.Create(CultureInfo.InvariantCulture, $"CPU each: node {ofNode:0.0} µs, load {ofLoad:0.0} µs{(kind.Freno.Length > 0 ? $"; freno {kind.Freno} (wrk)*" : "")}"),
            Goal = kind.HasGoal ? "at least 60,000/s, p50 at most 0.09 ms" : "", ReachesGoal = kind.HasGoal ? load.PerSecond >= 60_000 && spread.Median <= 0.09 : null,
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

    /// <summary>One way to ask.</summary>
    private sealed record Kind(string What, int Clients, Func<Uri, byte[]> Question)
    {
        public string Freno { get; init; } = "";
        public bool HasGoal { get; init; }
        public bool AtFollower { get; init; }
    }
}
