using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Running;
using Verify.Fleet.Servers;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>Three verify-node processes on loopback that sync before they acknowledge, side by side with three etcd in the same run: writes,
/// reads, elections, transfers, lag and idle cost; and the sync alone on the same disk, so that latencies can be judged.</summary>
internal sealed class ConsensusBench : IBench
{
    private const double GoalElectionMedianSeconds = 0.3, GoalElectionP99Seconds = 0.9;
    private const double GoalLagP99Ms = 50;
    private const int ProbeWrites = 500;
    private const int AttemptsPerRoundMax = 3;
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(300);
    private static readonly string Value = new('v', 64);

    public async Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var figures = new List<Figure>();
        var groups = new List<IKvGroup>();
        try
        {
            figures.AddRange(await WithoutSyncAsync(options, say, cancel));
            say("consensus: starting three verify-node");
            var ours = await VerifyGroup.StartAsync(syncs: true, say);
            groups.Add(ours);
            if (await EtcdGroup.FindAsync(options.Live.MayInstall, text => say($"consensus: {text}"), cancel) is { } etcd)
            {
                var version = await DebianPackage.VersionAsync(etcd, cancel);
                say($"consensus: starting three etcd ({version})");
                groups.Add(await EtcdGroup.StartAsync(etcd, version.Replace(" Version:", "", StringComparison.Ordinal), say));
            }

            await MeasureAsync(ours, groups, figures, options, say, cancel);
        }
        catch (Exception cause) when (figures.Count > 0 && cause is HarnessException or SocketException)
        {
            throw new BenchIncompleteException(figures, cause.Message, cause);
        }
        finally
        {
            foreach (var group in groups) await group.DisposeAsync();
        }

