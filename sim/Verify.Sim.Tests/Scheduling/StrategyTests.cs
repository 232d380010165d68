using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.Scheduling;

/// <summary>What each strategy is for: a bug that it finds where another does not, the same seed the same picks, a record that replays.</summary>
public sealed class StrategyTests
{
    private const int Steps = 20;

    private static string[] Names() => [.. Strategies.Names];

    /// <summary>Two constraints: the second actor's last step falls between the third and the fourth of the first. Depth 2.</summary>
    private static bool IsInterrupted(int[] order)
    {
        var last = Toy.When(order, 1, Steps);
        return Toy.When(order, 0, 3) < last && last < Toy.When(order, 0, 4);
    }

    /// <summary>Three: as before, but the second actor is stopped too, half way, until the first is done. Depth 3.</summary>
    private static bool IsInterruptedTwice(int[] order)
    {
        var (tenth, eleventh) = (Toy.When(order, 1, 10), Toy.When(order, 1, 11));
        var end = Toy.When(order, 0, Steps);
        return Toy.When(order, 0, 3) < Toy.When(order, 1, 1) && tenth < Toy.When(order, 0, 4) && tenth < end && end < eleventh;
    }

    [Test]
    public void Priorities_find_a_bug_of_depth_two_with_the_probability_that_the_paper_promises_and_random_does_not()
    {
        const int Runs = 20_000;
        const double Bound = 1.0 / (2 * 2 * Steps);
        var found = Toy.Count("prioritization:1:40", Runs, IsInterrupted, Steps, Steps);
        var random = Toy.Count("random", Runs, IsInterrupted, Steps, Steps);
        TestContext.Out.WriteLine($"depth 2, {Runs} runs: priorities {found} (bound {Runs * Bound}), random {random}");
        Assert.That(found, Is.GreaterThan((Runs * Bound) - (4 * Math.Sqrt(Runs * Bound))), "the guarantee is 1/(n k^(d-1)) per run; four standard deviations are allowed");
        Assert.That(random, Is.LessThan(Runs * Bound / 10));
        Assert.That(Toy.Count("prioritization:0:40", 2_000, IsInterrupted, Steps, Steps), Is.Zero, "without a change of priority nobody is interrupted: the depth counts");
    }

    [Test]
    public void Priorities_find_a_bug_of_depth_three_with_the_probability_that_the_paper_promises()
    {
        const int Runs = 64_000;
        const double Bound = 1.0 / (2 * 4 * Steps * Steps);
        var found = Toy.Count("prioritization:2:40", Runs, IsInterruptedTwice, Steps, Steps);
        TestContext.Out.WriteLine($"depth 3, {Runs} runs: {found} (bound {Runs * Bound})");
        Assert.That(found, Is.GreaterThan((Runs * Bound) - (3 * Math.Sqrt(Runs * Bound))));
        Assert.That(Toy.Count("prioritization:1:40", 5_000, IsInterruptedTwice, Steps, Steps), Is.Zero, "one change of priority is not enough for depth 3");
    }

    [TestCase("delay-bounding:1:40")]
    [TestCase("delay-bounding:2:40")]
    [TestCase("fair-delay-bounding:1:40")]
    [TestCase("fair-prioritization:1:40")]
    [TestCase("probabilistic:4")]
    public void Strategies_of_long_turns_find_what_random_needs_hundreds_of_times_longer_for(string strategy)
    {
        const int Runs = 4_000;
        var found = Toy.Count(strategy, Runs, IsInterrupted, Steps, Steps);
        TestContext.Out.WriteLine($"{strategy}: {found} of {Runs}");
        Assert.That(found, Is.GreaterThan(4), "random finds one in twenty thousand");
    }

    [Test]
    public void Delay_bounding_without_delays_lets_everybody_finish_in_turn()
    {
        var orders = Enumerable.Range(0, 50).Select(seed => string.Concat(Toy.Run(Strategies.Parse("delay-bounding:0:10")(new DiceChoices((ulong)seed)), 3, 3, 3))).Distinct(StringComparer.Ordinal);
        foreach (var order in orders)
            Assert.That(order.Where((actor, at) => at == 0 || order[at - 1] != actor).Count(), Is.EqualTo(3), order);
    }

    [Test]
    public void Partial_order_sampling_leaves_one_event_for_last_where_random_never_does()
    {
        const int Runs = 4_000;
        static bool IsLast(int[] order) => order[^1] == 1;
        var pos = Toy.Count("pos", Runs, IsLast, 30, 1);
        var random = Toy.Count("random", Runs, IsLast, 30, 1);
        TestContext.Out.WriteLine($"one event after 30 of another actor: pos {pos} of {Runs}, random {random}");
        Assert.That(pos, Is.GreaterThan(Runs / 31 / 2), "each of the 31 events is as likely to be the last");
        Assert.That(random, Is.Zero, "2^-30");
    }

