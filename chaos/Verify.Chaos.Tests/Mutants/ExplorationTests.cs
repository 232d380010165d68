using Verify.Chaos.Mutants;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>Playing schedules until one is bad: which seed is told, and what is counted.</summary>
public sealed class ExplorationTests
{
    private static readonly TimeSpan Ample = TimeSpan.FromMinutes(10);

    [Test]
    public void The_lowest_bad_seed_is_told_and_the_search_ends_there()
    {
        var explored = Exploration.Of(new Scripted(seed => seed >= 7 ? Trial.Bad("singleLeader", $"seed {seed}") : Trial.Clean), 3, long.MaxValue, Ample, 1, TimeProvider.System);
        Assert.That((explored.Seed, explored.Schedules, explored.Discovery), Is.EqualTo(((ulong?)7, 5L, new Discovery("singleLeader", "seed 7"))));
    }

    [Test]
    public void Side_by_side_the_lowest_bad_seed_is_told_as_well_because_every_seed_below_it_was_played()
    {
        var explored = Exploration.Of(new Scripted(seed => seed % 50 == 0 ? Trial.Bad("sameLog", "") : Trial.Clean), 1, long.MaxValue, Ample, 4, TimeProvider.System);
        Assert.That(explored.Seed, Is.EqualTo(50));
        Assert.That(explored.Schedules, Is.GreaterThanOrEqualTo(50));
    }

    [Test]
    public void Without_a_bad_seed_all_schedules_are_played_and_the_undecided_ones_counted()
    {
        var explored = Exploration.Of(new Scripted(seed => seed % 10 == 0 ? Trial.Undecided("no leader") : Trial.Clean), 1, 100, Ample, 2, TimeProvider.System);
        Assert.That((explored.Seed, explored.Schedules, explored.Undecided), Is.EqualTo(((ulong?)null, 100L, 10L)));
        Assert.That(explored.FirstUndecided, Does.Contain("no leader"));
    }

    [Test]
    public void A_budget_that_is_used_up_starts_no_schedule() =>
        Assert.That(Exploration.Of(new Scripted(_ => Trial.Bad("x", "")), 1, 100, TimeSpan.Zero, 2, TimeProvider.System).Schedules, Is.Zero);

    private sealed class Scripted(Func<ulong, Trial> play) : IHunt
    {
        public string Name => "scripted";
        public string Story => "";
        public Trial Try(ulong seed) => play(seed);
    }
}
