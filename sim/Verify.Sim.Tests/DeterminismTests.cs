using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests;

[TestFixture]
public sealed class DeterminismTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Test]
    public void Twenty_seeds_of_a_busy_toy_world_run_twice_with_the_same_hash()
    {
        var hashes = new SortedSet<ulong>();
        for (var seed = 0UL; seed < 20; seed++)
        {
            var result = new RunTwice(seed, new SimOptions(), Limit, Toy).Check();
            Assert.That(result.Failure, Is.Null);
            Assert.That(result.Events, Is.GreaterThan(2_000));
            hashes.Add(result.Hash);
        }

        Assert.That(hashes, Has.Count.EqualTo(20), "different seeds gave the same run");
    }

    [Test]
    public void Under_priorities_the_same_seed_gives_the_same_run_too()
    {
        var result = new RunTwice(5, new SimOptions(), Limit, Toy) { Strategy = choices => new PriorityActors(choices, 3, 5_000) }.Check();
        Assert.That(result.Failure, Is.Null);
    }

    [Test]
    public void A_value_that_differs_per_run_is_found_and_the_first_event_that_differs_is_named()
    {
        var runs = 0;
        var divergence = Assert.Throws<DivergenceException>(() => new RunTwice(1, new SimOptions(), Limit, world =>
        {
            var wallClockOfThisRun = ++runs;
            return TwoBeats(world, firstMs: 10, secondMs: 20 + wallClockOfThisRun);
        }).Check());
        Assert.That(divergence!.Message, Does.Contain("the first difference is line").And.Contain("both:").And.Contain("a timer"));
    }

    [Test]
    public void A_value_that_differs_per_run_and_only_reaches_the_bytes_of_a_frame_is_found_as_well()
    {
        var runs = 0;
        var divergence = Assert.Throws<DivergenceException>(() => new RunTwice(1, new SimOptions(), Limit, async world =>
        {
            var (a, b) = Pair(world);
            var (mine, theirs) = await Connected(a, b);
            await mine.WriteAsync(new byte[] { 7, (byte)++runs });
            await theirs.ReadExactlyAsync(new byte[2]);
        }).Check());
        Assert.That(divergence!.Message, Does.Contain("a -> b sent: 2 bytes"));
    }

    [Test]
    public void Work_that_hides_in_the_thread_pool_is_found_and_its_author_named()
    {
        var divergence = Assert.Catch(() => new RunTwice(1, new SimOptions(), Limit, async world =>
        {
            var hidden = Task.Run(() => 1);
            while (!hidden.IsCompleted) await Task.Delay(Ms(1), world.WorldTime);
        }).Check());
        Assert.That(divergence, Is.TypeOf<DivergenceException>());
        Assert.That(divergence!.Message, Does.Contain("Task.Run").And.Contain(nameof(Work_that_hides_in_the_thread_pool_is_found_and_its_author_named)));
    }

    [Test]
    public void A_timer_of_the_real_clock_is_found()
    {
        var divergence = Assert.Catch(() => new RunTwice(1, new SimOptions(), Limit, async world =>
        {
            using var timer = new Timer(_ => { }, null, 60_000, -1);
            await Task.Delay(Ms(1), world.WorldTime);
        }).Check());
        Assert.That(divergence, Is.TypeOf<DivergenceException>().With.Message.Contains("TimerQueueTimer"));
    }

    [Test]
    public void A_cancelled_delay_resumes_on_the_thread_pool_and_the_world_notices()
    {
        // The runtime's own Task.Delay with a token does this (.NET 10): banned in node code, found here.
        var failure = Assert.Catch(() => new RunTwice(1, new SimOptions(), Limit, async world =>
        {
            using var cancel = new CancellationTokenSource(Ms(10), world.WorldTime);
            try
            {
                await Task.Delay(Ms(50), world.WorldTime, cancel.Token);
            }
            catch (OperationCanceledException)
            {
                await Task.Delay(Ms(1), world.WorldTime);
            }
        }).Check());
        Assert.That(failure, Is.TypeOf<DivergenceException>().With.Message.Contains("DelayPromiseWithCancellation"));
    }

    [Test]
    public void A_run_that_fails_twice_in_the_same_way_is_the_same_run()
    {
        var result = new RunTwice(1, new SimOptions(), Limit, async world =>
        {
            await Toy(world);
            world.Fail(new InvalidOperationException("planted"));
        }).Check();
        Assert.That(result.Failure, Is.TypeOf<SimWorldException>());
    }

    [Test]
    public void A_recorded_run_replays_to_the_same_hash_and_consumes_its_record_exactly()
    {
        var recording = new RecordingChoices(new DiceChoices(77));
        var recorded = HashOfToy(recording);
        Assert.That(recording.Recorded, Has.Count.GreaterThan(1_000));
        var replay = new ReplayedChoices(recording.Recorded);
        Assert.That(HashOfToy(replay), Is.EqualTo(recorded));
        replay.AssertConsumed();
    }

    [Test]
    public void A_replay_that_departs_says_at_which_choice_and_after_which_events()
    {
        var recording = new RecordingChoices(new DiceChoices(77));
        HashOfToy(recording);
        var altered = recording.Recorded.ToList();
        altered[500] = altered[500] with { N = altered[500].N + 1 };
        var failure = Assert.Throws<SimWorldException>(() => HashOfToy(new ReplayedChoices(altered)));
        Assert.That(failure!.InnerException, Is.TypeOf<ReplayDepartureException>());
        Assert.That(failure.Message, Does.Contain("choice 500: recorded was a").And.Contain("step"));
    }

    [Test]
    public void A_record_that_is_too_short_or_too_long_is_refused()
    {
        var recording = new RecordingChoices(new DiceChoices(77));
        HashOfToy(recording);
        var failure = Assert.Throws<SimWorldException>(() => HashOfToy(new ReplayedChoices([.. recording.Recorded.Take(600)])));
        Assert.That(failure!.Message, Does.Contain("the record ends after 600 choices"));
        var tooLong = new ReplayedChoices([.. recording.Recorded, new Choice(ChoiceKind.Value, 2, 1)]);
        HashOfToy(tooLong);
        Assert.Throws<ReplayDepartureException>(tooLong.AssertConsumed);
    }

    [Test]
    public void A_choice_of_one_is_not_recorded()
    {
        var recording = new RecordingChoices(new DiceChoices(1));
        Assert.That(recording.Next(ChoiceKind.Value, 1), Is.Zero);
        Assert.That(recording.Recorded, Is.Empty);
    }

    [Test]
    public void The_event_loop_bench_runs_and_gives_a_figure()
    {
        var figures = EventLoopBench.Run(TimeProvider.System, hosts: 6, simulatedSeconds: 20);
        TestContext.Out.WriteLine(
            $"{figures.EventsPerSecond / 1e6:0.00} M events/s, {figures.SimulatedPerWall:0} simulated seconds per second ({figures.Events} events)");
        Assert.That(figures.Events, Is.GreaterThan(100_000));
    }

    private static ulong HashOfToy(IChoiceSource choices)
    {
        using var world = new SimWorld(new SimOptions(), choices, new RandomActors(choices));
        world.Run(() => Toy(world), Limit);
        return world.Trace.Hash;
    }

    private static async Task TwoBeats(SimWorld world, int firstMs, int secondMs)
    {
        var host = world.AddHost("a", "east");
        world.Start();
        await Task.Delay(Ms(firstMs), host.Seam.Time);
        await Task.Delay(Ms(secondMs), host.Seam.Time);
    }

    /// <summary>Four hosts that talk, write to disk and wait in every way that the base library offers, while links are cut and
    /// hosts are killed, paused and skewed.</summary>
    private static async Task Toy(SimWorld world)
    {
        string[] names = ["a", "b", "c", "d"];
        foreach (var name in names) world.AddHost(name, name is "a" or "b" ? "east" : "west", host => Gossip(host, names));
        world.Start();
        var time = world.WorldTime;
        await Task.Delay(Ms(300), time);
        world.Isolate("east");
        world.SetClock(world.Host("c"), TimeSpan.FromSeconds(-3), 1.05m);
        await Task.Delay(Ms(300), time);
        world.Kill(world.Host("b"));
        world.Pause(world.Host("d"));
        await Task.Delay(Ms(200), time);
        world.HealAll();
        world.Resume(world.Host("d"));
        world.Restart(world.Host("b"));
        world.LoseConnections("east", "west");
        await Task.Delay(Ms(1_500), time);
    }

    private static async ValueTask Gossip(SimHost host, string[] names)
    {
        var seam = host.Seam;
        Listen(host, seam.Network.Listen(At(host.Name)));
        foreach (var name in names)
            if (!string.Equals(name, host.Name, StringComparison.Ordinal)) Talk(host, name);
        var file = seam.Disk.Open("log", create: true);
        using var timer = new PeriodicTimer(Ms(10), seam.Time);
        for (var beat = 0; await timer.WaitForNextTickAsync(); beat++)
        {
            await file.WriteAsync(BitConverter.GetBytes(seam.Dice.Next()), file.Length);
            if (beat % 5 == 0) await file.SyncAsync();
            seam.Scheduler.Schedule(static _ => { }, null);
        }
    }

    private static async void Talk(SimHost host, string to)
    {
        var seam = host.Seam;
        while (true)
        {
            try
            {
                using var deadline = new CancellationTokenSource(Ms(400), seam.Time);
                await using var stream = await seam.Network.ConnectAsync(At(to), deadline.Token);
                while (true)
                {
                    await stream.WriteAsync(BitConverter.GetBytes(seam.Dice.Next()));
                    await stream.ReadExactlyAsync(new byte[8]).AsTask().WaitAsync(Ms(300), seam.Time);
                    await Task.Delay(Ms(seam.Dice.Next(20)), seam.Time);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or TimeoutException)
            {
                await Task.Delay(Ms(50), seam.Time);
            }
        }
    }

    private static async void Listen(SimHost host, IListener listener)
    {
        while (await listener.AcceptAsync() is { } stream) Echo(stream);
    }

    private static async void Echo(Stream stream)
    {
        try
        {
            var buffer = new byte[64];
            while (await stream.ReadAsync(buffer) is > 0 and var read) await stream.WriteAsync(buffer.AsMemory(0, read));
        }
        catch (IOException)
        {
            await stream.DisposeAsync();
        }
    }
}
