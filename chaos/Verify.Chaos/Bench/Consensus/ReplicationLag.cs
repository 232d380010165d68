using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Verify.Chaos.Live;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>How far a follower is behind what clients were told: from the moment at which a client holds the leader's acknowledgement to the
/// moment at which it holds a follower's answer to a stale read that names an applied index (etcd: a revision) of at least that of the
/// write. The round trip of that read is part of the figure, so the true lag is smaller. Other clients write meanwhile.</summary>
internal static class ReplicationLag
{
    private const int BackgroundClients = 8;

    /// <returns>Milliseconds, one value per follower and write.</returns>
    public static IReadOnlyList<double> Measure(IKvGroup group, int leader, TimeSpan length, string value)
    {
        using var over = new CancellationTokenSource();
        var load = new Thread(() => HttpLoad.Run(group.Address(leader), client => group.Put(leader, $"lag-load-{client}", value), BackgroundClients, length * 4, over.Token)) { IsBackground = true };
        load.Start();
        var lags = new List<double>();
        try
        {
            using var writer = new HttpWire(group.Address(leader));
            var followers = Enumerable.Range(0, group.Size).Where(m => m != leader).Select(m => (Wire: new HttpWire(group.Address(m)), Member: m)).ToArray();
            var clock = Stopwatch.StartNew();
            for (var number = 0; clock.Elapsed < length; number++)
            {
                var (reader, member) = followers[number % followers.Length];
                var key = string.Create(CultureInfo.InvariantCulture, $"lag-{number % 100}");
                var read = group.ReadStale(member, key);
                if (writer.Ask(group.Put(leader, key, value)) != 200) continue;
                var acknowledged = Stopwatch.GetTimestamp();
                var index = group.WrittenAt(writer);
                while (true)
                {
                    reader.Ask(read);
                    if (group.AppliedUpTo(reader) >= index) break;
                }

                lags.Add(Stopwatch.GetElapsedTime(acknowledged).TotalMilliseconds);
            }

            foreach (var (wire, _) in followers) wire.Dispose();
        }
        catch (SocketException e)
        {
            throw new Running.HarnessException($"{group.Name}: replication lag: {e.Message}", e);
        }
        finally
        {
            over.Cancel();
            load.Join();
        }

        return lags;
    }
}
