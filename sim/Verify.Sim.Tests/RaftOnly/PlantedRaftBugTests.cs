using System.Globalization;
using Verify.Raft;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>The planted bugs of the Raft core, each found by the swarm alone within ten minutes on one core (in practice:
/// seconds). They exist in the test build only: dotnet test sim/Verify.Sim.Tests -c Release -p:Mutants=true.</summary>
[NonParallelizable]
public sealed class PlantedRaftBugTests
{
    [TestCase("M01", "MoreThanOneLeader,ElectionQuorum", TestName = "M01_a_node_that_votes_twice_in_a_term_gives_it_two_leaders")]
    [TestCase("M07", "MoreThanOneLeader,LeaderCompleteness,ElectionQuorum", TestName = "M07_a_vote_that_is_counted_twice_gives_a_term_two_leaders")]
    [TestCase("M09", "LeaderCompleteness,CommittedIsDurable,QuorumLog,MoreUpToDateCorrect,Invariant", TestName = "M09_a_candidate_judged_by_length_only_leads_without_committed_entries")]
    [TestCase("M12", "LeaderCompleteness,CommittedIsDurable,MoreUpToDateCorrect,QuorumLog,Invariant", TestName = "M12_an_old_entry_committed_by_counting_is_lost")]
    [TestCase("M14", "CommittedIsDurable,QuorumLog,Invariant", TestName = "M14_a_stale_append_that_truncates_takes_committed_entries_with_it")]
    [TestCase("M21", "CommittedIsDurable,QuorumLog", TestName = "M21_a_leader_that_answers_after_its_own_append_has_no_majority")]
    [TestCase("M39", "LinearizableReads", TestName = "M39_a_deposed_leader_that_asks_nobody_answers_with_old_state")]
    [TestCase("M15", "LogMatching", TestName = "M15_a_stale_tail_behind_a_conflict_is_another_log_with_the_same_end")]
    [TestCase("M18", "QuorumLog,Monotonic,CommittedIsDurable,Invariant", TestName = "M18_a_refusal_counted_as_an_acknowledgement_counts_a_disk_that_lacks_the_entry")]
    [TestCase("M19", "CommittedIsDurable", TestName = "M19_a_leader_that_counts_itself_too_early_commits_what_a_crash_loses")]
    [TestCase("M31", "Invariant,CommittedIsDurable,QuorumLog", TestName = "M31_an_append_from_before_the_snapshot_cuts_off_what_is_committed")]
    [TestCase("M35", "MembershipInForce", TestName = "M35_a_change_whose_entry_was_cut_off_stays_in_force")]
    [TestCase("M36", "ElectionQuorum,CommittedIsDurable,QuorumLog", TestName = "M36_the_new_half_of_a_joint_membership_decides_alone")]
    [TestCase("M38", "LeaseOverlap,LinearizableReads", TestName = "M38_a_leader_that_hands_over_and_keeps_its_lease_is_one_of_two")]
    [TestCase("M45", "Live", TestName = "M45_without_a_pre_vote_a_node_that_is_half_cut_off_raises_the_term_for_ever")]
    [TestCase("M47", "Live", TestName = "M47_a_follower_whose_place_is_never_found_stays_behind_for_ever")]
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
