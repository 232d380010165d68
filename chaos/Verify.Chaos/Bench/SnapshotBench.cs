using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Live;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench;

/// <summary>What a snapshot of a large state costs those who write meanwhile, and what that state costs: three nodes with 100,000 keys of
/// 1 KiB, clients that write without a pause, first in peace, then with one snapshot after the other on the leader.</summary>
internal sealed class SnapshotBench : IBench
{
    private const string Part = "snapshot";
    private const int ValueBytes = 1024;
    private const int Fillers = 8;
    private const int Clients = 4;
    private const int TriesMax = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private const double ExtraMsMax = 10;
    private static readonly TimeSpan SnapshotTimeout = TimeSpan.FromSeconds(60);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var keys = options.Quick ? 20_000 : 100_000;
        await using var group = await VerifyGroup.StartAsync(syncs: true, say);
        var leader = await group.LeaderAsync(cancel);
        say($"snapshot: filling {keys} keys of {ValueBytes} bytes");
        Fill(group, leader, keys);
        var (peaceful, troubled, snapshots) = (new Gaps(), new Gaps(), new List<Window>());
        for (var round = 0; round < options.RoundsOr(5, 2); round++)
        {
            var length = options.Length(8, 4);
            leader = await group.LeaderAsync(cancel);
            var quiet = Write(group, leader, length);
            peaceful.Add(quiet);
            using var over = new CancellationTokenSource();
            var taking = new Thread(() => TakeSnapshots(group, leader, snapshots, over.Token)) { IsBackground = true };
            var first = snapshots.Count;
            taking.Start();
            var busy = Write(group, leader, length);
            over.Cancel();
            taking.Join();
            troubled.Add(busy);
            foreach (var taken in snapshots[first..])
            {
                // And the pauses in just as long a time, at the same place of the peaceful half.
                var (from, to) = (Stopwatch.GetElapsedTime(busy.BeganAt, taken.From), Stopwatch.GetElapsedTime(busy.BeganAt, taken.To));
                if (busy.LongestPauseMsIn(from, to) is { } longest) troubled.PerSnapshotMs.Add(longest);
                if (quiet.LongestPauseMsIn(from, to) is { } usual) peaceful.PerSnapshotMs.Add(usual);
            }

            say(string.Create(CultureInfo.InvariantCulture,
                $"snapshot: round {round + 1}: longest pause between two acknowledgements {peaceful.LongestMs[^1]:0.0} ms in peace, {troubled.LongestMs[^1]:0.0} ms while snapshots are taken ({snapshots.Count} so far)"));
        }