        return figures;
    }

    private static async Task MeasureAsync(
        VerifyGroup ours, List<IKvGroup> groups, List<Figure> figures, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        foreach (var group in groups)
        {
            var leader = await group.LeaderAsync(cancel);
            say($"consensus: warming up {group.Name}");
            HttpLoad.Run(group.Address(leader), client => group.Put(leader, $"bench-{client}", Value), 8, options.Length(4, 2), cancel);
            HttpLoad.Run(group.Address(leader), _ => group.ReadConsistent(leader, "bench-0"), 4, options.Length(2, 1), cancel);
        }

        var (appending, overwriting) = SyncProbe.Measure(ours.Directory, ProbeWrites);
        figures.AddRange(await IdleAsync(groups, options, say, cancel));
        foreach (var kind in RequestKinds.All(Value))
        {
            figures.Add(await RequestRounds.MeasureAsync(kind, groups, options.Quick ? 2 : 4, options.Length(3, 1), say, cancel));
        }

        figures.Add(await LagAsync(groups, options, say, cancel));
        var (appendingAfter, overwritingAfter) = SyncProbe.Measure(ours.Directory, ProbeWrites);
        figures.Add(new("consensus", "the disk alone: write 256 B + fdatasync, growing file", "ms", Spread.Of([.. appending, .. appendingAfter])));
        figures.Add(new("consensus", "the disk alone: write 256 B + fdatasync, in place", "ms", Spread.Of([.. overwriting, .. overwritingAfter]))
        {
            Beside = "the machine of the shared facts: p50 0.11, p99 0.31 ms",
        });
        figures.Add(await ElectionsAsync(groups, options, say, cancel));
        figures.AddRange(await TransfersAsync(groups, options, say, cancel));
    }

    /// <summary>What a write costs when nothing is made durable: never an option for users, only a comparison.</summary>
    private static async Task<IReadOnlyList<Figure>> WithoutSyncAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        say("consensus: starting three verify-node WITHOUT sync, for comparison only");
        await using var group = await VerifyGroup.StartAsync(syncs: false, say);
        var leader = await group.LeaderAsync(cancel);
        HttpLoad.Run(group.Address(leader), client => group.Put(leader, $"bench-{client}", Value), 8, options.Length(4, 2), cancel);
        var figures = new List<Figure>();
        foreach (var clients in new[] { 1, 64, 256 })
        {
            var kind = RequestKinds.Write(Value, clients) with { What = "TEST ONLY, no sync: KV write 64 B", Goal = null, GoalText = "" };
            figures.Add(await RequestRounds.MeasureAsync(kind, [group], options.Quick ? 1 : 2, options.Length(3, 1), say, cancel));
        }

        return figures;
    }

    private static async Task<IReadOnlyList<Figure>> IdleAsync(List<IKvGroup> groups, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        say("consensus: watching the idle groups");
        var length = options.Length(20, 5);
        foreach (var group in groups) await group.LeaderAsync(cancel);
        var before = groups.Select(Seconds).ToArray();
        await Task.Delay(length, cancel);
        var cpu = groups.Select((g, i) => Spread.Of([.. Seconds(g).Zip(before[i], (now, then) => 100 * (now - then) / length.TotalSeconds)])).ToArray();
        var memory = groups.Select(g => Spread.Of([.. Enumerable.Range(0, g.Size).Select(m => ProcessCost.ResidentMiB(g.Pid(m)))])).ToArray();
        return
        [
            Beside(new("consensus", "idle, per node: CPU of one core", "%", cpu[0]), groups, cpu, "%"),
            Beside(new("consensus", "idle after the warm-up, per node: resident memory", "MiB", memory[0]), groups, memory, "MiB"),
        ];
    }

    private static double[] Seconds(IKvGroup group) => [.. Enumerable.Range(0, group.Size).Select(m => ProcessCost.CpuSeconds(group.Pid(m)))];

    private static async Task<Figure> LagAsync(List<IKvGroup> groups, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var lags = groups.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < (options.Quick ? 2 : 4); round++)
        {
            for (var i = 0; i < groups.Count; i++)
            {
                var leader = await groups[i].LeaderAsync(cancel);
                lags[i].AddRange(ReplicationLag.Measure(groups[i], leader, options.Length(3, 1), Value));
            }
        }

        var spreads = lags.Select(Spread.Of).ToArray();
        say(string.Create(CultureInfo.InvariantCulture, $"consensus: replication lag: p50 {spreads[0].Median:0.00} ms, p99 {spreads[0].P99:0.00} ms"));
        return Beside(new("consensus", "replication lag: acknowledged -> a follower's stale read shows it (its round trip included), 8 clients write", "ms", spreads[0])
        {
            Goal = $"p99 < {GoalLagP99Ms:0}", ReachesGoal = spreads[0].P99 < GoalLagP99Ms,
        }, groups, spreads, "ms");
    }

    /// <summary>Every other transfer is written through by clients of one member that neither leads nor will lead, the others by clients of all members:
    /// those of the old leader are the ones that feel it.</summary>
    private static async Task<IReadOnlyList<Figure>> TransfersAsync(List<IKvGroup> groups, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var (through, rounds) = (new TransferTally(groups, "one other member", "8 clients of a member that neither leads nor will lead"), options.RoundsOr(30, 3));
        var all = new TransferTally(groups, "all members", "9 clients of all members, the old and the new leader among them");
        for (var round = 0; round < 2 * rounds; round++)
        {
            var tally = round % 2 == 0 ? through : all;
            for (var i = 0; i < groups.Count; i++)
            {
                if (await TransferAsync(groups[i], asksAll: tally == all, cancel) is not { } seen) continue;
                tally.Add(i, seen);
                say(string.Create(CultureInfo.InvariantCulture,
                    $"consensus: {groups[i].Name}: planned transfer {(round / 2) + 1}/{rounds}, clients ask {tally.Asked}: {seen.Seconds * 1000:0.0} ms, {seen.Failed} of {seen.Writes} writes failed{(seen.Trouble.Length > 0 ? $" ({seen.Trouble})" : "")}, longest write {seen.LongestMs:0.0} ms"));
            }
        }

        return [.. through.Figures(), .. all.Figures()];
    }

    /// <summary>Leadership is handed over while clients write, each error counted.</summary>
    private static async Task<TransferSeen?> TransferAsync(IKvGroup group, bool asksAll, CancellationToken cancel)
    {
        var leader = await group.LeaderAsync(cancel);
        int[] places = asksAll ? [.. Enumerable.Range(0, group.Size)] : [(leader + 2) % group.Size];
        using var over = new CancellationTokenSource();
        var loads = new LoadResult?[places.Length];
        var writing = places.Select((place, i) => new Thread(() => loads[i] =
            HttpLoad.Run(group.Address(place), client => group.Put(place, $"transfer-{i}-{client}", Value), asksAll ? 3 : 8, TimeSpan.FromSeconds(20), over.Token)) { IsBackground = true }).ToArray();
        foreach (var thread in writing) thread.Start();
        await Task.Delay(Calm, cancel);
        double? seconds;
        try
        {
            seconds = ElectionRounds.Transfer(group, leader);
            await Task.Delay(Calm, cancel);
        }
        finally
        {
            await over.CancelAsync();
            foreach (var thread in writing) thread.Join();
        }

        return seconds is { } taken && loads.All(l => l is not null) ? TransferSeen.Of(taken, [.. loads.Select(l => l!)]) : null;
    }

    private static async Task<Figure> ElectionsAsync(List<IKvGroup> groups, BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var rounds = options.RoundsOr(30, 3);
        var taken = groups.Select(_ => new List<double>()).ToArray();
        for (var attempt = 0; taken[0].Count < rounds && attempt < rounds * AttemptsPerRoundMax; attempt++)
        {
            for (var i = 0; i < groups.Count; i++)
            {
                var leader = await groups[i].LeaderAsync(cancel);
                await Task.Delay(Calm, cancel);
                if (await ElectionRounds.KillAsync(groups[i], leader) is not { } seconds) continue;
                taken[i].Add(seconds);
                say(string.Create(CultureInfo.InvariantCulture, $"consensus: {groups[i].Name}: election {taken[i].Count}/{rounds}: {seconds:0.000} s after kill -9 of the leader"));
            }
        }

        if (taken[0].Count == 0) throw new HarnessException("no leader stayed long enough to be killed: the machine is too busy for this measurement");
        var spreads = taken.Select(t => Spread.Of(t.Count > 0 ? t : [double.NaN])).ToArray();
        return Beside(new("consensus", "kill -9 of the leader -> a survivor says that it leads", "s", spreads[0])
        {
            Goal = $"median <= {GoalElectionMedianSeconds:0.0}, p99 <= {GoalElectionP99Seconds:0.0}",
            ReachesGoal = spreads[0].Median <= GoalElectionMedianSeconds && spreads[0].P99 <= GoalElectionP99Seconds,
        }, groups, spreads, "s", "; orchestrator 3.10 s, DotNext 0.25-0.29 s*");
    }

    internal static Figure Beside(Figure ours, List<IKvGroup> groups, Spread[] spreads, string unit, string more = "") => groups.Count < 2 ? ours with { Beside = more.TrimStart(';', ' ', ',') } : ours with
    {
        Other = new(groups[1].Name, spreads[1]),
        Beside = string.Create(CultureInfo.InvariantCulture,
            $"{groups[1].Name}: median {spreads[1].Median:0.###}, p99 {spreads[1].P99:0.###} {unit} (n {spreads[1].Count}); theirs / ours: {spreads[1].Median / spreads[0].Median:0.00}{more}"),
    };
}
