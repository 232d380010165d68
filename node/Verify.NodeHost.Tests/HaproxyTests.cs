using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Verify.Node.Api;
using Verify.Node.Topology;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Tests;

/// <summary>The real haproxy with the example of docs/haproxy.cfg, before two servers that say their name, asking a node with
/// scripted answers over real sockets.</summary>
[Category("Live")]
public sealed class HaproxyTests
{
    private const string Program = "/usr/sbin/haproxy";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);
    private CancellationTokenSource _end = new();
    private ScriptedNode _node = null!;
    private WebApplication _app = null!;
    private Process _haproxy = null!;
    private int _front;
    private string _folder = "";

    [SetUp]
    public async Task Start()
    {
        await LiveProgram.RequireAsync(Program, "haproxy");
        (_node, _end) = (new(), new());
        var http = FreePort.Next();
        var config = HostConfig.Parse("node.json", """{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" } }"""u8, _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls($"http://127.0.0.1:{http}");
        NodeHostApp.Configure(builder.Services);
        _app = builder.Build();
        NodeHostApp.Map(_app, _node, config, prometheus: null);
        Answer("db1", held: true);
        await _app.StartAsync();
        _front = FreePort.Next();
        var text = await File.ReadAllTextAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "haproxy.cfg"));
        text = text[..text.IndexOf("# orchestrator's way", StringComparison.Ordinal)]
            .Replace("bind 127.0.0.1:3307", $"bind 127.0.0.1:{_front}", StringComparison.Ordinal)
            .Replace("port 3000", $"port {http}", StringComparison.Ordinal)
            .Replace("10.0.1.1:3306", $"127.0.0.1:{Server("db1")}", StringComparison.Ordinal)
            .Replace("10.0.2.1:3306", $"127.0.0.1:{Server("db2")}", StringComparison.Ordinal)
            .Replace("10.0.3.1:3306", $"127.0.0.1:{Server("db3")}", StringComparison.Ordinal);
        _folder = Directory.CreateTempSubdirectory("verify-haproxy-").FullName;
        var file = Path.Combine(_folder, "haproxy.cfg");
        await File.WriteAllTextAsync(file, text);
        _haproxy = Process.Start(new ProcessStartInfo(Program, ["-db", "-f", file]) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;
    }

    [TearDown]
    public async Task Stop()
    {
        await _end.CancelAsync();
        _end.Dispose();
        if (_haproxy is not null)
        {
            _haproxy.Kill();
            await _haproxy.WaitForExitAsync();
            _haproxy.Dispose();
        }

        if (_app is not null) await _app.DisposeAsync();
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task Writes_go_to_the_primary_only_follow_it_and_go_nowhere_while_nobody_holds_the_lease()
    {
        // Until its first checks have come back, haproxy takes every server for up.
        await UntilAsync(async () =>
        {
            for (var i = 0; i < 10; i++)
                if (await SaysAsync() is not "db1") return false;
            return true;
        }, "db1 is the primary");
        using var open = new TcpClient();
        await open.ConnectAsync(IPAddress.Loopback, _front);
        Assert.That(await ReadAsync(open), Is.EqualTo("db1"));

        Answer("db1", held: false);
        await UntilAsync(async () => await SaysAsync() is "", "nobody takes a connection");
        Assert.That(await ReadAsync(open), Is.Empty, "the connection that was open to the old primary is ended");

        Answer("db2", held: true);
        await UntilAsync(async () => await SaysAsync() is "db2", "db2 is the primary");
        for (var i = 0; i < 20; i++) Assert.That(await SaysAsync(), Is.EqualTo("db2"));
    }

    [TestCase("db1", true, true, true, false, "db1:3306", 200)]
    [TestCase("db1", true, true, true, false, "db2:3306", 503)]
    [TestCase("db1", true, true, true, true, "db1:3306", 503, Description = "seen read-only")]
    [TestCase("db1", false, true, true, false, "db1:3306", 503, Description = "the lease has run out")]
    [TestCase("db1", true, false, true, false, "db1:3306", 503, Description = "a failover is under way")]
    [TestCase("db1", true, true, false, false, "db1:3306", 503, Description = "does not answer")]
    [TestCase("db1", true, true, true, false, "db9:3306", 503)]
    public async Task A_server_is_answered_200_only_while_it_is_surely_the_primary(string primary, bool held, bool named, bool answers, bool readOnly, string asked, int status)
    {
        Answer(primary, held, named, answers, readOnly);
        using var http = new HttpClient { BaseAddress = new(_app.Urls.First()) };
        Assert.That((int)(await http.GetAsync($"/api/primary-check/main/{asked}")).StatusCode, Is.EqualTo(status));
    }

    private void Answer(string primary, bool held, bool named = true, bool answers = true, bool readOnly = false) =>
        _node.Answers[typeof(ApiRequest.Cluster)] = new ApiReply.ClusterList([
            new ClusterPicture("main", new(primary, 3306), 7, held ? "n1:10008" : "", false, "", [.. new[] { "db1", "db2", "db3" }.Select(name => new InstancePicture(
                new(name, 3306), "east", "9.7.4", name, answers, 5, readOnly || name != primary, null, "", "", null, "", ""))]) { IsNamed = named },
        ]);

    private int Server(string name)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = Task.Run(async () =>
        {
            var kept = new List<TcpClient>();
            while (!_end.IsCancellationRequested)
            {
                var client = await listener.AcceptTcpClientAsync(_end.Token);
                kept.Add(client);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(name), _end.Token);
            }
        });
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The name of the server behind haproxy; empty when there is none.</summary>
    private async Task<string> SaysAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _front);
            return await ReadAsync(client);
        }
        catch (SocketException)
        {
            return "";
        }
    }

    private static async Task<string> ReadAsync(TcpClient client)
    {
        var buffer = new byte[16];
        try
        {
            var read = await client.GetStream().ReadAsync(buffer).AsTask().WaitAsync(Soon);
            return Encoding.ASCII.GetString(buffer, 0, read);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        for (var begin = Stopwatch.GetTimestamp(); !await holds(); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(begin) < Soon) continue;
            _haproxy!.Kill();
            Assert.Fail($"waited in vain until {what}; haproxy said: {await _haproxy.StandardError.ReadToEndAsync()}");
        }
    }
}
