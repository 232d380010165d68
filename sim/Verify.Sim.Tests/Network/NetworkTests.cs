using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Network;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Network;

[TestFixture]
public sealed class NetworkTests
{
    /// <summary>Why nobody answers.</summary>
    public enum Silence { CutThere, CutBack, WithoutPower }

    [Test]
    public void Bytes_arrive_after_the_latency_of_the_link_and_in_order()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                Assert.That(world.Now, Is.EqualTo(Ms(20)), "a connection costs a round trip");
                await WriteText(mine, "one ");
                await Task.Delay(Ms(1), world.WorldTime);
                await WriteText(mine, "two");
                Assert.That(await ReadText(theirs, 7), Is.EqualTo("one two"));
                Assert.That(world.Now, Is.EqualTo(Ms(31)));
            },
            Minute);
    }

    [Test]
    public void A_write_completes_nothing_inside_the_call()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                var read = theirs.ReadAsync(new byte[10]).AsTask();
                await WriteText(mine, "x");
                Assert.That(read.IsCompleted, Is.False);
                Assert.That(await read, Is.EqualTo(1));
            },
            Minute);
    }

    [Test]
    public void An_answered_port_refuses_after_a_round_trip_where_nobody_listens()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                await Throws<ConnectionRefusedException>(() => a.Seam.Network.ConnectAsync(At("b"), CancellationToken.None).AsTask());
                Assert.That(world.Now, Is.EqualTo(Ms(20)));
                world.Kill(b);
                await Throws<ConnectionRefusedException>(() => a.Seam.Network.ConnectAsync(At("b"), CancellationToken.None).AsTask());
            },
            Minute);
    }

    [TestCase(Silence.CutThere)]
    [TestCase(Silence.CutBack)]
    [TestCase(Silence.WithoutPower)]
    public void A_connect_into_silence_hangs_until_the_callers_deadline(Silence why)
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                using var listener = new Disposal(b.Seam.Network.Listen(At("b")));
                if (why == Silence.CutThere) world.Cut("a", "b");
                else if (why == Silence.CutBack) world.Cut("b", "a");
                else world.Kill(b, Crash.Power);
                using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), a.Seam.Time);
                await Throws<OperationCanceledException>(() => a.Seam.Network.ConnectAsync(At("b"), deadline.Token).AsTask());
                Assert.That(world.Now, Is.EqualTo(TimeSpan.FromSeconds(5)));
            },
            Minute);
        if (why != Silence.WithoutPower) Assert.That(world.CutWindows.Single().ConnectsStopped, Is.GreaterThanOrEqualTo(2), "the cut stopped nothing");
    }

    [Test]
    public void A_connect_that_hung_in_a_cut_gets_through_after_the_heal()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var listener = b.Seam.Network.Listen(At("b"));
                world.CutBothWays("a", "b");
                var connecting = a.Seam.Network.ConnectAsync(At("b"), CancellationToken.None).AsTask();
                await Task.Delay(TimeSpan.FromSeconds(2), world.WorldTime);
                Assert.That(connecting.IsCompleted, Is.False);
                world.HealAll();
                await using var stream = await connecting;
                Assert.That(world.Now, Is.EqualTo(TimeSpan.FromSeconds(3) + Ms(20)), "the SYN goes again after 1 and 2 s");
                Assert.That(await listener.AcceptAsync(), Is.Not.Null);
            },
            Minute);
    }

    [Test]
    public void A_one_way_cut_holds_one_direction_and_lets_the_other_through()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.Cut("a", "b");
                await WriteText(mine, "lost?");
                await WriteText(theirs, "heard");
                Assert.That(await ReadText(mine, 5), Is.EqualTo("heard"));
                var read = theirs.ReadAsync(new byte[5]).AsTask();
                await Task.Delay(TimeSpan.FromSeconds(20), world.WorldTime);
                Assert.That(read.IsCompleted, Is.False, "bytes went through a cut link");
            },
            Minute);
        Assert.That(world.CutWindows.Single(), Has.Property("Bit").True.And.Property("SegmentsHeld").EqualTo(1));
        Assert.That(world.TrafficOf("a", "b"), Is.EqualTo((0L, 1L)));
        Assert.That(world.TrafficOf("b", "a"), Is.EqualTo((1L, 0L)));
    }

    [Test]
    public void After_the_heal_the_held_bytes_arrive_in_order_within_a_second()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            using var world = SimWorld.FromSeed(seed);
            var (a, b) = Pair(world);
            world.Run(
                async () =>
                {
                    var (mine, theirs) = await Connected(a, b);
                    world.Cut("east", "west");
                    await WriteText(mine, "abc");
                    await Task.Delay(Ms(300), world.WorldTime);
                    await WriteText(mine, "def");
                    await Task.Delay(Ms(300), world.WorldTime);
                    world.Heal("east", "west");
                    var healed = world.Now;
                    await Task.Delay(Ms(1), world.WorldTime);
                    await WriteText(mine, "ghi");
                    Assert.That(await ReadText(theirs, 9), Is.EqualTo("abcdefghi"));
                    Assert.That(world.Now - healed, Is.GreaterThan(Ms(200)).And.LessThanOrEqualTo(Ms(1_003)));
                },
                Minute);
        }
    }

    [Test]
    public void A_cut_that_returns_before_the_retransmission_holds_the_bytes_again()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.Cut("a", "b");
                await WriteText(mine, "abc");
                await Task.Delay(Ms(50), world.WorldTime);
                world.Heal("a", "b");
                await Task.Delay(Ms(50), world.WorldTime);
                world.Cut("a", "b");
                var read = ReadText(theirs, 3);
                await Task.Delay(TimeSpan.FromSeconds(5), world.WorldTime);
                Assert.That(read.IsCompleted, Is.False);
                world.Heal("a", "b");
                Assert.That(await read, Is.EqualTo("abc"));
            },
            Minute);
        Assert.That(world.CutWindows, Has.Count.EqualTo(2).And.All.Property("Bit").True);
    }

    [Test]
    public void Overlapping_cuts_end_when_the_last_one_is_healed()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.Isolate("a");
                world.Cut("a", "b");
                await WriteText(mine, "x");
                world.Heal("a", "b");
                var read = ReadText(theirs, 1);
                await Task.Delay(TimeSpan.FromSeconds(5), world.WorldTime);
                Assert.That(read.IsCompleted, Is.False);
                world.Heal("a", "b");
                Assert.That(await read, Is.EqualTo("x"));
            },
            Minute);
    }

    [Test]
    public void A_refusing_cut_resets_open_connections_and_refuses_new_ones()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                var read = mine.ReadAsync(new byte[1]).AsTask();
                world.CutBothWays("a", "b", CutStyle.Refuse);
                await Throws<IOException>(() => read);
                await Throws<IOException>(() => theirs.ReadAsync(new byte[1]).AsTask());
                await Throws<ConnectionRefusedException>(() => a.Seam.Network.ConnectAsync(At("b"), CancellationToken.None).AsTask());
            },
            Minute);
    }

    [Test]
    public void A_closed_end_is_seen_after_the_bytes_before_it_and_a_write_to_it_is_reset()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                await WriteText(mine, "bye");
                await mine.DisposeAsync();
                Assert.That(await ReadText(theirs, 3), Is.EqualTo("bye"));
                Assert.That(await theirs.ReadAsync(new byte[1]), Is.Zero);
                await WriteText(theirs, "hello?");
                await Task.Delay(Ms(30), world.WorldTime);
                await Throws<IOException>(() => WriteText(theirs, "hello?").AsTask());
                await Throws<ObjectDisposedException>(() => mine.ReadAsync(new byte[1]).AsTask());
            },
            Minute);
    }

    [Test]
    public void A_killed_process_resets_its_connections_but_a_lost_power_leaves_them_half_open()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (first, _) = await Connected(a, b, 80);
                world.Kill(b);
                await Throws<IOException>(() => first.ReadAsync(new byte[1]).AsTask());
                world.Start(b);
                var (second, _) = await Connected(a, b, 81);
                var read = second.ReadAsync(new byte[1]).AsTask();
                world.Kill(b, Crash.Power);
                await WriteText(second, "anybody?");
                await Task.Delay(TimeSpan.FromSeconds(10), world.WorldTime);
                Assert.That(read.IsCompleted, Is.False, "somebody without power answered");
                world.Start(b);
                await WriteText(second, "anybody?");
                await Throws<IOException>(() => read);
            },
            Minute);
    }

    [Test]
    public void Lost_connections_fail_at_both_ends_and_new_ones_can_be_made()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b, 80);
                world.LoseConnections("west", "east");
                await Throws<IOException>(() => mine.ReadAsync(new byte[1]).AsTask());
                await Throws<IOException>(() => theirs.ReadAsync(new byte[1]).AsTask());
                await Connected(a, b, 81);
            },
            Minute);
    }

    [Test]
    public void A_writer_waits_when_too_much_is_on_its_way_and_goes_on_when_the_reader_reads()
    {
        using var world = SimWorld.FromSeed(1, Exact with { InFlightBytesMax = 1_000 });
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                await mine.WriteAsync(new byte[1_000]);
                var second = mine.WriteAsync(new byte[10]).AsTask();
                await Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
                Assert.That(second.IsCompleted, Is.False);
                await theirs.ReadExactlyAsync(new byte[500]);
                await second;
                await theirs.ReadExactlyAsync(new byte[510]);
            },
            Minute);
    }

    [Test]
    public void With_the_way_back_cut_a_writer_runs_full_because_nothing_is_acknowledged()
    {
        using var world = SimWorld.FromSeed(1, Exact with { InFlightBytesMax = 1_000 });
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.Cut("b", "a");
                await mine.WriteAsync(new byte[1_000]);
                await theirs.ReadExactlyAsync(new byte[1_000]);
                var second = mine.WriteAsync(new byte[10]).AsTask();
                await Task.Delay(TimeSpan.FromSeconds(9), world.WorldTime);
                Assert.That(second.IsCompleted, Is.False);
                world.HealAll();
                await second;
            },
            Minute);
    }

    [Test]
    public void A_pending_read_can_be_cancelled_and_the_stream_goes_on()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                using var deadline = new CancellationTokenSource(Ms(100), b.Seam.Time);
                await Throws<OperationCanceledException>(() => theirs.ReadAsync(new byte[4], deadline.Token).AsTask());
                await WriteText(mine, "late");
                Assert.That(await ReadText(theirs, 4), Is.EqualTo("late"));
            },
            Minute);
    }

    [Test]
    public void Deliveries_are_split_at_odd_places_and_nothing_is_lost()
    {
        using var world = SimWorld.FromSeed(1, new SimOptions { SplitDeliveriesPerMille = 500 });
        var (a, b) = Pair(world);
        var (portions, received) = (0, new List<byte>());
        var sent = Enumerable.Range(0, 20_000).Select(i => (byte)(i * 31)).ToArray();
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                for (var i = 0; i < sent.Length; i += 100)
                {
                    await mine.WriteAsync(sent.AsMemory(i, 100));
                    await Task.Delay(Ms(1), world.WorldTime);
                }

                await mine.DisposeAsync();
                var buffer = new byte[4_096];
                while (await theirs.ReadAsync(buffer) is > 0 and var read)
                {
                    portions++;
                    received.AddRange(buffer.AsSpan(0, read).ToArray());
                }
            },
            Minute);
        Assert.That(received, Is.EqualTo(sent));
        Assert.That(portions, Is.GreaterThan(5));
    }

    [Test]
    public void A_taken_port_a_foreign_address_and_an_unknown_host_are_refused_with_a_sentence()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, _) = Pair(world);
        a.Seam.Network.Listen(At("0.0.0.0"));
        Assert.That(Assert.Throws<IOException>(() => a.Seam.Network.Listen(At("a")))!.Message, Does.Contain("taken"));
        Assert.That(Assert.Throws<IOException>(() => a.Seam.Network.Listen(At("b")))!.Message, Does.Contain("not an address of a"));
        world.Run(() => Throws<IOException>(() => a.Seam.Network.ConnectAsync(At("nowhere"), CancellationToken.None).AsTask()), Minute);
    }

    private static async Task Throws<T>(Func<Task> act) where T : Exception
    {
        try
        {
            await act();
        }
        catch (T)
        {
            return;
        }

        Assert.Fail($"no {typeof(T).Name} was thrown");
    }

    private sealed class Disposal(IListener listener) : IDisposable
    {
        public void Dispose() => listener.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
