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
        var acknowledged = new ConcurrentDictionary<long, long>();
        var seen = new ConcurrentBag<(long Sent, long SeenAt)>();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Watchers }) { Timeout = Timeout.InfiniteTimeSpan };
        using var ready = new CountdownEvent(Watchers);
        var watchers = Enumerable.Range(0, Watchers).Select(watcher => FollowAsync(http, group.Address(watcher % group.Size), ready, seen, over.Token)).ToArray();
        if (!ready.Wait(TimeSpan.FromSeconds(30), cancel)) throw new HarnessException("not all watchers were let in within 30 s");
        using (var wire = new HttpWire(group.Address(leader)))
        {
            for (var i = 0; i < (options.Quick ? 50 : 300); i++)
            {
                var sent = Stopwatch.GetTimestamp();
                if (wire.Ask(group.Put(leader, "watched/key", sent.ToString(CultureInfo.InvariantCulture))) == 200) acknowledged[sent] = Stopwatch.GetTimestamp();
                await Task.Delay(30, cancel);
            }
        }

        await Task.Delay(500, cancel);
        await over.CancelAsync();
        foreach (var watcher in watchers) await watcher;
        if (seen.Count < acknowledged.Count * Watchers) throw new HarnessException($"{acknowledged.Count} changes, {Watchers} watchers, and only {seen.Count} were seen");
        var fromSent = Spread.Of([.. seen.Select(s => Stopwatch.GetElapsedTime(s.Sent, s.SeenAt).TotalMilliseconds)]);
        var fromAnswer = Spread.Of([.. seen.Where(s => acknowledged.ContainsKey(s.Sent)).Select(s => Math.Max(0, Stopwatch.GetElapsedTime(acknowledged[s.Sent], s.SeenAt).TotalMilliseconds))]);
        say(string.Create(CultureInfo.InvariantCulture, $"kv: {Watchers} watchers see a change {fromSent.P99:0.0} ms (p99) after it was sent"));
        return
        [
            new(Part, $"{Watchers} watchers over three nodes: write sent -> seen by a watcher", "ms", fromSent) { Goal = $"p99 <= {WatchMsMax:0} ms", ReachesGoal = fromSent.P99 <= WatchMsMax },
            new(Part, $"{Watchers} watchers over three nodes: write acknowledged -> seen by a watcher", "ms", fromAnswer),
        ];
    }

    private static async Task FollowAsync(HttpClient http, Uri node, CountdownEvent ready, ConcurrentBag<(long, long)> seen, CancellationToken over)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(node, "/watch/watched/?prefix"));
            request.Headers.Accept.ParseAdd("text/event-stream");
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, over);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(over));
            var isReady = false;
            while (await reader.ReadLineAsync(over) is { } line)
            {
                if (!isReady && line.StartsWith(": keep-alive", StringComparison.Ordinal))
                {
                    isReady = true;
                    ready.Signal();
                }

                if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
                var now = Stopwatch.GetTimestamp();
                using var change = JsonDocument.Parse(line[6..]);
                if (isReady && change.RootElement.TryGetProperty("value", out var value) && long.TryParse(value.GetString(), CultureInfo.InvariantCulture, out var sent)) seen.Add((sent, now));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            // The bench is over, or the watcher is missed in the count.
        }
    }
}
