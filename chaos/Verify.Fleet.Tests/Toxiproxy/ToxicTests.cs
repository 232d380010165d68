using System.Diagnostics;
using System.Net.Sockets;
using Verify.Fleet.Toxiproxy;

namespace Verify.Fleet.Tests.Toxiproxy;

/// <summary>What toxics and cuts do to real connections through the built-in server.</summary>
public sealed class ToxicTests
{
    private static readonly byte[] Word = [1, 2, 3, 4];
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(150);
    private EchoServer _echo = null!;
    private ToxiproxyServer _server = null!;
    private ToxiproxyClient _client = null!;
    private ProxyInfo _proxy = null!;

    [SetUp]
    public async Task Start()
    {
        _echo = new();
        _server = ToxiproxyServer.Start(seed: 7);
        _client = new(_server.Url);
        _proxy = await _client.AddAsync("p", "127.0.0.1:0", _echo.Address);
    }

    [TearDown]
    public async Task Stop()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        await _echo.DisposeAsync();
    }

    [Test]
    public async Task Without_toxics_every_byte_arrives_and_is_counted()
    {
        var bytes = new byte[3_000_000];
        new Random(1).NextBytes(bytes);
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        var receiving = client.ReceiveAsync(bytes.Length);
        await client.SendAsync(bytes);
        Assert.That((await receiving).AsSpan().SequenceEqual(bytes));
        var counters = await CountersAsync();
        Assert.That((counters.PassedUpstream, counters.PassedDownstream, counters.DroppedUpstream), Is.EqualTo((3_000_000L, 3_000_000L, 0L)));
    }

    [Test]
    public async Task A_client_that_has_finished_sending_still_gets_its_answer()
    {
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.SendAsync(Word);
        client.HalfClose();
        Assert.That(await client.ReceiveAsync(10), Is.EqualTo(Word));
    }

    [Test]
    public async Task Latency_delays_pieces_but_not_one_after_the_other()
    {
        await _client.AddToxicAsync("p", new("lat", Direction.Upstream, 1, new ToxicKind.Latency(100, 0)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 10; i++)
        {
            await client.SendAsync(Word);
            await Task.Delay(5);
        }

        Assert.That(await client.ReceiveAsync(40), Has.Length.EqualTo(40));
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(140, 900));
    }

    [Test]
    public async Task Latency_that_is_removed_lets_what_it_holds_go_at_once()
    {
        await _client.AddToxicAsync("p", new("lat", Direction.Downstream, 1, new ToxicKind.Latency(60_000, 0)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.SendAsync(Word);
        Assert.That(await client.HearsNothingAsync(Quiet));
        await _client.RemoveToxicAsync("p", "lat");
        Assert.That(await client.ReceiveAsync(4), Is.EqualTo(Word));
    }

    [Test]
    public async Task Bandwidth_limits_the_rate_and_0_stalls_until_it_is_removed()
    {
        await _client.AddToxicAsync("p", new("bw", Direction.Upstream, 1, new ToxicKind.Bandwidth(1000)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        var watch = Stopwatch.StartNew();
        var receiving = client.ReceiveAsync(300_000);
        await client.SendAsync(new byte[300_000]);
        await receiving;
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(250, 2500), "300 kB at 1,000 kB/s");
        await _client.UpdateToxicAsync("p", new("bw", Direction.Upstream, 1, new ToxicKind.Bandwidth(0)));
        await client.SendAsync(Word);
        Assert.That(await client.HearsNothingAsync(Quiet));
        await _client.RemoveToxicAsync("p", "bw");
        Assert.That(await client.ReceiveAsync(4), Is.EqualTo(Word));
    }

    [Test]
    public async Task Slicer_cuts_into_small_pieces_and_loses_nothing()
    {
        await _client.AddToxicAsync("p", new("sl", Direction.Upstream, 1, new ToxicKind.Slicer(64, 16, 10)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        var bytes = new byte[2000];
        new Random(2).NextBytes(bytes);
        Assert.That(await client.EchoAsync(bytes), Is.EqualTo(bytes));
    }

    [Test]
    public async Task Limit_data_passes_so_many_bytes_and_closes()
    {
        await _client.AddToxicAsync("p", new("li", Direction.Downstream, 1, new ToxicKind.LimitData(100)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.SendAsync(new byte[150]);
        Assert.That(await client.ReceiveAsync(150), Has.Length.EqualTo(100));
        Assert.That((await CountersAsync()).DroppedDownstream, Is.EqualTo(50));
    }

    [Test]
    public async Task Limit_data_remembers_what_it_has_passed_when_it_is_changed()
    {
        await _client.AddToxicAsync("p", new("li", Direction.Upstream, 1, new ToxicKind.LimitData(100)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        Assert.That(await client.EchoAsync(new byte[60]), Has.Length.EqualTo(60));
        await _client.UpdateToxicAsync("p", new("li", Direction.Upstream, 1, new ToxicKind.LimitData(80)));
        await client.SendAsync(new byte[60]);
        Assert.That(await EndsAsync(client, 60), "closed after 20 more");
        Assert.That(() => _echo.Received, Is.EqualTo(80).After(5_000, 10), "the server may read them after the client has seen the end");
    }

    [Test]
    public async Task Timeout_closes_after_its_time_and_lets_nothing_through_before()
    {
        await _client.AddToxicAsync("p", new("to", Direction.Downstream, 1, new ToxicKind.Timeout(200)));
        var watch = Stopwatch.StartNew();
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.SendAsync(Word);
        Assert.That(await client.ReceiveAsync(4), Is.Empty);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(190, 2000));
    }

    [Test]
    public async Task Reset_peer_resets_the_connection_after_the_first_piece()
    {
        await _client.AddToxicAsync("p", new("rp", Direction.Downstream, 1, new ToxicKind.ResetPeer(50)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.SendAsync(Word);
        var reset = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(4));
        Assert.That(reset!.SocketErrorCode, Is.EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task Slow_close_holds_the_end_back()
    {
        await _client.AddToxicAsync("p", new("sc", Direction.Upstream, 1, new ToxicKind.SlowClose(200)));
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        Assert.That(await client.EchoAsync(Word), Is.EqualTo(Word));
        var watch = Stopwatch.StartNew();
        client.HalfClose();
        Assert.That(await client.ReceiveAsync(1), Is.Empty);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(190, 2000));
    }

    [Test]
    public async Task Toxicity_strikes_its_share_of_the_connections_and_the_same_ones_with_the_same_seed()
    {
        var first = await StruckAsync("p");
        Assert.That(first.Count(s => s), Is.InRange(5, 35), "of 40 with toxicity 0.5");
        await using var other = ToxiproxyServer.Start(seed: 7);
        using var client = new ToxiproxyClient(other.Url);
        (_client, var mine) = (client, _client);
        _proxy = await client.AddAsync("p", "127.0.0.1:0", _echo.Address);
        var second = await StruckAsync("p");
        _client = mine;
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public async Task A_cut_both_ways_is_silence_for_old_and_new_connections_and_nothing_is_closed()
    {
        using var old = await EchoClient.ConnectAsync(_proxy.Listen);
        await old.EchoAsync(Word);
        await CutAsync(Direction.Upstream, Direction.Downstream);
        await old.SendAsync(Word);
        using var young = await EchoClient.ConnectAsync(_proxy.Listen);
        await young.SendAsync(Word);
        Assert.That(await Task.WhenAll(old.HearsNothingAsync(Quiet), young.HearsNothingAsync(Quiet)), Is.EqualTo(new[] { true, true }));
        Assert.That((_echo.Received, _echo.Accepted, _echo.Ended), Is.EqualTo((4L, 1, 0)), "the server hears nothing either, and of no new connection");
        var counters = await CountersAsync();
        Assert.That((counters.DroppedUpstream, counters.ConnectionsOpen), Is.EqualTo((8L, 2L)), "the proof that the cut bit");
    }

    [Test]
    public async Task After_healing_the_cut_connections_are_closed_and_new_ones_work()
    {
        using var old = await EchoClient.ConnectAsync(_proxy.Listen);
        await old.EchoAsync(Word);
        await CutAsync(Direction.Upstream, Direction.Downstream);
        using var young = await EchoClient.ConnectAsync(_proxy.Listen);
        await HealAsync(Direction.Upstream, Direction.Downstream);
        Assert.That(await EndsAsync(old, 1) && await EndsAsync(young, 1));
        using var next = await EchoClient.ConnectAsync(_proxy.Listen);
        Assert.That(await next.EchoAsync(Word), Is.EqualTo(Word));
        Assert.That((await _client.ProxyAsync("p")).Toxics, Is.Empty);
    }

    [Test]
    public async Task A_cut_one_way_lets_the_other_way_through()
    {
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.EchoAsync(Word);
        await CutAsync(Direction.Downstream);
        await client.SendAsync(Word);
        Assert.That(await client.HearsNothingAsync(Quiet));
        Assert.That(_echo.Received, Is.EqualTo(8));
        Assert.That((await CountersAsync()).DroppedDownstream, Is.EqualTo(4));
    }

    [Test]
    public async Task Through_a_cut_the_server_does_not_learn_that_its_client_has_died()
    {
        var client = await EchoClient.ConnectAsync(_proxy.Listen);
        await client.EchoAsync(Word);
        await CutAsync(Direction.Upstream, Direction.Downstream);
        client.Dispose();
        await Task.Delay(Quiet);
        Assert.That(_echo.Ended, Is.Zero);
        await HealAsync(Direction.Upstream);
        await EventuallyAsync(() => _echo.Ended == 1);
    }

    [Test]
    public async Task Clients_that_give_up_on_a_cut_line_leave_no_connection_behind()
    {
        await CutAsync(Direction.Upstream, Direction.Downstream);
        for (var i = 0; i < 20; i++)
        {
            using var client = await EchoClient.ConnectAsync(_proxy.Listen);
            await client.SendAsync(Word);
        }

        await EventuallyAsync(async () => (await CountersAsync()).ConnectionsOpen == 0);
        Assert.That((await CountersAsync()).DroppedUpstream, Is.EqualTo(80));
        Assert.That(_echo.Accepted, Is.Zero);
    }

    [Test]
    public async Task Down_refuses_and_drops_and_up_again_uses_the_same_address()
    {
        using var old = await EchoClient.ConnectAsync(_proxy.Listen);
        await old.EchoAsync(Word);
        await _client.EnableAsync("p", enabled: false);
        Assert.That(await EndsAsync(old, 1));
        await Assert.ThrowsAsync<SocketException>(async () => await EchoClient.ConnectAsync(_proxy.Listen));
        var up = await _client.EnableAsync("p", enabled: true);
        Assert.That(up.Listen, Is.EqualTo(_proxy.Listen));
        using var next = await EchoClient.ConnectAsync(_proxy.Listen);
        Assert.That(await next.EchoAsync(Word), Is.EqualTo(Word));
    }

    [Test]
    public async Task A_server_that_is_not_there_closes_the_clients_connection()
    {
        await _echo.DisposeAsync();
        using var client = await EchoClient.ConnectAsync(_proxy.Listen);
        Assert.That(await EndsAsync(client, 1));
    }

    private Task CutAsync(params Direction[] directions) => Task.WhenAll(directions.Select(d => _client.CutAsync("p", d)));

    private Task HealAsync(params Direction[] directions) => Task.WhenAll(directions.Select(d => _client.HealAsync("p", d)));

    private async Task<ProxyCounters> CountersAsync() => (await _client.CountersAsync())!["p"];

    private async Task<bool[]> StruckAsync(string proxy)
    {
        await _client.AddToxicAsync(proxy, new("half", Direction.Downstream, 0.5f, new ToxicKind.LimitData(0)));
        var struck = new bool[40];
        for (var i = 0; i < struck.Length; i++)
        {
            using var client = await EchoClient.ConnectAsync(_proxy.Listen);
            await client.SendAsync(Word);
            struck[i] = (await client.ReceiveAsync(4)).Length == 0;
        }

        return struck;
    }

    private static async Task<bool> EndsAsync(EchoClient client, int atMost)
    {
        try
        {
            return (await client.ReceiveAsync(atMost)).Length < atMost;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static Task EventuallyAsync(Func<bool> holds) => EventuallyAsync(() => Task.FromResult(holds()));

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "waited in vain");
            await Task.Delay(10);
        }
    }
}
