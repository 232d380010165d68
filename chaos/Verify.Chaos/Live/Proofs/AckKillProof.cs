using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Bench;
using Verify.Chaos.Running;
using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>What was acknowledged survives the death of those who acknowledged it. The third node is stopped first, so that leader and one
/// follower are the acknowledging majority for certain; both are killed 0, 50 or 200 ms after the last acknowledgement; the third
/// goes on, the killed ones start again, and every acknowledged write is read back.</summary>
/// <remarks>kill -9 alone leaves what was written in the machine's page cache, so it shows that nothing is acknowledged before it was
/// written by a majority, but not that it was synced. The second form therefore keeps unsynced bytes inside the process
/// (VERIFY_TEST_ONLY_POWER_LOSS), where the kill takes them: the worst that a power failure may do to file contents. The third form,
/// the same with syncs that do nothing, must lose writes: it shows that the second could have failed.</remarks>
internal sealed class AckKillProof : ILiveProof
{
    private const int Writers = 8;
    private static readonly int[] DelaysMs = [0, 50, 200];
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(150);
    private static readonly (string, string) PowerLoss = ("VERIFY_TEST_ONLY_POWER_LOSS", "1");
    private static readonly (string, string) NoSync = ("VERIFY_TEST_ONLY_NO_SYNC", "1");

    public string Name => "ack-kill";
    public string Story => "Leader and acknowledging follower are killed (-9) 0, 50 and 200 ms after an acknowledgement, 50 times each (--quick: 2): every acknowledged write is there after the restart. With and without imitated power loss.";

    public async Task<IReadOnlyList<ProofRow>> RunAsync(ProofOptions options, Action<string> say, CancellationToken cancel)
    {
        var rounds = options.RoundsOr(50, 2);
        var rows = new List<ProofRow>();
        foreach (var (disk, environment) in new[] { ("kill -9", Array.Empty<(string, string)>()), ("kill -9 + unsynced bytes lost", [PowerLoss]) })
        {
            await using var cluster = await LiveCluster.StartAsync(3, say, environment);
            foreach (var delayMs in DelaysMs) rows.Add(await CaseAsync(cluster, disk, delayMs, rounds, say, cancel));
        }

        rows.Add(await ControlAsync(Math.Min(rounds, 3), say, cancel));
        return rows;
    }

    private async Task<ProofRow> CaseAsync(LiveCluster cluster, string disk, int delayMs, int rounds, Action<string> say, CancellationToken cancel)
    {
        var (acknowledged, lost, last) = (0, new List<string>(), new List<double>());
        for (var round = 1; round <= rounds; round++)
        {
            var seen = await RoundAsync(cluster, $"{delayMs}-{round}", delayMs, cancel);
            acknowledged += seen.Acknowledged;
            lost.AddRange(seen.Lost);
            last.Add(seen.LastAckToKillMs);
            if (round % 10 == 0 || round == rounds || seen.Lost.Count > 0) say($"{disk}, {delayMs} ms: round {round}/{rounds}: {acknowledged} acknowledged, {lost.Count} lost");
        }

        var gap = Spread.Of(last);
        return new(Name, $"{disk}, {delayMs} ms after the acknowledgement", $"{rounds} times, {acknowledged} acknowledged writes",
            lost.Count > 0 ? Verdict.Invalid : acknowledged < rounds ? Verdict.Unknown : Verdict.Valid,
            string.Create(CultureInfo.InvariantCulture, $"{lost.Count} lost; last acknowledgement to kill: median {gap.Median:0.0}, max {gap.Max:0.0} ms"))
        {
            Evidence = string.Join(Environment.NewLine, lost.Take(20)),
        };
    }

    /// <summary>Valid when the loss shows.</summary>
    private async Task<ProofRow> ControlAsync(int rounds, Action<string> say, CancellationToken cancel)
    {
        const string Case = "control: unsynced bytes lost, and syncs that do nothing";
        for (var round = 1; round <= rounds; round++)
        {
            var observed = "";
            try
            {
                await using var cluster = await LiveCluster.StartAsync(3, say, [PowerLoss, NoSync]);
                var seen = await RoundAsync(cluster, $"control-{round}", 0, cancel);
                if (seen.Lost.Count > 0) observed = $"{seen.Lost.Count} of {seen.Acknowledged} acknowledged writes are lost, as they must be";
            }
            catch (HarnessException e)
            {
                observed = $"a node refuses to start on what is left, as it must: {e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Trim()}";
            }

            say($"{Case}: {(observed.Length > 0 ? observed : "nothing was lost this time")}");
            if (observed.Length > 0) return new(Name, Case, $"{round} times", Verdict.Valid, observed);
        }

        return new(Name, Case, $"{rounds} times", Verdict.Unknown, "nothing was lost even so: this proof cannot fail and shows nothing");
    }

