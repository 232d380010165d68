using System.CommandLine;
using Verify.Chaos.Commands;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>The list of planted bugs, the hunts on sound nodes, and the words of the table.</summary>
public sealed class HuntTests
{
    [Test]
    public void The_bugs_of_Raft_and_of_the_gate_are_listed_once_each_with_their_budgets()
    {
        var bugs = PlantedBugs.All();
        Assert.That(bugs.Select(b => b.Id).Where(id => id[0] == 'M'), Is.EqualTo(Enumerable.Range(1, 60).Concat([64, 70, 71, 72, 73]).Select(n => $"M{n:D2}")), "M61 to M63 belong to the exhaustive exploration");
        Assert.That(bugs.Select(b => b.Id).Where(id => id[0] != 'M').Select(id => id.Split('-')[0]).Distinct(StringComparer.Ordinal), Is.EqualTo(new[] { "T1", "T2", "T3", "T4", "T5", "T6" }));
        Assert.That(bugs.Select(b => b.Id), Is.Unique);
        Assert.That(PlantedBugs.Waiting, Is.Empty, "all of them can be planted and are looked for");
        Assert.That(bugs.Where(b => b.Class == BugClass.C).Select(b => b.Id), Is.EqualTo(new[] { "M34", "M35" }));
        Assert.That(bugs.Select(b => (b.Class, b.Budget.TotalSeconds)).Distinct(), Is.EquivalentTo(new[] { (BugClass.A, 60.0), (BugClass.B, 600), (BugClass.C, 600) }));
        Assert.That(bugs.Select(b => b.Hunts.Count), Is.All.Positive);
    }

    [Test]
    public void A_bug_that_nobody_planted_is_refused_with_the_list() =>
        Assert.That(() => PlantedBugs.Named("M07,M99"), Throws.TypeOf<HarnessException>().With.Message.Contains("M99").And.Message.Contains("M60"));

    [Test]
    public void A_bug_of_the_harness_is_named_with_all_its_forms_and_hunted_under_no_strategy()
    {
        Assert.That(PlantedBugs.Named("T4,T1").Select(b => b.Id), Is.EqualTo(new[] { "T4-clock", "T4-pool", "T4-random", "T1" }));
        Assert.That(PlantedBugs.Named("T4,M07", "pos").Select(b => b.Id), Is.EqualTo(new[] { "M07" }));
        Assert.That(() => PlantedBugs.Named("T7", "pos"), Throws.TypeOf<HarnessException>());
    }

    [TestCase("canary")]
    [TestCase("starved-checker")]
    [TestCase("unanswered-calls")]
    [TestCase("cut-effect")]
    [TestCase("played-twice")]
    [TestCase("core-phase")]
    public void A_sound_harness_hears_no_objection_from_its_gates(string gate)
    {
        var hunt = PlantedBugs.All().SelectMany(b => b.Hunts).First(h => h.Name == gate);
        Assert.That(Enumerable.Range(1, 6).Select(seed => hunt.Try((ulong)seed)), Is.All.EqualTo(Trial.Clean));
    }

    [Test]
    public void A_strategy_that_does_not_exist_is_refused_with_the_words_there_are() =>
        Assert.That(() => PlantedBugs.Named("M07", "bogus"), Throws.TypeOf<HarnessException>().With.Message.Contains("bogus").And.Message.Contains("own").And.Message.Contains("pos"));

    [Test]
    public void Sound_voters_that_die_between_vote_and_entry_elect_no_second_leader()
    {
        var trials = Enumerable.Range(1, 12).Select(seed => new VoteCrashHunt().Try((ulong)seed)).ToArray();
        Assert.That(trials, Is.All.EqualTo(Trial.Clean));
    }

    [TestCase("lost-answers")]
    [TestCase("full-disks-power-cut")]
    [TestCase("prompt-promotion")]
    [TestCase("leader-lost-mid-failover")]
    [TestCase("lagging-replica")]
    [TestCase("one-link-down")]
    [TestCase("short-silence")]
    [TestCase("takeovers")]
    public void Sound_nodes_hold_in_the_scenarios_of_the_hunt(string name)
    {
        var hunt = PlantedBugs.All().SelectMany(b => b.Hunts).First(h => h.Name == name);
        Assert.That(hunt.Try(1), Is.EqualTo(Trial.Clean));
    }

    [TestCase(0, 0, ExpectedResult = "NOT FOUND, never reached")]
    [TestCase(9, 0, ExpectedResult = "NOT FOUND, never hit")]
    [TestCase(9, 9, ExpectedResult = "NOT FOUND, though hit")]
    public string A_bug_that_was_overlooked_is_told_apart_from_one_that_never_acted(int reached, int hits) =>
        (Found(false) with { Reached = reached, Hits = hits }).Outcome;

    [Test]
    public void A_bug_counts_only_when_it_was_found_in_time_by_a_seed_that_shows_it_again()
    {
        Assert.That(Found(true).Passes, Is.True);
        Assert.That((Found(true) with { Repeats = false }).Passes, Is.False);
        Assert.That((Found(true) with { Seconds = 61 }).Outcome, Is.EqualTo("found TOO LATE"));
    }

    [Test]
    public void A_control_that_is_bad_or_undecided_or_empty_voids_the_table()
    {
        var clean = new ControlRun("vote-crash", "", 1, 100, 0, 10, null, "", "");
        Assert.That(Record(clean).Passes, Is.True);
        foreach (var control in new[] { clean with { BadSeed = 5 }, clean with { Undecided = 1 }, clean with { Schedules = 0 } })
        {
            Assert.That(Record(control).Passes, Is.False);
            Assert.That(HuntReport.Markdown(Record(control)), Does.Contain("VOID").IgnoreCase.And.Contain("NOT CLEAN"));
        }
    }

#if !VERIFY_MUTANTS
    [Test]
    public async Task A_production_build_refuses_and_names_the_test_build() =>
        Assert.That(await new RootCommand { MutantsCommand.Create() }.Parse(["mutants", "--only", "M07"]).InvokeAsync(), Is.EqualTo(ProgramErrors.HarnessFailed));
#endif

    private static BugHunted Found(bool found) => new()
    {
        Bug = "M07", Broken = "a vote counts twice", BudgetSeconds = 60, MasterSeed = 1, Found = found, Hunt = "raft-swarm", Repeats = found,
        Schedules = 10, Seconds = 1, Reached = 3, Hits = 2,
    };

    private static HuntRecord Record(ControlRun control) => new()
    {
        StartedAt = DateTimeOffset.UnixEpoch, Command = "mutants", Commit = "abc", Machine = new SortedDictionary<string, string>(StringComparer.Ordinal), Jobs = 1,
        Controls = [control], Bugs = [Found(true)],
    };
}
