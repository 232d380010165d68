using Verify.Chaos.Exploring;
using Verify.Chaos.Running;
using Verify.Chaos.Tests.Mutants;

namespace Verify.Chaos.Tests.Exploring;

/// <summary>The short form of <c>verify-chaos compare</c>.</summary>
public sealed class ComparisonTests
{
    private static ComparisonRecord Compare(int jobs, params string[] strategies) =>
        new Comparison(new() { Strategies = strategies, Schedules = 1200, Masters = 2, Jobs = jobs }, TimeProvider.System, _ => { }).Run();

    [Test]
    public void Strategies_play_the_same_number_of_schedules_and_the_same_comparison_gives_the_same_counts()
    {
        var once = Compare(2, "feedback", "random");
        Assert.That(once.IsClean, Is.True);
        Assert.That(once.Reached.Select(r => (r.Strategy, r.MasterSeed)), Is.EqualTo(new[] { ("feedback", 0UL), ("random", 0UL), ("feedback", 1UL << 24), ("random", 1UL << 24) }));
        Assert.That(once.Reached.Select(r => r.Schedules), Is.All.EqualTo(1200));
        Assert.That(once.Reached.Select(r => r.Patterns.Count), Is.All.EqualTo(4));
        foreach (var reach in once.Reached) Assert.That(reach.Patterns, Is.Ordered.And.All.GreaterThan(100));
        Assert.That(Compare(1, "feedback", "random").Reached.SelectMany(r => r.Patterns), Is.EqualTo(once.Reached.SelectMany(r => r.Patterns)));
    }

    [Test]
    public void Feedback_counts_what_explore_counts()
    {
        using var explorer = new Explorer(new RaftExplored(null), new ExploreOptions { Seeds = "0..1199", Jobs = 1 }, TimeProvider.System, _ => { });
        Assert.That(Compare(2, "feedback").Reached[0].Patterns[3], Is.EqualTo(explorer.Explore(CancellationToken.None).Patterns));
    }

    [Test]
    public void What_was_not_found_is_shown_with_its_bound_and_not_as_a_number()
    {
        ComparedFind Find(string strategy, ulong master, long? schedules) => new("M07", "a vote counts twice", strategy, master, schedules);
        var record = Compare(2, "feedback", "random") with
        {
            Finds = [Find("feedback", 0, 10), Find("feedback", 1, 30), Find("random", 0, 20), Find("random", 1, null), Find("random", 2, null)],
        };
        Assert.That(record.Tables(), Does.Contain("| M07 | a vote counts twice | 2/2 | 10 | 1/3 | >1200 |")
            .And.Contain("feedback 1 of 1 from every master seed, 2 of 2 hunts; random 0 of 1 from every master seed, 1 of 3 hunts"));
        Assert.That(record.Markdown(), Does.Contain("0..1199; 16777216..16778415"));
    }

    [Test]
    public void Too_few_schedules_are_refused() =>
        Assert.That(() => new Comparison(new() { Strategies = ["random"], Schedules = 3, Masters = 1, Jobs = 1 }, TimeProvider.System, _ => { }).Run(), Throws.TypeOf<HarnessException>());

    [Test]
    [Category("Mutants")]
    public async Task In_the_test_build_planted_bugs_and_marks_are_counted_too_and_a_production_build_refuses()
    {
        var root = await PlantedBugTests.BuildAsync();
        var compared = await PlantedBugTests.RunAsync(root, TimeSpan.FromMinutes(3), PlantedBugTests.Program(root), "compare", "--strategies", "feedback,random", "--schedules", "1024", "--masters", "2", "--mutants", "M01,M21");
        Assert.That(compared.ExitCode, Is.Zero, compared.Errors);
        Assert.That(compared.Output, Does.Contain("Planted bugs, found within 1024 schedules: feedback 2 of 2 from every master seed, 4 of 4 hunts; random 2 of 2 from every master seed"));
        Assert.That(compared.Output, Does.Not.Contain("not measured"));
        var refused = await ChaosProgram.RunAsync(TimeSpan.FromMinutes(1), "compare", "--schedules", "4", "--masters", "1", "--mutants", "M01");
#if !VERIFY_MUTANTS
        Assert.That((refused.ExitCode, refused.Output.Contains("-p:Mutants=true -- compare --mutants M01", StringComparison.Ordinal)), Is.EqualTo((3, true)), refused.Output);
#endif
    }
}