    private static async Task<RoundSeen> RoundAsync(LiveCluster cluster, string round, int delayMs, CancellationToken cancel)
    {
        var leader = await cluster.WholeAsync(cancel);
        var others = cluster.Nodes.Where(n => n != leader).ToArray();
        var (fellow, bystander) = (others[0], others[1]);
        bystander.Pause();
        var burst = new AckBurst(leader, fellow, round, delayMs);
        await burst.RunAsync(Writers, Burst);
        bystander.Resume();
        await Task.WhenAll(leader.Exited, fellow.Exited);
        await cluster.StartAsync(leader);
        await cluster.StartAsync(fellow);
        var now = await cluster.WholeAsync(cancel);
        return new(burst.Acknowledged.Count, Missing(now, burst.Acknowledged), burst.LastAckToKillMs);
    }

    /// <summary>Reads every acknowledged write back, linearizably.</summary>
    private static List<string> Missing(LiveNode node, List<string> acknowledged)
    {
        using var wire = new HttpWire(node.Http);
        var missing = new List<string>();
        foreach (var key in acknowledged)
        {
            var status = wire.Ask(HttpWire.Get(node.Http, $"/kv/{key}"));
            for (var tries = 1; status is not (200 or 404) && tries < 20; tries++)
            {
                Thread.Sleep(100);
                status = wire.Ask(HttpWire.Get(node.Http, $"/kv/{key}"));
            }

            if (status is not (200 or 404)) throw new HarnessException($"{node.Name} answers a read with status {status}: whether the write is there is not known");
            if (status == 404 || !wire.Content.Contains($"\"value of {key}\"", StringComparison.Ordinal)) missing.Add($"{key}: acknowledged, and {(status == 404 ? "not there" : "another value is there")} after the restart");
        }

        return missing;
    }

    private sealed record RoundSeen(int Acknowledged, IReadOnlyList<string> Lost, double LastAckToKillMs);

    /// <summary>Writers that all stop at one acknowledgement; then both acknowledging nodes are killed.</summary>
    private sealed class AckBurst(LiveNode leader, LiveNode fellow, string round, int delayMs)
    {
        private readonly Lock _gate = new();
        private readonly List<string> _acknowledged = [];
        private readonly TaskCompletionSource _killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _lastAckAt;
        private int _triggered;

        public List<string> Acknowledged => _acknowledged;
        public double LastAckToKillMs { get; private set; }

        public async Task RunAsync(int writers, TimeSpan length)
        {
            var clock = Stopwatch.StartNew();
            var threads = Enumerable.Range(0, writers).Select(w => new Thread(() => Write(w, clock, length)) { IsBackground = true }).ToArray();
            foreach (var thread in threads) thread.Start();
            var inTime = await Task.WhenAny(_killed.Task, Task.Delay(TimeSpan.FromSeconds(20)));
            if (inTime != _killed.Task) throw new HarnessException("no write was acknowledged by leader and one follower within 20 s");
            await _killed.Task;
            foreach (var thread in threads) thread.Join();
        }

        private void Write(int writer, Stopwatch clock, TimeSpan length)
        {
            try
            {
                using var wire = new HttpWire(leader.Http);
                for (var number = 0; Volatile.Read(ref _triggered) == 0; number++)
                {
                    var key = string.Create(CultureInfo.InvariantCulture, $"ack-{round}-{writer}-{number}");
                    if (wire.Ask(HttpWire.Put(leader.Http, $"/kv/{key}", $$"""{"value":"value of {{key}}"}""")) != 200) continue;
                    lock (_gate)
                    {
                        _acknowledged.Add(key);
                        _lastAckAt = Stopwatch.GetTimestamp();
                    }

                    // The first acknowledgement after the burst is the last write that is begun; whoever has it kills.
                    if (clock.Elapsed >= length && Interlocked.Exchange(ref _triggered, 1) == 0) Kill();
                }
            }
            catch (SocketException)
            {
                return; // Killed while a write was under way: nobody was told anything.
            }
        }

        private void Kill()
        {
            if (delayMs > 0) Thread.Sleep(delayMs);
            var (first, second) = (leader.KillAsync(), fellow.KillAsync());
            lock (_gate) LastAckToKillMs = Stopwatch.GetElapsedTime(_lastAckAt).TotalMilliseconds;
            Task.WhenAll(first, second).Wait();
            _killed.SetResult();
        }
    }
}
