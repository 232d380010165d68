using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Live;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench;

/// <summary>Keys over HTTP on three nodes that sync before they acknowledge: puts, gets, compare-and-set and batches of ten with 1, 8 and 64 clients,
/// 100 watchers over all nodes, and (as in the snapshot bench) what 100,000 keys of 1 KiB cost.</summary>
internal sealed class KvBench : IBench
{
    private const string Part = "kv";
    private const int Watchers = 100;
    private const double WatchMsMax = 20;

    /// <summary>Of watches, counted by themselves: nobody has watched these nodes before.</summary>
    private const int ColdChanges = 10;
    private static readonly int[] ClientCounts = [1, 8, 64];

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var figures = new List<Figure>();
        await using (var group = await VerifyGroup.StartAsync(syncs: true, say))
        {
            foreach (var clients in ClientCounts)
            {
                var leader = await group.LeaderAsync(cancel);
                Uri node = group.Address(leader);
                var length = options.Length(6, 2);
                void Load(string what, Func<int, byte[]> question)
                {
                    var load = HttpLoad.Run(node, question, clients, length, cancel);
                    if (load.LatenciesMs.Count == 0) throw new HarnessException($"no {what} was answered: {load.Trouble}");
                    Add(what, load.LatenciesMs, load.PerSecond);
                }

                void Add(string what, List<double> latencies, double perSecond)
                {
                    figures.Add(new(Part, $"{what}, {clients} clients", "ms", Spread.Of(latencies)) { PerSecond = perSecond });
                    say(string.Create(CultureInfo.InvariantCulture, $"kv: {what}, {clients} clients: {perSecond:0}/s"));
                }

                Load("put", client => group.Put(leader, $"bench/{client}", "v"));
                Load("get (linearizable)", client => group.ReadConsistent(leader, $"bench/{client}"));
                Load("get (lease)", client => group.ReadLease(leader, $"bench/{client}")!);
                Load("batch of 10 puts", client => HttpWire.Post(node, "/batch/kv/set", Batch(client)));
                var (compared, seconds) = CompareAndSet(node, clients, length);
                Add("compare-and-set", compared, compared.Count / seconds);
            }

            figures.AddRange(await WatchAsync(group, options, say, cancel));
        }

        figures.AddRange(await new SnapshotBench().RunAsync(options, say, cancel));
        return figures;
    }

    private static string Batch(int client) => JsonSerializer.Serialize(new { items = Enumerable.Range(0, 10).ToDictionary(i => string.Create(CultureInfo.InvariantCulture, $"batch/{client}/{i}"), _ => "v", StringComparer.Ordinal) });

    /// <summary>Each client on a key of its own, with the modify_index of its last answer; a thread each, since each request depends on the answer before.</summary>
    private static (List<double> LatenciesMs, double Seconds) CompareAndSet(Uri node, int clients, TimeSpan length)
    {
        var all = new ConcurrentBag<double>();
        var began = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, clients).Select(client => new Thread(() =>
        {
            using var wire = new HttpWire(node);
            if (wire.Ask(HttpWire.Put(node, $"/kv/cas/{client}", """{"value":"v"}""")) != 200) return;
            var index = wire.Number("\"modify_index\""u8);
            while (Stopwatch.GetElapsedTime(began) < length)
            {
                var asked = Stopwatch.GetTimestamp();
                if (wire.Ask(HttpWire.Put(node, $"/kv/cas/{client}", string.Create(CultureInfo.InvariantCulture, $$"""{"value":"v","cas":{{index}}}"""))) != 200) return;
                all.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
                index = wire.Number("\"modify_index\""u8);
            }
        }) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (all.IsEmpty) throw new HarnessException("no compare-and-set was answered with 200");
        return ([.. all], Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private static async Task<IReadOnlyList<Figure>> WatchAsync(VerifyGroup group, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var leader = await group.LeaderAsync(cancel);
        using var watching = new WatchLoad(Watchers, watcher => group.Address(watcher % group.Size), "watched/");
        if (!watching.AreAllIn(TimeSpan.FromSeconds(30), cancel)) throw new HarnessException("not all watchers were let in within 30 s");
        double cpu = 0;
        var acknowledged = new Dictionary<long, long>();
        using (var wire = new HttpWire(group.Address(leader)))
        {
            for (var i = 0; i < ColdChanges + (options.Quick ? 50 : 300); i++)
            {
                if (i == ColdChanges) cpu = ProcessCost.CpuSeconds(group);
                var sent = Stopwatch.GetTimestamp();
                if (wire.Ask(group.Put(leader, "watched/key", sent.ToString(CultureInfo.InvariantCulture))) == 200) acknowledged[sent] = Stopwatch.GetTimestamp();
                await Task.Delay(30, cancel);
            }
        }

        await Task.Delay(500, cancel);
        cpu = ProcessCost.CpuSeconds(group) - cpu;
        watching.Stop();
        var seen = watching.Seen;
        if (seen.Count < acknowledged.Count * Watchers) throw new HarnessException($"{acknowledged.Count} changes, {Watchers} watchers, and only {seen.Count} were seen");
        var cold = acknowledged.Keys.Order().Take(ColdChanges).ToHashSet();
        Spread FromSent(bool isCold) => Spread.Of([.. seen.Where(s => cold.Contains(s.Sent) == isCold).Select(s => Stopwatch.GetElapsedTime(s.Sent, s.SeenAt).TotalMilliseconds)]);
        var fromAnswer = Spread.Of([.. seen.Where(s => acknowledged.ContainsKey(s.Sent) && !cold.Contains(s.Sent)).Select(s => Math.Max(0, Stopwatch.GetElapsedTime(acknowledged[s.Sent], s.SeenAt).TotalMilliseconds))]);
        var (warm, first) = (FromSent(isCold: false), FromSent(isCold: true));
        var (ofNodes, ofLoad) = (cpu * 1e6 / warm.Count, watching.CpuSeconds * 1e6 / seen.Count);
        say(string.Create(CultureInfo.InvariantCulture,
            $"kv: {Watchers} watchers see a change {warm.P99:0.0} ms (p99) after it was sent, the first {ColdChanges} {first.P99:0.0} ms; CPU for each that is told: nodes {ofNodes:0} µs, watchers {ofLoad:0} µs"));
        return
        [
            new(Part, $"{Watchers} watchers over three nodes: write sent -> seen by a watcher", "ms", warm)
            {
                Goal = $"p99 <= {WatchMsMax:0} ms", ReachesGoal = warm.P99 <= WatchMsMax,
                Beside = string.Create(CultureInfo.InvariantCulture, $"CPU for each that is told: nodes {ofNodes:0} µs, watchers {ofLoad:0} µs"),
            },
            new(Part, $"the same, the first {ColdChanges} changes after the start of the nodes' watches (code not yet compiled)", "ms", first),
            new(Part, $"{Watchers} watchers over three nodes: write acknowledged -> seen by a watcher", "ms", fromAnswer),
        ];
    }
}
