using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Live;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench;

/// <summary>Three verify-node processes on real sockets and a real disk: how long an election takes after the leader was killed, and
/// how long a client waits for a write that is synced on a majority, beside the sync alone on the same disk.</summary>
internal sealed class ConsensusBench : IBench
{
    private const double GoalElectionSeconds = 0.5;
    private const int AttemptsPerElectionMax = 3;
    private const int ProbeWrites = 500;
    private static readonly int[] ClientCounts = [1, 8, 64];
    private static readonly TimeSpan ElectionLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan PollPause = TimeSpan.FromMilliseconds(2);
    private static readonly string Value = new('v', 64);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        say("consensus: starting three nodes");
        await using var cluster = await LiveCluster.StartAsync(3, say);
        await cluster.WholeAsync(cancel);
        var figures = new List<Figure>();
        var (appending, overwriting) = SyncProbe.Measure(cluster.Directory, ProbeWrites);
        figures.AddRange(await WritesAndReadsAsync(cluster, options, say, cancel));
        var (appendingAfter, overwritingAfter) = SyncProbe.Measure(cluster.Directory, ProbeWrites);
        figures.Insert(0, new("consensus", "the disk alone: write 256 B + fdatasync, growing file", "ms", Spread.Of([.. appending, .. appendingAfter])));
        figures.Insert(1, new("consensus", "the disk alone: write 256 B + fdatasync, in place", "ms", Spread.Of([.. overwriting, .. overwritingAfter]))
        {
            Beside = "the machine of the shared facts: p50 0.11, p99 0.31 ms",
        });
        figures.Insert(0, await ElectionsAsync(cluster, options, say, cancel));
        return figures;
    }

    private static async Task<IReadOnlyList<Figure>> WritesAndReadsAsync(LiveCluster cluster, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var figures = new List<Figure>();
        var warmUp = options.Length(3, 2);
        foreach (var isLeader in new[] { true, false })
        {
            // Asked anew each time: on a busy machine leadership can move meanwhile, and the figure must say the truth.
            var leader = await cluster.WholeAsync(cancel);
            var node = isLeader ? leader : cluster.Nodes.First(n => n != leader);
            var place = isLeader ? "leader" : "follower";
            say($"consensus: warming up {node.Name} ({place})");
            HttpLoad.Run(node.Http, client => Put(node.Http, client), 8, warmUp);
            HttpLoad.Run(node.Http, _ => HttpWire.Get(node.Http, "/kv/bench-0"), 2, warmUp / 2);
            foreach (var clients in ClientCounts)
            {
                cancel.ThrowIfCancellationRequested();
                figures.Add(Measured($"KV write 64 B, synced, at the {place}, {clients} client{(clients > 1 ? "s" : "")}", node,
                    client => Put(node.Http, client), clients, options, say) with { Beside = WritesOfOthers(clients) });
            }

            figures.Add(Measured($"KV read, linearizable, at the {place}, 1 client", node, _ => HttpWire.Get(node.Http, "/kv/bench-0"), 1, options, say)
                with { Beside = "etcd 0.57, p99 2.3 ms*" });
            figures.Add(Measured($"KV read, stale, at the {place}, 1 client", node, _ => HttpWire.Get(node.Http, "/kv/bench-0?consistent=false"), 1, options, say)
                with { Beside = "etcd 0.37, p99 0.64 ms*" });
        }

        return figures;
    }

    private static Figure Measured(string what, LiveNode node, Func<int, byte[]> question, int clients, BenchOptions options, Action<string> say)
    {
        var load = HttpLoad.Run(node.Http, question, clients, options.Length(5, 2));
        if (load.LatenciesMs.Count == 0) throw new HarnessException($"{what}: nothing was answered ({load.Trouble}); the node says: {node.LogTail()}");
        var spread = Spread.Of(load.LatenciesMs);
        var errors = load.Errors > 0 ? $", {load.Errors} refused ({load.Trouble})" : "";
        say(string.Create(CultureInfo.InvariantCulture, $"consensus: {what}: p50 {spread.Median:0.00} ms, p99 {spread.P99:0.00} ms, {load.PerSecond:0}/s{errors}"));
        return new("consensus", what + errors, "ms", spread) { PerSecond = load.PerSecond };
    }

    private static byte[] Put(Uri node, int client) => HttpWire.Put(node, $"/kv/bench-{client}", $$"""{"value":"{{Value}}"}""");

    private static string WritesOfOthers(int clients) => clients switch
    {
        1 => "etcd 1.09, p99 5.7 ms; orchestrator 3.0, p99 7.1 ms*",
        8 => "orchestrator 11.3 ms, 689/s*",
        _ => "",
    };

    private static async Task<Figure> ElectionsAsync(LiveCluster cluster, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var rounds = options.RoundsOr(10, 3);
        var taken = new List<double>();
        for (var attempt = 1; taken.Count < rounds && attempt <= rounds * AttemptsPerElectionMax; attempt++)
        {
            var leader = await cluster.WholeAsync(cancel);
            await Task.Delay(Calm, cancel);
            if (await ElectionAsync(leader, [.. cluster.Nodes.Where(n => n != leader)]) is { } seconds)
            {
                taken.Add(seconds);
                say(string.Create(CultureInfo.InvariantCulture, $"consensus: election {taken.Count}/{rounds}: {seconds:0.000} s after kill -9 of {leader.Name}"));
                await LiveCluster.Start(leader);
            }
            else
            {
                say($"consensus: leadership had left {leader.Name} by itself before it could be killed; that round does not count");
            }
        }

        if (taken.Count == 0) throw new HarnessException("no leader stayed long enough to be killed: the machine is too busy for this measurement");
        var spread = Spread.Of(taken);
        return new("consensus", "kill -9 of the leader -> first 200 of leader-check on a survivor", "s", spread)
        {
            Goal = $"< {GoalElectionSeconds:0.0}", ReachesGoal = spread.Median < GoalElectionSeconds,
            Beside = string.Create(CultureInfo.InvariantCulture, $"orchestrator 3.10 s ({3.10 / spread.Median:0.0}x ours), etcd 1.27 s ({1.27 / spread.Median:0.0}x), DotNext 0.25-0.29 s ({0.27 / spread.Median:0.0}x)*"),
        };
    }

    /// <summary>Seconds from the kill to the first survivor's "I lead". Null, and nobody was killed: another node led already.</summary>
    private static async Task<double?> ElectionAsync(LiveNode leader, IReadOnlyList<LiveNode> survivors)
    {
        using var ready = new CountdownEvent(survivors.Count);
        var elected = 0L;
        var over = 0;
        var isLate = 0;
        var killedAt = long.MaxValue;
        void Poll(LiveNode node)
        {
            var signalled = false;
            try
            {
                using var wire = new HttpWire(node.Http);
                var question = HttpWire.Get(node.Http, "/api/leader-check");
                while (Volatile.Read(ref over) == 0)
                {
                    var leads = wire.Ask(question) == 200;
                    var now = Stopwatch.GetTimestamp();
                    if (leads && now <= Volatile.Read(ref killedAt)) Volatile.Write(ref isLate, 1);
                    if (!signalled) ready.Signal();
                    signalled = true;
                    if (leads)
                    {
                        Interlocked.CompareExchange(ref elected, now, 0);
                        return;
                    }

                    Thread.Sleep(PollPause);
                }
            }
            catch (SocketException)
            {
                if (!signalled) ready.Signal(); // The other survivor, or the limit, decides.
            }
        }

        var threads = survivors.Select(n => new Thread(() => Poll(n)) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        ready.Wait(ElectionLimit);
        if (Volatile.Read(ref isLate) != 0)
        {
            Volatile.Write(ref over, 1);
            foreach (var thread in threads) thread.Join();
            return null;
        }

        var start = Stopwatch.GetTimestamp();
        Volatile.Write(ref killedAt, start);
        var kill = leader.KillAsync();
        while (Volatile.Read(ref elected) == 0 && Stopwatch.GetElapsedTime(start) < ElectionLimit) await Task.Delay(PollPause, CancellationToken.None);
        Volatile.Write(ref over, 1);
        await kill;
        foreach (var thread in threads) thread.Join();
        return elected != 0
            ? Stopwatch.GetElapsedTime(start, elected).TotalSeconds
            : throw new HarnessException($"no survivor led within {ElectionLimit.TotalSeconds:0} s after {leader.Name} was killed: {survivors[0].LogTail()}");
    }
}
