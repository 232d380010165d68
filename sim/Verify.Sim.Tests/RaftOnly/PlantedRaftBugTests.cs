using System.Globalization;
using Verify.Raft;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>The planted bugs of the Raft core, each found by the swarm alone within ten minutes on one core (in practice:
/// seconds). They exist in the test build only: dotnet test sim/Verify.Sim.Tests -c Release -p:Mutants=true.</summary>
[NonParallelizable]
public sealed class PlantedRaftBugTests
{
    [TestCase("M01", "MoreThanOneLeader", TestName = "M01_a_node_that_votes_twice_in_a_term_gives_it_two_leaders")]
    [TestCase("M07", "MoreThanOneLeader,LeaderCompleteness", TestName = "M07_a_vote_that_is_counted_twice_gives_a_term_two_leaders")]
    [TestCase("M09", "LeaderCompleteness,CommittedIsDurable", TestName = "M09_a_candidate_judged_by_length_only_leads_without_committed_entries")]
    [TestCase("M12", "LeaderCompleteness,CommittedIsDurable,Invariant", TestName = "M12_an_old_entry_committed_by_counting_is_lost")]
    [TestCase("M14", "CommittedIsDurable,Invariant", TestName = "M14_a_stale_append_that_truncates_takes_committed_entries_with_it")]
    [TestCase("M21", "CommittedIsDurable", TestName = "M21_a_leader_that_answers_after_its_own_append_has_no_majority")]
    [TestCase("M39", "LinearizableReads", TestName = "M39_a_deposed_leader_that_asks_nobody_answers_with_old_state")]
    public void Planted_bug(string bug, string promises)
    {
#if VERIFY_MUTANTS
        var seed = ulong.Parse(Environment.GetEnvironmentVariable("VERIFY_SEED") ?? "1", CultureInfo.InvariantCulture);
        Mutant.Armed = bug;
        try
        {
            var found = RaftSwarm.Explore(seed, long.MaxValue, TimeSpan.FromMinutes(10), threads: 1, TimeProvider.System);
            TestContext.Out.Write($"{bug}: ");
            RaftSwarmTests.Report(found);
            TestContext.Out.WriteLine($"    its place was reached {Mutant.Reached} times, and did the wrong thing {Mutant.Hits} times");
            Assert.That(found.FirstFailingSeed, Is.Not.Null, "not found");
            Assert.That(promises.Split(','), Does.Contain(found.Violation!.Promise));
            Assert.That(RaftSwarm.Run(found.FirstFailingSeed!.Value).Violation, Is.EqualTo(found.Violation), "the seed repeats it");
        }
        finally
        {
            Mutant.Armed = null;
        }
#else
        Assert.Ignore($"{bug} ({promises}) is compiled only into the test build: -p:Mutants=true.");
#endif
    }
}
