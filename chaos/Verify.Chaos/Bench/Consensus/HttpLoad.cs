using System.Diagnostics;
using System.Net.Sockets;
using Verify.Chaos.Live;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>So many clients, each with a connection of its own, ask the same kind of question again and again: the next as soon as the last
/// is answered (a closed loop). One thread serves all of them.</summary>
internal static class HttpLoad
{
    private const int LookMs = 100;

    /// <param name="question">The request of client i.</param>
    /// <exception cref="SocketException">Nobody listens.</exception>
    public static LoadResult Run(Uri node, Func<int, byte[]> question, int clients, TimeSpan length, CancellationToken stop = default)
    {
        var all = Enumerable.Range(0, clients).Select(i => new Client(new HttpWire(node), question(i))).ToArray();
        try
        {
            return Run(all, length, stop);
        }
        finally
        {
            foreach (var client in all) client.Wire.Dispose();
        }
    }

    private static LoadResult Run(Client[] clients, TimeSpan length, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        var load = new LoadResult { BeganAt = began };
        var waits = clients.Select(c => new PollFd { Descriptor = c.Wire.Descriptor, Wanted = PollFd.Readable }).ToArray();
        var cpu = ProcessCost.ThreadCpuSeconds();
        var end = began + (long)(length.TotalSeconds * Stopwatch.Frequency);
        foreach (var client in clients) client.Ask();
        var open = clients.Length;
        while (open > 0)
        {
            if (Polling.Wait(waits, LookMs) < 0) continue;
            for (var i = 0; i < waits.Length; i++)
            {
                var now = Stopwatch.GetTimestamp();
                if (waits[i].Seen == 0)
                {
                    if (waits[i].Descriptor < 0 || Stopwatch.GetElapsedTime(clients[i].AskedAt, now) < LoadResult.Patience) continue;
                    load.Refused("no answer in time");
                }
                else if (!clients[i].TryTake(load, now))
                {
                    continue;
                }
                else if (!clients[i].IsBroken && now < end && !stop.IsCancellationRequested)
                {
                    clients[i].Ask();
                    continue;
                }

                waits[i].Descriptor = -1;
                waits[i].Seen = 0;
                open--;
            }
        }

        load.Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        load.CpuSeconds = ProcessCost.ThreadCpuSeconds() - cpu;
        return load;
    }

    private sealed class Client(HttpWire wire, byte[] request)
    {
        public HttpWire Wire => wire;
        public long AskedAt { get; private set; }
        public bool IsBroken { get; private set; }

        public void Ask()
        {
            AskedAt = Stopwatch.GetTimestamp();
            wire.Begin(request);
        }

        /// <returns>False while the answer is not whole.</returns>
        public bool TryTake(LoadResult load, long now)
        {
            try
            {
                if (wire.TryTake() is not { } status) return false;
                if (status == 200) load.Answered(AskedAt, now);
                else load.Refused($"status {status}");
            }
            catch (SocketException e)
            {
                load.Refused(e.Message);
                IsBroken = true;
            }

            return true;
        }
    }
}

/// <summary>What the clients saw.</summary>
internal sealed class LoadResult
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly List<long> _answeredAt = [];

    /// <summary>By the stopwatch.</summary>
    public long BeganAt { get; init; }

    /// <summary>Of the questions that were answered with 200.</summary>
    public List<double> LatenciesMs { get; } = [];
    public double Seconds { get; set; }

    /// <summary>Of the thread that asked: what the load itself cost.</summary>
    public double CpuSeconds { get; set; }

    /// <summary>Between two answers, whoever got them; the first counts from its question.</summary>
    public double LongestPauseMs { get; private set; }
    public double PerSecond => LatenciesMs.Count / Seconds;
    public int Errors { get; private set; }

    /// <summary>The last thing that went wrong; empty when nothing did.</summary>
    public string Trouble { get; private set; } = "";

    public void Answered(long askedAt, long now)
    {
        LatenciesMs.Add(Stopwatch.GetElapsedTime(askedAt, now).TotalMilliseconds);
        LongestPauseMs = Math.Max(LongestPauseMs, Stopwatch.GetElapsedTime(_answeredAt.Count == 0 ? askedAt : _answeredAt[^1], now).TotalMilliseconds);
        _answeredAt.Add(now);
    }

    /// <summary>The longest pause between two answers that reaches into this time, counted from the beginning; null when there is none.</summary>
    public double? LongestPauseMsIn(TimeSpan from, TimeSpan to)
    {
        var at = _answeredAt.BinarySearch(BeganAt + TicksOf(from));
        double? longest = null;
        for (var i = Math.Max(1, at < 0 ? ~at : at); i < _answeredAt.Count && _answeredAt[i - 1] < BeganAt + TicksOf(to); i++)
            longest = Math.Max(longest ?? 0, Stopwatch.GetElapsedTime(_answeredAt[i - 1], _answeredAt[i]).TotalMilliseconds);
        return longest;
    }

    private static long TicksOf(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    public void Refused(string why) => (Errors, Trouble) = (Errors + 1, why);
}
