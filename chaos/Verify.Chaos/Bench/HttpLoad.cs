using System.Diagnostics;
using System.Net.Sockets;

namespace Verify.Chaos.Bench;

/// <summary>So many clients, each with a connection and a thread of its own, ask the same kind of question again and again.</summary>
internal static class HttpLoad
{
    /// <param name="question">The request of client i.</param>
    public static LoadResult Run(Uri node, Func<int, byte[]> question, int clients, TimeSpan length)
    {
        var gate = new Lock();
        var latencies = new List<double>();
        var errors = 0;
        var trouble = "";
        void Work(int client)
        {
            var mine = new List<double>();
            var (wrong, why) = (0, "");
            try
            {
                using var wire = new HttpWire(node);
                var request = question(client);
                var clock = Stopwatch.StartNew();
                while (clock.Elapsed < length)
                {
                    var start = Stopwatch.GetTimestamp();
                    var status = wire.Ask(request);
                    if (status == 200) mine.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                    else (wrong, why) = (wrong + 1, $"status {status}");
                }
            }
            catch (SocketException e)
            {
                (wrong, why) = (wrong + 1, e.Message);
            }

            lock (gate)
            {
                latencies.AddRange(mine);
                errors += wrong;
                if (why.Length > 0) trouble = why;
            }
        }

        var started = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, clients).Select(i => new Thread(() => Work(i)) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        return new(latencies, latencies.Count / Stopwatch.GetElapsedTime(started).TotalSeconds, errors, trouble);
    }
}

/// <param name="LatenciesMs">Of the questions that were answered with 200.</param>
/// <param name="Trouble">The last thing that went wrong; empty when nothing did.</param>
internal sealed record LoadResult(IReadOnlyList<double> LatenciesMs, double PerSecond, int Errors, string Trouble);
