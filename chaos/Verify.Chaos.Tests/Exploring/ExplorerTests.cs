using Verify.Chaos.Commands;
using Verify.Chaos.Exploring;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Sim.Scheduling;
using Shard = Verify.Chaos.Exploring.Shard;

namespace Verify.Chaos.Tests.Exploring;

/// <summary>Exploring: counts, shards that add up to the whole, repetition of what learns, and what a violation leaves.</summary>
public sealed class ExplorerTests
{
    private static ExploreRecord Explore(IExplored explored, string seeds, string shard = "0/1", bool keepGoing = false, TimeSpan? budget = null, int jobs = 2)
    {
        using var explorer = new Explorer(
            explored, new ExploreOptions { Seeds = seeds, Shard = Shard.Parse(shard), Jobs = jobs, KeepGoing = keepGoing, For = budget, Commit = "c0ffee" }, TimeProvider.System, _ => { });
        return explorer.Explore(CancellationToken.None);
    }

    [TestCase("portfolio")]
    [TestCase("q-learning")]
    [TestCase("feedback")]
    public void Shards_joined_are_the_whole_schedule_by_schedule(string strategy)
    {
        var explored = ExploreCommand.Explored("raft", null, ExploreStrategies.Parse(strategy));
        var seeds = strategy == "feedback" ? "900..1200" : "100..400";
        var whole = Explore(explored, seeds);
        var parts = Enumerable.Range(0, 2).Select(i => ($"part-{i}", ExploreRecord.Parse(Explore(explored, seeds, $"{i}/2").ToJson(), "part"))).ToArray();
        var joined = ExploreMerge.Of(parts);
        Assert.That((joined.Schedules, joined.Hash, joined.Done, joined.Patterns), Is.EqualTo((whole.Schedules, whole.Hash, whole.Done, whole.Patterns)));
        Assert.That(joined.Verdict, Is.EqualTo(Verdict.Valid), string.Join(';', joined.Remarks));
        Assert.That(joined.Marks, Is.EqualTo(whole.Marks));
        Assert.That(joined.Strategies.Values.Sum(s => s.Schedules), Is.EqualTo(301));
    }

    [Test]
    public void One_seed_of_a_strategy_that_learns_is_repeated_by_playing_its_block_up_to_it()
    {
        var explored = ExploreCommand.Explored("raft", null, ExploreStrategies.Parse("feedback"));
        var session = explored.Open();
        session.BeginBlock();
        ExploredTrial? in_the_block = null;
        for (var seed = 0UL; seed <= 77; seed++) in_the_block = session.Play(seed, null);
        var again = explored.Open();
        again.BeginBlock();
        for (var seed = 0UL; seed < 77; seed++)
            if (again.Teaches(seed)) again.Play(seed, null);
        Assert.That(again.Play(77, null).Trial.Hash, Is.EqualTo(in_the_block!.Trial.Hash));
    }

    [Test]
    public void Merging_refuses_what_does_not_belong_together_and_names_what_is_missing_or_there_twice()
    {
        var explored = ExploreCommand.Explored("raft", null, Strategy.Parse("random"));
        var (first, second) = (Explore(explored, "0..63", "0/2"), Explore(explored, "0..63", "1/2"));
        Assert.That(ExploreMerge.Of([("a", first), ("b", second)]).Remarks, Is.Empty);
        var alone = ExploreMerge.Of([("a", first)]);
        Assert.That(alone.Remarks, Is.EqualTo(new[] { "shards that are missing: 1/2", "seeds that nobody played: 16..31,48..63" }));
        Assert.That(alone.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(ExploreMerge.Of([("a", first), ("b", second), ("a", first)]).Remarks, Is.EqualTo(new[] { "seeds that were played twice: 0..15,32..47" }));
        Assert.That(() => ExploreMerge.Of([("a", first), ("b", second with { Commit = "other" })]), Throws.TypeOf<HarnessException>().With.Message.Contains("commit"));
        Assert.That(() => ExploreMerge.Of([("a", first), ("b", second with { Arguments = "--world cluster" })]), Throws.TypeOf<HarnessException>().With.Message.Contains("options"));
    }

    [Test]
    public void A_violation_ends_the_exploration_with_the_command_that_repeats_it_or_is_counted_when_it_goes_on()
    {
        var first = Explore(new Breaking(), "1..1000", jobs: 1);
        Assert.That((first.EndedBy, first.Verdict, first.Violations.Count), Is.EqualTo(("violation", Verdict.Invalid, 1)));
        Assert.That(first.Violations[0].Command, Does.EndWith("explore --world breaking --seeds 50 --tell"));
        Assert.That(first.Done, Is.EqualTo("1..50"));
        var all = Explore(new Breaking(), "1..1000", keepGoing: true);
        Assert.That((all.EndedBy, all.Violations.Count + all.MoreViolations, all.Schedules), Is.EqualTo(("seeds", 20L, 1000L)));
        Assert.That(ExploreMerge.Of([("a", all)]).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_schedule_that_cannot_be_played_is_the_harness_and_not_a_pass() =>
        Assert.That(() => Explore(new Breaking { ThrowsAt = 30 }, "1..1000"), Throws.TypeOf<HarnessException>().With.Message.Contains("seed 30"));

    [Test]
    public void A_time_budget_ends_it()
    {
        var record = Explore(ExploreCommand.Explored("raft", null, Strategy.Parse("portfolio")), "1..", budget: TimeSpan.FromMilliseconds(300));
        Assert.That((record.EndedBy, record.Schedules > 0, record.Verdict), Is.EqualTo(("time", true, Verdict.Valid)));
        Assert.That(ExploreMerge.Of([("a", record)]).Remarks, Is.Empty);
    }

    [Test]
    public void Whole_nodes_are_explored_under_every_strategy_in_turn()
    {
        var record = Explore(ExploreCommand.Explored("cluster", null, Strategy.Parse("portfolio")), "0..8");
        Assert.That(record.Verdict, Is.EqualTo(Verdict.Valid), string.Join('\n', record.Violations));
        Assert.That(record.Strategies, Has.Count.EqualTo(Strategies.Portfolio.Length));
        Assert.That(record.Patterns, Is.GreaterThan(100));
    }

    [TestCase("90s", 90)]
    [TestCase("10m", 600)]
    [TestCase("8h", 28_800)]
    public void A_time_is_read(string text, int seconds) => Assert.That(ExploreCommand.ParseTime(text), Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    /// <summary>A world in which every fiftieth schedule is bad.</summary>
    private sealed class Breaking : IExplored, IExploredSession
    {
        public ulong? ThrowsAt { get; init; }
        public string Name => "breaking";
        public string Arguments => "--world breaking";
        public string Story => "every fiftieth schedule is bad";
        public int BlockSize => 1;
        public PatternSet Seen { get; } = new();

        public IExploredSession Open() => new Breaking { ThrowsAt = ThrowsAt };

        public void BeginBlock()
        {
        }

        public bool Teaches(ulong seed) => false;

        public ExploredTrial Play(ulong seed, Action<string>? tell)
        {
            if (seed == ThrowsAt) throw new InvalidOperationException($"seed {seed} broke the harness");
            var isBad = seed % 50 == 0;
            var trial = new SwarmTrial(isBad ? Verdict.Invalid : Verdict.Valid, isBad ? new Discovery("NoFifty", "it is divisible by 50") : null, "", seed, [("played", 1)]);
            return new ExploredTrial(trial, "none", isBad ? FailureClass.Safety : "");
        }
    }
}
