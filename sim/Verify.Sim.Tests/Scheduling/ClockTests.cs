using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Scheduling;

[TestFixture]
public sealed class ClockTests
{
    [Test]
    public void A_good_clock_shows_the_epoch_plus_the_time_that_passed()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        world.RunFor(TimeSpan.FromSeconds(90));
        Assert.That(host.Clock.GetUtcNow(), Is.EqualTo(new DateTimeOffset(2026, 1, 1, 0, 1, 30, TimeSpan.Zero)));
        Assert.That(host.Clock.GetElapsedTime(0), Is.EqualTo(TimeSpan.FromSeconds(90)));
    }

    [Test]
    public void An_offset_moves_the_wall_clock_and_no_timer()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var fired = TimeSpan.Zero;
        using var timer = host.Seam.Time.CreateTimer(_ => fired = world.Now, null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
        world.RunFor(TimeSpan.FromSeconds(1));
        world.SetClock(host, TimeSpan.FromSeconds(45));
        world.JumpClock(host, TimeSpan.FromSeconds(-105));
        Assert.That(host.Clock.GetUtcNow(), Is.EqualTo(world.Options.Epoch.AddSeconds(1 - 60)));
        Assert.That(host.Clock.GetElapsedTime(0), Is.EqualTo(TimeSpan.FromSeconds(1)), "a jump of the wall clock moved the monotonic one");
        world.RunFor(TimeSpan.FromSeconds(5));
        Assert.That(fired, Is.EqualTo(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public void A_clock_that_runs_two_per_cent_fast_gains_and_fires_early_in_true_time()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        world.SetClock(host, TimeSpan.Zero, rate: 1.02m);
        var fired = TimeSpan.Zero;
        using var timer = host.Seam.Time.CreateTimer(_ => fired = world.Now, null, TimeSpan.FromSeconds(51), Timeout.InfiniteTimeSpan);
        world.RunFor(TimeSpan.FromSeconds(100));
        Assert.That(fired, Is.EqualTo(TimeSpan.FromSeconds(50)));
        Assert.That(host.Clock.GetElapsedTime(0), Is.EqualTo(TimeSpan.FromSeconds(102)));
        Assert.That(host.Clock.GetUtcNow(), Is.EqualTo(world.Options.Epoch.AddSeconds(102)));
    }

    [Test]
    public void A_change_of_rate_reaches_the_timers_that_are_armed()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var fired = new List<TimeSpan>();
        using var sooner = host.Seam.Time.CreateTimer(_ => fired.Add(world.Now), null, TimeSpan.FromSeconds(10), Timeout.InfiniteTimeSpan);
        world.RunFor(TimeSpan.FromSeconds(5));
        world.SetClock(host, TimeSpan.Zero, rate: 2m);
        world.RunFor(TimeSpan.FromSeconds(1));
        world.SetClock(host, TimeSpan.Zero, rate: 0.5m);
        world.RunFor(TimeSpan.FromSeconds(20));
        Assert.That(fired, Is.EqualTo(new[] { TimeSpan.FromSeconds(12) }), "5 s true, 2 s in one, 3 s in six");
    }

    [Test]
    public void A_timer_that_is_put_off_again_and_again_fires_once_at_its_last_time()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var fired = new List<TimeSpan>();
        using var timer = host.Seam.Time.CreateTimer(_ => fired.Add(world.Now), null, Ms(10), Timeout.InfiniteTimeSpan);
        world.Run(
            async () =>
            {
                for (var i = 0; i < 20; i++)
                {
                    await Task.Delay(Ms(5), world.WorldTime);
                    timer.Change(Ms(10), Timeout.InfiniteTimeSpan);
                }
            },
            Minute);
        world.RunFor(Ms(50));
        Assert.That(fired, Is.EqualTo(new[] { Ms(110) }));
    }

    [Test]
    public void A_timer_can_be_stopped_and_armed_again_also_long_after_its_old_entry_came_up()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var fired = new List<TimeSpan>();
        using var timer = host.Seam.Time.CreateTimer(_ => fired.Add(world.Now), null, Ms(10), Timeout.InfiniteTimeSpan);
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        world.RunFor(Ms(100));
        Assert.That(fired, Is.Empty);
        timer.Change(Ms(7), Timeout.InfiniteTimeSpan);
        timer.Change(Ms(3), Timeout.InfiniteTimeSpan);
        world.RunFor(Ms(100));
        Assert.That(fired, Is.EqualTo(new[] { Ms(103) }));
    }

    [Test]
    public void A_periodic_timer_keeps_its_beat()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var fired = new List<TimeSpan>();
        using var timer = host.Seam.Time.CreateTimer(_ => fired.Add(world.Now), null, Ms(10), Ms(10));
        world.RunFor(Ms(45));
        Assert.That(fired, Is.EqualTo(new[] { Ms(10), Ms(20), Ms(30), Ms(40) }));
    }

    [Test]
    public void Everything_that_the_base_library_builds_on_a_time_provider_works_in_virtual_time()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var log = new List<string>();
        world.Run(
            async () =>
            {
                var time = host.Seam.Time;
                using var cancel = new CancellationTokenSource(Ms(10), time);
                try
                {
                    await Task.Delay(Ms(50), time).WaitAsync(cancel.Token);
                }
                catch (OperationCanceledException)
                {
                    log.Add($"cancelled {world.Now.TotalMilliseconds}");
                }

                try
                {
                    await new TaskCompletionSource().Task.WaitAsync(Ms(20), time);
                }
                catch (TimeoutException)
                {
                    log.Add($"timed out {world.Now.TotalMilliseconds}");
                }

                using var periodic = new PeriodicTimer(Ms(5), time);
                await periodic.WaitForNextTickAsync();
                await periodic.WaitForNextTickAsync();
                log.Add($"ticked {world.Now.TotalMilliseconds}");
                await Task.WhenAny(Task.Delay(Ms(1), time), Task.Delay(Ms(100), time));
                log.Add($"any {world.Now.TotalMilliseconds}");
            },
            Minute);
        Assert.That(log, Is.EqualTo(new[] { "cancelled 10", "timed out 30", "ticked 40", "any 41" }));
    }
}
