using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Chaos.Live;

/// <summary>Watches one server's read-only flag from outside, past all proxies, some fifty times a second. What it tells is what
/// was surely seen: a server counts as writable from the answer of the first sample that said so to the question of the last.</summary>
internal sealed class WritableSampler(RealServer server, string dataCenter, MySqlLogin login, EventLog events)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);
    private long _lastSeenWritableUs = -1;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await WatchOneSessionAsync(cancel);
            }
            catch (Exception e) when (e is MySqlException or IOException or System.Net.Sockets.SocketException or OperationCanceledException)
            {
                // Down, paused or restarting: nothing is seen. Whoever did that to it has told the event log.
                Close("out of sight");
            }

            await Task.Delay(100, CancellationToken.None);
        }

        Close("end of the run");
    }

    private async Task WatchOneSessionAsync(CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Patience);
        var client = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(server.Endpoint, patience.Token);
        await using var session = await MySqlSession.OpenAsync(new System.Net.Sockets.NetworkStream(client, ownsSocket: true), login, TimeProvider.System, Patience, cancel);
        while (!cancel.IsCancellationRequested)
        {
            var askedUs = events.NowUs;
            var facts = ServerFacts.Read(await session.QueryAsync(new Statement.ReadFacts().Sql(server.Flavor), Patience, CancellationToken.None), server.Flavor);
            if (facts.IsReadOnly)
            {
                Close("read-only");
            }
            else if (server.Disk is { IsStalled: true })
            {
                // It says that it is open, and nobody's commit can end.
                Close("its disk stands still");
            }
            else
            {
                // It was open at some time between question and answer: the first counts from its answer, the last until its question.
                events.Add(EventKinds.Writable, server.Name, dataCenter, atUs: _lastSeenWritableUs < 0 ? events.NowUs : Math.Max(askedUs, _lastSeenWritableUs), fields: [("writable", "true")]);
                _lastSeenWritableUs = askedUs;
            }

            await Task.Delay(Interval, CancellationToken.None);
        }
    }

    private void Close(string why)
    {
        if (_lastSeenWritableUs < 0) return;
        events.Add(EventKinds.Writable, server.Name, dataCenter, fields: [("writable", "false"), ("why", why)]);
        _lastSeenWritableUs = -1;
    }
}
