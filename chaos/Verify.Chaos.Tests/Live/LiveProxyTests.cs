using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.MySql;
using Verify.NodeHost.Tests;

namespace Verify.Chaos.Tests.Live;

/// <summary>An application that knows nothing of Verify: it writes through the real haproxy with the example of docs/haproxy.cfg, and goes on on the
/// new primary after the old one was killed; and a proxy of another make, which watches the key, is told each change.</summary>
[Category("Live")]
public sealed class LiveProxyTests
{
    private const string Program = "/usr/sbin/haproxy", Key = "mysql/master/main/hostname";
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(60), FailoverLimit = TimeSpan.FromSeconds(20);
    private readonly Dictionary<string, OpOutcome> _writes = new(StringComparer.Ordinal);

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    public async Task Writes_through_haproxy_follow_a_real_failover_and_none_that_was_acknowledged_is_lost(Flavor flavor)
    {
        await LiveProgram.RequireAsync(Program, "haproxy");
        _writes.Clear();
        await using var fleet = await ThrottledFleet.StartAsync(new LiveOptions { Flavor = flavor });
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole");
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var told = new List<string>();
        var watching = WatchAsync(fleet.World.Http["n3"], told, end.Token);
        using var front = await HaproxyAsync(fleet.World);
        await using var application = new SqlClient(new Front(front.Port, fleet.World.Application), client: 7);
        await WriteUntilAsync(application, OpOutcome.Ok, WholeLimit);
        for (var start = Stopwatch.GetTimestamp(); told.Count == 0 && Stopwatch.GetElapsedTime(start) < FailoverLimit;) await WriteAsync(application);

        await fleet.World.KillAsync("db1");
        var killed = Stopwatch.GetTimestamp();
        await WriteUntilNotAsync(application, OpOutcome.Ok, FailoverLimit);
        await WriteUntilAsync(application, OpOutcome.Ok, FailoverLimit);
        TestContext.Out.WriteLine($"killed -> a write through haproxy: {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.00} s");

        // The old primary returns and must get none of the writes; until its first check has come back, and ever after.
        await fleet.World.StartAgainAsync("db1");
        await fleet.UntilAsync(200, WholeLimit, "a fleet that is whole again");
        for (var write = 0; write < 50; write++) Assert.That(await WriteAsync(application), Is.EqualTo(OpOutcome.Ok), "nothing changes any more");

        await Task.Delay(TimeSpan.FromSeconds(1));
        await end.CancelAsync();
        await watching;
        Assert.That(told, Has.Count.EqualTo(3), string.Join(", ", told));
        Assert.That((told[0], told[1]), Is.EqualTo(("db1", "none")), "no primary is named from detection to promotion");
        Assert.That(told[2], Is.AnyOf("db2", "db3"));
        var rows = await fleet.World.ReadRowsAsync();
        var acknowledged = _writes.Where(w => w.Value == OpOutcome.Ok).Select(w => w.Key).ToArray();
        Assert.That(acknowledged, Is.SubsetOf(rows[told[2]]), $"{acknowledged.Length} acknowledged writes are on {told[2]}");
        Assert.That(acknowledged, Has.Length.GreaterThan(50));
    }

    private async Task<OpOutcome> WriteAsync(SqlClient application)
    {
        var id = $"proxied-{_writes.Count}";
        var answer = await application.InsertAsync(id);
        _writes.Add(id, answer.Outcome);
        await Task.Delay(10);
        return answer.Outcome;
    }

    private Task WriteUntilAsync(SqlClient application, OpOutcome wanted, TimeSpan limit) => WriteUntilAsync(application, outcome => outcome == wanted, limit);

    private Task WriteUntilNotAsync(SqlClient application, OpOutcome past, TimeSpan limit) => WriteUntilAsync(application, outcome => outcome != past, limit);

    private async Task WriteUntilAsync(SqlClient application, Func<OpOutcome, bool> isReached, TimeSpan limit)
    {
        var last = OpOutcome.Unknown;
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < limit;)
            if (isReached(last = await WriteAsync(application))) return;
        throw new AssertionException($"not within {limit.TotalSeconds:0} s; the last write: {last}");
    }

    /// <summary>The values of the key, as a node's event stream tells them.</summary>
    private static async Task WatchAsync(Uri node, List<string> told, CancellationToken end)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(node, $"/watch/{Key}"));
        request.Headers.Accept.ParseAdd("text/event-stream");
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(end));
            while (await reader.ReadLineAsync(end) is { } line)
                if (line.StartsWith("data: ", StringComparison.Ordinal) && JsonDocument.Parse(line[6..]).RootElement is { ValueKind: JsonValueKind.Object } change
                    && change.TryGetProperty("value", out var value)) told.Add(value.GetString()!);
        }
        catch (OperationCanceledException)
        {
            // The test has seen enough.
        }
    }

    /// <summary>In the data centre of n2, asking n2, as the example wants it: where the primary is not.</summary>
    private static async Task<Haproxy> HaproxyAsync(LiveWorld world)
    {
        var port = FreePort();
        var text = await File.ReadAllTextAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "haproxy.cfg"));
        text = text[..text.IndexOf("# orchestrator's way", StringComparison.Ordinal)]
            .Replace("bind 127.0.0.1:3307", $"bind 127.0.0.1:{port}", StringComparison.Ordinal)
            .Replace("addr 127.0.0.1 port 3000", $"addr {world.Http["n2"].Host} port {world.Http["n2"].Port}", StringComparison.Ordinal)
            .Replace("10.0.1.1:3306", world.AddressFrom("west", "db1"), StringComparison.Ordinal)
            .Replace("10.0.2.1:3306", world.AddressFrom("west", "db2"), StringComparison.Ordinal)
            .Replace("10.0.3.1:3306", world.AddressFrom("west", "db3"), StringComparison.Ordinal);
        return new(port, text);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Its process, which ends with it.</summary>
    private sealed class Haproxy : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("verify-haproxy-").FullName;
        private readonly Process _process;

        public Haproxy(int port, string configuration)
        {
            Port = port;
            var file = Path.Combine(_folder, "haproxy.cfg");
            File.WriteAllText(file, configuration);
            _process = Process.Start(new ProcessStartInfo(Program, ["-db", "-f", file]) { UseShellExecute = false })!;
        }

        public int Port { get; }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>All that the application knows: one address.</summary>
    private sealed class Front(int port, MySqlLogin login) : ISqlPlace
    {
        public TimeProvider Time => TimeProvider.System;
        public MySqlLogin Login => login;

        public ValueTask<string?> PrimaryAsync() => ValueTask.FromResult<string?>("haproxy");

        public async ValueTask<Stream> ConnectAsync(string server, CancellationToken cancel)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                throw new IOException(e.Message, e);
            }
        }
    }
}
