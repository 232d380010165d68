using Verify.Raft;
using Verify.Sim.Exhaustive;

namespace Verify.Sim.Tests.Exhaustive;

/// <summary>Planted bugs that the exploration of everything must find, each with the smallest bounds that show it:
/// dotnet test sim/Verify.Sim.Tests -c Release -p:Mutants=true.</summary>
[NonParallelizable]
public sealed class ExhaustivePlantedBugTests
{
    public static IEnumerable<TestCaseData> Bugs()
    {
        var none = new ExhaustiveBounds { Terms = 1, Timeouts = 2, Proposals = 0, Crashes = 0 };
        yield return Case("M01", none);
        yield return Case("M02", none with { Terms = 2, Timeouts = 4 });
        yield return Case("M03", none with { Crashes = 1 });
        yield return Case("M06", none with { Terms = 2, Timeouts = 3 });
        yield return Case("M07", none with { Nodes = 4 });
        yield return Case("M08", none with { Nodes = 2 });
        yield return Case("M09", none with { Terms = 3, Timeouts = 3 });
        yield return Case("M13", none with { Terms = 2, Heartbeats = 1 });
        yield return Case("M14", none with { Timeouts = 1, Proposals = 1 });
        yield return Case("M16", none with { Terms = 3, Timeouts = 3 });
        yield return Case("M21", none with { Timeouts = 1 });
    }

    [TestCaseSource(nameof(Bugs))]
    public void A_planted_bug_is_found_with_a_shortest_way_to_it(string bug, ExhaustiveBounds bounds)
    {
#if VERIFY_MUTANTS
        Assert.That(ExhaustiveTests.Explore(bounds, seconds: 5).Outcome, Is.Not.EqualTo(ExhaustiveOutcome.Violated), "without the bug nothing is found");
        Mutant.Armed = bug;
        try
        {
            var result = ExhaustiveTests.Explore(bounds, seconds: 120);
            Assert.That(result.Outcome, Is.EqualTo(ExhaustiveOutcome.Violated));
            Assert.That(Mutant.Hits, Is.GreaterThan(0));
            TestContext.Out.WriteLine($"{bug}: {result.CounterExample!.Promise} after {result.States} states, depth {result.Depth}");
            foreach (var step in result.CounterExample.Steps) TestContext.Out.WriteLine($"  {step}");
        }
        finally
        {
            Mutant.Armed = null;
        }
#else
        Assert.Ignore($"{bug} ({bounds.Describe()}) is compiled only into the test build: -p:Mutants=true.");
#endif
    }

    private static TestCaseData Case(string bug, ExhaustiveBounds bounds) => new TestCaseData(bug, bounds).SetName($"{bug}_is_found_within_{bounds.Describe()}");
}
