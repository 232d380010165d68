using Verify.Sim.Scheduling;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Scheduling;

[TestFixture]
public sealed class SchedulerTests
{
    private static readonly string[] InOrder = ["1", "2", "3", "4"];

    [Test]
    public void Time_goes_from_event_to_event_and_never_back()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var seen = new List<TimeSpan>();
        world.Run(
            async () =>
            {
                foreach (var ms in new[] { 30, 0, 5, 10 })
                {
                    await Task.Delay(Ms(ms), world.WorldTime);
                    seen.Add(world.Now);
                }
            },
            Minute);
        Assert.That(seen, Is.EqualTo(new[] { Ms(30), Ms(30), Ms(35), Ms(45) }));
    }

    [Test]
    public void What_one_host_posts_runs_in_the_order_of_posting()
    {
        using var world = SimWorld.FromSeed(3);
        var seen = new List<string>();
        var host = world.AddHost("a", "east");
        world.Start();
        world.Run(
            async () =>
            {
                foreach (var text in InOrder) host.Seam.Scheduler.Schedule(state => seen.Add((string)state!), text);
                await Task.Delay(Ms(1), world.WorldTime);
            },
            Minute);
        Assert.That(seen, Is.EqualTo(InOrder));
    }

    [Test]
    public void Two_hosts_that_are_due_together_go_in_either_order_and_the_seed_decides()
    {
        var firsts = Enumerable.Range(0, 40).Select(seed => FirstOfTwo((ulong)seed)).ToList();
        Assert.That(firsts, Does.Contain("a").And.Contain("b"));
        Assert.That(Enumerable.Range(0, 40).Select(seed => FirstOfTwo((ulong)seed)), Is.EqualTo(firsts));
    }

    [TestCase("random")]
    [TestCase("priority")]
    [TestCase("fifo")]
    public void Under_every_strategy_every_host_gets_its_turns(string strategy)
    {
        var choices = new DiceChoices(11);
        IActorScheduler actors = strategy switch
        {
            "random" => new RandomActors(choices),
            "priority" => new PriorityActors(choices, depth: 3, picksExpected: 1_000),
            _ => new FifoActors(),
        };
        using var world = new SimWorld(Exact with { SimultaneousWithin = Ms(5) }, choices, actors);
        var turns = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in new[] { "a", "b", "c", "d", "e" })
        {
            turns[name] = 0;
            world.AddHost(name, "east", async host =>
            {
                while (true)
                {
                    await Task.Delay(Ms(1), host.Seam.Time);
                    turns[name]++;
                }
            });
        }

        world.Start();
        world.RunFor(TimeSpan.FromSeconds(1));
        Assert.That(turns.Values, Is.All.GreaterThan(150), string.Join(", ", turns));
    }

    [Test]
    public void Priorities_let_one_host_finish_before_another_begins()
    {
        var orders = new SortedSet<string>(StringComparer.Ordinal);
        for (var seed = 0UL; seed < 20; seed++)
        {
            var choices = new DiceChoices(seed);
            using var world = new SimWorld(Exact, choices, new PriorityActors(choices, depth: 1, picksExpected: 100));
            var seen = "";
            foreach (var name in new[] { "a", "b" })
            {
                world.AddHost(name, "east", host =>
                {
                    for (var i = 0; i < 4; i++) host.Seam.Scheduler.Schedule(_ => seen += name, null);
                    return default;
                });
            }

            world.Start();
            world.RunFor(Ms(1));
            orders.Add(seen);
        }

        Assert.That(orders, Is.EquivalentTo(new[] { "aaaabbbb", "bbbbaaaa" }));
    }

    [Test]
    public void Nothing_left_to_happen_while_the_main_task_waits_is_a_deadlock_that_says_who_waits_for_what()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        var deadlock = Assert.Throws<DeadlockException>(() => world.Run(
            async () =>
            {
                var (mine, _) = await Connected(a, b);
                await mine.ReadExactlyAsync(new byte[1]);
            },
            Minute));
        Assert.That(deadlock!.Message, Does.Contain("a: 0 timers, 0 other events; reads from b"));
    }

    [Test]
    public void A_main_task_that_takes_too_long_is_stopped_at_its_limit()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        Assert.Throws<WorldTimeoutException>(() => world.Run(() => Task.Delay(TimeSpan.FromHours(1), world.WorldTime), Minute));
    }

    [Test]
    public void A_loop_that_lets_no_time_pass_meets_the_step_limit()
    {
        using var world = SimWorld.FromSeed(1, Exact with { StepsMax = 1_000 });
        var limit = Assert.Throws<StepLimitException>(() => world.Run(
            async () =>
            {
                while (true) await world.Turn();
            },
            Minute));
        Assert.That(limit!.Message, Does.Contain("harness turn"));
    }

    [Test]
    public void A_post_from_a_foreign_thread_fails_the_world_even_when_the_poster_swallows_it()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        var failure = Assert.Throws<SimWorldException>(() => world.Run(
            async () =>
            {
                var foreign = new Thread(() =>
                {
                    try
                    {
                        host.Seam.Scheduler.Schedule(_ => { }, null);
                    }
                    catch (ForeignThreadException)
                    {
                        // As a driver with a wide catch would.
                    }
                });
                foreign.Start();
                foreign.Join();
                await Task.Delay(Ms(1), world.WorldTime);
            },
            Minute));
        Assert.That(failure!.InnerException, Is.TypeOf<ForeignThreadException>());
    }

    [Test]
    public void An_exception_in_a_timer_surfaces_with_the_name_of_the_event()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = world.AddHost("a", "east");
        world.Start();
        using var timer = host.Seam.Time.CreateTimer(_ => throw new InvalidOperationException("planted"), null, Ms(5), Timeout.InfiniteTimeSpan);
        var failure = Assert.Throws<SimWorldException>(() => world.RunFor(Ms(10)));
        Assert.That(failure!.Message, Does.Contain("'a timer' at 0.005000 s").And.Contain("planted"));
    }

    [Test]
    public void A_failure_reported_by_a_check_stops_the_world_although_its_exception_is_swallowed()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var failure = Assert.Throws<SimWorldException>(() => world.Run(
            async () =>
            {
                world.Fail(new InvalidOperationException("two leaders in term 4"));
                await Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
            },
            Minute));
        Assert.That(failure!.Message, Does.Contain("two leaders in term 4"));
        Assert.That(world.Now, Is.LessThan(Ms(1)));
    }

    private static string FirstOfTwo(ulong seed)
    {
        using var world = SimWorld.FromSeed(seed, Exact);
        var first = "";
        foreach (var name in new[] { "a", "b" })
        {
            world.AddHost(name, "east", _ =>
            {
                if (first.Length == 0) first = name;
                return default;
            });
        }

        world.Start();
        world.RunFor(Ms(1));
        return first;
    }
}
