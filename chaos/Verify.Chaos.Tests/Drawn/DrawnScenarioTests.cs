using System.Text.RegularExpressions;
using Verify.Chaos.Drawn;
using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Drawn;

/// <summary>The short form of <c>verify-chaos swarm fleet</c>.</summary>
public sealed partial class DrawnScenarioTests
{
    private const int Seeds = 300;

    /// <summary>Seeds above <see cref="DrawnScenario.LastOldSeed"/>, <see cref="DrawnScenario.LastWiderSeed"/> and <see cref="DrawnScenario.LastLeavingSeed"/> draw what came later.</summary>
    private static IEnumerable<ulong> OfEachRange =>
        Enumerable.Range(1, Seeds).SelectMany(static s => new[] { (ulong)s, DrawnScenario.LastOldSeed + (ulong)s, DrawnScenario.LastWiderSeed + (ulong)s, DrawnScenario.LastLeavingSeed + (ulong)s });

    [Test]
    public void A_seed_draws_the_same_scenario_again_and_prints_all_of_it()
    {
        var (once, again) = (DrawnScenario.Of(42), DrawnScenario.Of(42));
        Assert.That(again.Print(), Is.EqualTo(once.Print()));
        Assert.That(once.KnobCount, Is.GreaterThanOrEqualTo(15));
        Assert.That(once.Print(), Does.Contain(ScenarioWriter.Write(once.Scenario)).And.Contain("nodes ").And.Contain("BetweenDataCenters"));
        Assert.That(DrawnScenario.Of(43).Print(), Is.Not.EqualTo(once.Print()));
    }

    [Test]
    public void Every_drawn_scenario_is_one_that_the_reader_accepts_and_stays_within_the_atlas()
    {
        foreach (var seed in OfEachRange)
        {
            var scenario = DrawnScenario.Of(seed).Scenario;
            var text = ScenarioWriter.Write(scenario);
            Assert.That(ScenarioWriter.Write(ScenarioReader.Read(text)), Is.EqualTo(text), $"seed {seed}");
            Assert.That(FaultAtlas.Objection(scenario.Fleet, scenario.Steps), Is.Null, $"seed {seed}");
        }
    }

    [Test]
    public void The_draw_reaches_every_kind_of_fault_and_every_size_of_fleet()
    {
        var drawn = OfEachRange.Select(s => DrawnScenario.Of(s).Scenario).ToArray();
        var words = drawn.SelectMany(s => s.Steps).Select(s => s.Fault.GetType()).Distinct();
        Assert.That(words, Is.EquivalentTo(typeof(Fault).GetNestedTypes()));
        Assert.That(drawn.Select(s => s.Fleet.Nodes.Values.Sum(n => n.Length)).Distinct(), Is.EquivalentTo([1, 2, 3, 4, 5, 6]));
        Assert.That(drawn.Select(s => s.Fleet.Servers.Values.Sum(n => n.Length)).Distinct(), Is.EquivalentTo([0, 1, 2, 3, 4, 5]));
        Assert.That(drawn.Select(s => s.Fleet.DataCenters.Length).Distinct(), Is.EquivalentTo([1, 2, 3, 4, 5]));
    }

    [Test]
    public void Twenty_drawn_fleets_keep_every_promise()
    {
        var swarm = new FleetSwarm();
        var (undecided, operations) = (0, 0L);
        for (var seed = 1UL; seed <= 20; seed++)
        {
            var trial = swarm.Play(seed);
            Assert.That(trial.Verdict, Is.Not.EqualTo(Verdict.Invalid), $"seed {seed}: {trial.Discovery?.Promise}: {trial.Discovery?.What}");
            if (trial.Verdict == Verdict.Unknown) undecided++;
            operations += trial.Counts.Single(c => c.Name == "operations").Count;
        }

        Assert.That(undecided, Is.LessThanOrEqualTo(1), "a seed that decides nothing is an exception");
        Assert.That(operations, Is.GreaterThan(2_000), "schedules in which nothing happens prove nothing");
    }

    [Test]
    public void A_drawn_fleet_played_twice_is_the_same_run() =>
        Assert.That(new FleetSwarm().Play(5).Hash, Is.EqualTo(new FleetSwarm().Play(5).Hash).And.Not.EqualTo(new FleetSwarm().Play(6).Hash).And.Not.Zero);

    [Test]
    public void Canaries_that_were_heard_are_no_objection_and_one_that_was_not_is()
    {
        ulong[] seeds = [.. Enumerable.Range(0, 200).Select(i => (ulong)i)];
        var canary = new Canary(new FleetSwarm());
        var (first, second) = (Canary.Singer(0), Canary.Singer(1));
        SwarmFailure Failure(ulong seed, string what = "key 'canary'") => new(seed, Verdict.Invalid, "linearizable", what, "");
        Assert.That(canary.Objection(seeds, [Failure(first), Failure(second)]), Is.Null);
        Assert.That(canary.Objection(seeds, [Failure(first)]), Does.Contain($"seed {second}"));
        Assert.That(canary.Objection(seeds, [Failure(first), Failure(second, "key 'k1'")]), Does.Contain($"seed {second}"), "a real violation does not stand for the canary");
        Assert.That(canary.Objection([first + 1], []), Does.Contain("no canary"), "a range without a canary proves nothing");
    }

    [Test]
    public void One_seed_of_each_hundred_is_a_canary_and_not_always_the_same_one()
    {
        Assert.That(Enumerable.Range(0, 10_000).Count(s => Canary.Sings((ulong)s)), Is.EqualTo(100));
        Assert.That(Enumerable.Range(0, 100).Select(h => Canary.Singer((ulong)h) % Canary.Every).Distinct().Count(), Is.GreaterThan(40));
    }

    [Test]
    public void The_catalogue_names_every_mark_of_the_node_code_and_no_other()
    {
        var root = Machine.CheckoutRoot()!;
        var used = new[] { "Verify.Raft", "Verify.Node" }.SelectMany(p => Directory.EnumerateFiles(Path.Combine(root, "node", p), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .SelectMany(f => MarkCall().Matches(File.ReadAllText(f)).Select(m => m.Groups["name"].Value)).Distinct(StringComparer.Ordinal);
        Assert.That(MarkCatalog.All.Select(m => m.Name), Is.EquivalentTo(used).And.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(MarkCatalog.All, Has.Length.GreaterThanOrEqualTo(20));
        Assert.That(MarkCatalog.Missing(new SortedDictionary<string, long>(StringComparer.Ordinal)), Has.Count.EqualTo(MarkCatalog.All.Count(m => !m.IsRare)));
    }

    [GeneratedRegex("""Mark\.Reached(If)?\([^;]*?"(?<name>a [^"]+|en[^"]+|reads [^"]+|leadership [^"]+|an [^"]+)"\)""", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex MarkCall();
}