    [Test]
    public void Partial_order_sampling_draws_again_for_events_that_race_with_the_one_that_happened()
    {
        // Three messages to one receiver and one to another: after the first delivery, the order of the two that are left must not follow from the first draw.
        var orders = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var seed = 0UL; seed < 6_000; seed++)
        {
            var pos = Strategies.Parse("pos")(new DiceChoices(seed));
            var left = new List<long> { 1, 2, 3 };
            var order = "";
            while (left.Count > 0)
            {
                var at = left.Count == 1 ? 0 : pos.Pick([.. left.Select(e => new Candidate(0, 0, 0, e))]);
                order += left[at];
                left.RemoveAt(at);
            }

            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.That(orders, Has.Count.EqualTo(6));
        Assert.That(orders.Values, Is.All.InRange(850, 1_150), "every order of racing events is as likely");
    }

    [Test]
    public void Learning_over_many_runs_reaches_deep_states_that_random_does_not_reach()
    {
        var learning = Enumerable.Range(1, 9).Select(seed => RunsToFind((ulong)seed, new LearnedValues())).Order().ElementAt(4);
        var random = Enumerable.Range(1, 9).Select(seed => RunsToFind((ulong)seed, null)).Order().ElementAt(4);
        TestContext.Out.WriteLine($"median of runs: q-learning {learning}, random {random}");
        Assert.That(learning * 5, Is.LessThan(random));
    }

    /// <summary>A counter that one actor counts up and another resets: the bug is at 14.</summary>
    private static int RunsToFind(ulong master, LearnedValues? learned)
    {
        const int RunsMax = 3_000;
        for (var run = 1; run <= RunsMax; run++)
        {
            var choices = new DiceChoices((master * 10_000) + (ulong)run);
            IActorScheduler actors = learned is null ? new RandomActors(choices) : new LearningActors(choices, learned);
            var counter = 0UL;
            for (var step = 0; step < 40; step++)
            {
                counter = actors.Pick([new Candidate(0, 1, counter), new Candidate(1, 2, 0)]) == 0 ? counter + 1 : 0;
                if (counter == 14) return run;
            }
        }

        return RunsMax;
    }

    [TestCaseSource(nameof(Names))]
    public void The_same_seed_gives_the_same_picks_and_other_seeds_give_others(string strategy)
    {
        var make = Strategies.Parse(strategy);
        string Order(ulong seed) => string.Concat(Toy.Run(make(new DiceChoices(seed)), 6, 6, 6));
        for (var seed = 0UL; seed < 50; seed++) Assert.That(Order(seed), Is.EqualTo(Order(seed)));
        if (strategy != "fifo") Assert.That(Enumerable.Range(0, 50).Select(s => Order((ulong)s)).Distinct(StringComparer.Ordinal).Count(), Is.GreaterThan(1));
    }

    [TestCaseSource(nameof(Names))]
    public void Recorded_picks_replay_without_the_strategy_that_made_them(string strategy)
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            var dice = new DiceChoices(seed);
            var record = new RecordingChoices(dice);
            var first = Toy.Run(new RecordedPicks(Strategies.Parse(strategy)(dice), record), 5, 5, 5);
            var replay = new ReplayedChoices(record.Recorded);
            Assert.That(Toy.Run(new RandomActors(replay), 5, 5, 5), Is.EqualTo(first));
            replay.AssertConsumed();
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Whole_worlds_run_twice_the_same_under_every_strategy(string strategy)
    {
        var result = new RunTwice(7, new SimOptions(), Worlds.Minute, world =>
        {
            foreach (var name in new[] { "a", "b", "c" })
            {
                world.AddHost(name, "east", async host =>
                {
                    for (var i = 0; i < 50; i++) await Task.Delay(TimeSpan.FromMilliseconds(1), host.Seam.Time);
                });
            }

            world.Start();
            return Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
        })
        { Strategy = Strategies.Parse(strategy) }.Check();
        Assert.That((result.Failure, result.Events), Is.EqualTo(((Exception?)null, result.Events)));
        Assert.That(result.Events, Is.GreaterThan(100));
    }

    [TestCase("prioritization", "prioritization:10")]
    [TestCase("Prioritization:3", "prioritization:3")]
    [TestCase("delay-bounding:5:2000", "delay-bounding:5:2000")]
    [TestCase("probabilistic", "probabilistic:3")]
    [TestCase("pos", "pos")]
    public void A_strategy_is_written_as_it_is_read(string text, string canonical) => Assert.That(Strategy.Parse(text).ToString(), Is.EqualTo(canonical));

    [TestCase("dfs", "there are: random")]
    [TestCase("random:3", "takes no such options")]
    [TestCase("prioritization:many", "no number")]
    [TestCase("probabilistic:40", "from 0 to 20")]
    public void What_is_no_strategy_is_refused_with_those_that_there_are(string text, string why) =>
        Assert.That(() => Strategies.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(why));

    [Test]
    public void The_portfolio_takes_turns()
    {
        var names = Enumerable.Range(0, Strategies.Portfolio.Length).Select(i => Strategy.Parse("portfolio").OfSchedule((ulong)i).Name);
        Assert.That(names, Is.EqualTo(Strategies.Portfolio));
    }
}
