using System.Diagnostics;
using System.Net.Sockets;
using Verify.Chaos.Live;
using Verify.Chaos.Running;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>How long a group is without a leader: after kill -9 of the leader, and during a planned transfer. The survivors are asked
/// every 2 ms, past any client library, whether they lead.</summary>
internal static class ElectionRounds
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollPause = TimeSpan.FromMilliseconds(2);

    /// <summary>Seconds from the kill to the first survivor's "I lead"; the killed one is started again. Null, and nobody was killed: another
    /// member led already.</summary>
    public static async Task<double?> KillAsync(IKvGroup group, int leader)
    {
        var killed = Task.CompletedTask;
        var taken = Watch(group, [.. Others(group, leader)], () => killed = group.KillAsync(leader), () => "");
        await killed;
        if (taken is not null) await group.StartAsync(leader);
        return taken;
    }

    /// <summary>Seconds from the request to the first "I lead" of another member.</summary>
    /// <exception cref="HarnessException">The leader refused.</exception>
    public static double? Transfer(IKvGroup group, int leader)
    {
        var question = group.TransferQuestion(leader, (leader + 1) % group.Size);
        var refusal = "";
        Thread? asking = null;
        var taken = Watch(group, [.. Others(group, leader)], () =>
        {
            // Its answer is not waited for: what counts is when another one leads.
            asking = new(() => refusal = Refusal(group.Address(leader), question)) { IsBackground = true };
            asking.Start();
        }, () => Volatile.Read(ref refusal));
        asking?.Join();
        return taken;
    }

    /// <summary>Empty when the leader agreed.</summary>
    private static string Refusal(Uri leader, byte[] question)
    {
        try
        {
            using var wire = new HttpWire(leader);
            var status = wire.Ask(question);
            return status == 200 ? "" : $"the transfer was refused with status {status}: {wire.Content.Trim()}";
        }
        catch (SocketException e)
        {
            return $"the transfer was not answered: {e.Message}";
        }
    }

    private static IEnumerable<int> Others(IKvGroup group, int leader) => Enumerable.Range(0, group.Size).Where(m => m != leader);

    /// <summary>Seconds from the act to the first watched member's "I lead". Null, and nothing was done: one of them led already.</summary>
    private static double? Watch(IKvGroup group, int[] watched, Action act, Func<string> refusal)
    {
        using var ready = new CountdownEvent(watched.Length);
        var elected = 0L;
        var over = 0;
        var isLate = 0;
        var actedAt = long.MaxValue;
        void Poll(int member)
        {
            var signalled = false;
            try
            {
                using var wire = new HttpWire(group.Address(member));
                var question = group.LeaderQuestion(member);
                while (Volatile.Read(ref over) == 0)
                {
                    var leads = group.SaysItLeads(wire.Ask(question), wire);
                    var now = Stopwatch.GetTimestamp();
                    if (leads && now <= Volatile.Read(ref actedAt)) Volatile.Write(ref isLate, 1);
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
                if (!signalled) ready.Signal(); // The other one, or the limit, decides.
            }
        }

        var threads = watched.Select(m => new Thread(() => Poll(m)) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        ready.Wait(Limit);
        var start = Stopwatch.GetTimestamp();
        if (Volatile.Read(ref isLate) == 0)
        {
            Volatile.Write(ref actedAt, start);
            act();
            while (Volatile.Read(ref elected) == 0 && refusal().Length == 0 && Stopwatch.GetElapsedTime(start) < Limit) Thread.Sleep(PollPause);
        }

        Volatile.Write(ref over, 1);
        foreach (var thread in threads) thread.Join();
        if (Volatile.Read(ref isLate) != 0) return null;
        return elected != 0
            ? Stopwatch.GetElapsedTime(start, elected).TotalSeconds
            : throw new HarnessException(refusal() is { Length: > 0 } why ? $"{group.Name}: {why}" : $"{group.Name}: no other member led within {Limit.TotalSeconds:0} s; the log of one ends: {group.LogTail(watched[0])}");
    }
}