        if (snapshots.Count == 0) throw new HarnessException("no snapshot was made");
        var size = string.Create(CultureInfo.InvariantCulture, $"{keys} keys of {ValueBytes} bytes");
        return
        [
            new(Part, $"write, {Clients} clients, {size}, no snapshot", "ms", Spread.Of(peaceful.LatenciesMs)),
            new(Part, $"write, {Clients} clients, {size}, snapshot after snapshot on the leader", "ms", Spread.Of(troubled.LatenciesMs)),
            .. Pauses("per round, no snapshot", peaceful.LongestMs, "per round, with snapshots", troubled.LongestMs),
            .. Pauses("in as long as a snapshot takes, no snapshot", peaceful.PerSnapshotMs, "during one snapshot", troubled.PerSnapshotMs),
            new(Part, $"snapshot on demand, from question to durable file, {size}", "ms", Spread.Of([.. snapshots.Select(s => Stopwatch.GetElapsedTime(s.From, s.To).TotalMilliseconds)])),
            new(Part, $"resident memory of a node, {size}", "MiB", Spread.Of([.. Enumerable.Range(0, group.Size).Select(m => ProcessCost.ResidentMiB(group.Pid(m)))])),
            await RestartAsync(group, size, say, cancel),
        ];
    }

    /// <summary>The pauses of writers without and with snapshots, and whether the median of the latter is too much longer.</summary>
    private static IEnumerable<Figure> Pauses(string without, List<double> peacefulMs, string with, List<double> troubledMs)
    {
        const string pause = "longest pause between two acknowledgements";
        var (usual, worse) = (Spread.Of(peacefulMs), Spread.Of(troubledMs));
        yield return new(Part, $"{pause} {without}", "ms", usual);
        yield return new(Part, $"{pause} {with}", "ms", worse)
        {
            Goal = $"median <= {ExtraMsMax:0} ms over that without", ReachesGoal = worse.Median - usual.Median <= ExtraMsMax,
        };
    }

    private static void Fill(VerifyGroup group, int leader, int keys)
    {
        var value = new string('x', ValueBytes);
        var failed = 0;
        var fillers = Enumerable.Range(0, Fillers).Select(filler => new Thread(() =>
        {
            using var wire = new HttpWire(group.Address(leader));
            for (var key = filler; key < keys; key += Fillers)
            {
                var write = group.Put(leader, string.Create(CultureInfo.InvariantCulture, $"state/{key}"), value);
                for (var tries = 1; wire.Ask(write) != 200; tries++)
                {
                    if (tries == TriesMax)
                    {
                        Interlocked.Increment(ref failed);
                        break;
                    }

                    Thread.Sleep(Pause);
                }
            }
        }) { IsBackground = true }).ToArray();
        foreach (var filler in fillers) filler.Start();
        foreach (var filler in fillers) filler.Join();
        if (failed > 0) throw new HarnessException($"{failed} of {keys} writes failed while the state was filled");
    }

    private static LoadResult Write(VerifyGroup group, int leader, TimeSpan length) =>
        HttpLoad.Run(group.Address(leader), client => group.Put(leader, $"hot-{client}", "v"), Clients, length);

    private static void TakeSnapshots(VerifyGroup group, int leader, List<Window> taken, CancellationToken over)
    {
        using var wire = new HttpWire(group.Address(leader), SnapshotTimeout);
        while (!over.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            if (wire.Ask(HttpWire.Post(group.Address(leader), "/cluster/snapshot", "{}")) == 200) taken.Add(new(began, Stopwatch.GetTimestamp()));
        }
    }

    /// <summary>kill -9 and start of a follower: until it answers, with its state from snapshot and log, that it is in the quorum.</summary>
    private static async Task<Figure> RestartAsync(VerifyGroup group, string size, Action<string> say, CancellationToken cancel)
    {
        var times = new List<double>();
        for (var round = 0; round < 3; round++)
        {
            var follower = (await group.LeaderAsync(cancel) + 1) % group.Size;
            await group.KillAsync(follower);
            var began = Stopwatch.GetTimestamp();
            await group.StartAsync(follower);
            while (!IsHealthy(group, follower)) await Task.Delay(10, cancel);
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            say(string.Create(CultureInfo.InvariantCulture, $"snapshot: a follower was back {times[^1]:0.00} s after its start"));
        }

        return new(Part, $"start of a follower until it is in the quorum, {size}", "s", Spread.Of(times));
    }

    private static bool IsHealthy(VerifyGroup group, int member)
    {
        try
        {
            using var wire = new HttpWire(group.Address(member), TimeSpan.FromSeconds(1));
            return wire.Ask(HttpWire.Get(group.Address(member), "/api/raft-health")) == 200;
        }
        catch (SocketException)
        {
            return false; // Not there yet.
        }
    }

    /// <summary>From the question for a snapshot to its durable file, in ticks of the stopwatch.</summary>
    private readonly record struct Window(long From, long To);

    private sealed class Gaps
    {
        /// <summary>For each snapshot.</summary>
        public List<double> PerSnapshotMs { get; } = [];
        public List<double> LatenciesMs { get; } = [];
        public List<double> LongestMs { get; } = [];

        public void Add(LoadResult load)
        {
            LatenciesMs.AddRange(load.LatenciesMs);
            LongestMs.Add(load.LongestPauseMs);
        }
    }
}
