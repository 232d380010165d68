using Verify.Chaos.Mutants;
using Verify.Chaos.Running;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>From many hunts to one table: what is counted, what is censored, and what a session that was killed leaves behind.</summary>
public sealed class HuntTableTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("hunt-table-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void What_was_not_found_took_longer_than_anything_and_is_shown_with_its_bound()
    {
        var row = HuntRow.Of([.. Enumerable.Range(0, 10).Select(n => Hunted("M07", (ulong)n, seconds: n + 1, found: n < 8))]).Single();
        Assert.That((row.Found, row.Masters, row.IsFoundAlways), Is.EqualTo((8, 10, false)));
        Assert.That(row.Seconds.Text(row.Seconds.Median, "0"), Is.EqualTo("5"));
        Assert.That(row.Seconds.Text(row.Seconds.P90, "0"), Is.EqualTo(">60"));
        Assert.That(row.Schedules.Text(row.Schedules.P90, "0"), Is.EqualTo(">1000"), "as many as the longest hunt played");
    }

    [Test]
    public void The_shortest_schedule_that_was_shrunk_stands_in_the_table_and_a_dash_where_none_was()
    {
        var shrunk = Hunted("M07", 1) with { Shrunk = new(66, 5, 300, 40, 2) };
        var row = HuntRow.Of([shrunk, Hunted("M07", 2) with { Shrunk = new(20, 2, 90, 12, 1) }, Hunted("M07", 3)]).Single();
        Assert.That(row.Shrunk!.ToString(), Is.EqualTo("2 of 20 faults, 12 of 90 deeds"));
        Assert.That(shrunk.Shrunk.FaultsLessPercent, Is.EqualTo(92.4).Within(0.1));
        var table = HuntReport.Markdown(Record(shrunk, Hunted("M01", 1)));
        Assert.That(table, Does.Contain("| 5 of 66 faults, 40 of 300 deeds |").And.Contain("| raft-swarm | - |"));
    }

    [Test]
    public void The_check_that_fired_most_often_comes_first()
    {
        var row = HuntRow.Of([Hunted("M07", 1, promise: "Live"), Hunted("M07", 2), Hunted("M07", 3)]).Single();
        Assert.That(row.FiredFirst, Is.EqualTo("MoreThanOneLeader 2, Live 1"));
    }

    [Test]
    public void Strategies_stand_beside_each_other_and_each_hunt_of_a_bug_has_a_row_when_it_was_tried_by_itself()
    {
        var rows = HuntRow.Of([Hunted("M07", 1) with { Strategy = "pos" }, Hunted("M07", 1), Hunted("M01", 1) with { OnlyHunt = "raft-storm" }, Hunted("M01", 1) with { OnlyHunt = "raft-swarm" }]);
        Assert.That(rows.Select(r => (r.Bug, r.Strategy)), Is.EqualTo(new[] { ("M01", "own"), ("M01", "own"), ("M07", "own"), ("M07", "pos") }));
    }

    [Test]
    public void The_table_of_strategies_by_bugs_has_found_of_masters_median_and_p90_in_each_cell()
    {
        var hunted = Enumerable.Range(0, 10).Select(n => Hunted("M07", (ulong)n, seconds: n + 1) with { Strategy = "pos" })
            .Concat(Enumerable.Range(0, 10).Select(n => Hunted("M07", (ulong)n, seconds: n + 1, found: n < 6) with { Strategy = "random" })).ToArray();
        var table = HuntReport.Markdown(Record(hunted));
        Assert.That(table, Does.Contain("| bug | pos | random |").And.Contain("| M07 | 10/10; 500, 900; 5.00, 9.00 | 6/10; 500, >1000; 5.00, >60.00 |"));
        Assert.That(table, Does.Contain("| pos | 1 of 1 | 10 of 10 | 55 |").And.Contain("| random | 0 of 1 | 6 of 10 | 55 |"));
        Assert.That(HuntReport.Markdown(Record(Hunted("M07", 1))), Does.Not.Contain("Strategy by bug"), "one strategy is no table of strategies");
    }

    [Test]
    public void A_bug_that_only_one_strategy_finds_passes_and_one_that_none_finds_from_one_master_seed_does_not()
    {
        var missed = Hunted("M07", 1, found: false);
        Assert.That(Record(missed, Hunted("M07", 1) with { Strategy = "pos" }).Passes, Is.True);
        Assert.That(Record(Hunted("M07", 1), Hunted("M07", 2, found: false)).Passes, Is.False);
        Assert.That(Record(Hunted("M07", 1), Hunted("M34", 1, found: false) with { Class = BugClass.C }).Passes, Is.True, "known to be hard: tracked, not gating");
    }

    [Test]
    public void A_table_that_is_not_complete_says_so()
    {
        Assert.That(HuntReport.Summary(Record(Hunted("M07", 1)) with { CellsLeft = 3 }), Does.Contain("3 hunts are still to be done"));
        var owing = Record(Hunted("M07", 1)) with { Controls = [Control(100) with { SchedulesOwed = 1000 }] };
        Assert.That((owing.IsComplete, owing.IsControlClean), Is.EqualTo((false, true)));
        Assert.That(HuntReport.Markdown(owing), Does.Contain("clean so far"));
    }

    [Test]
    public void A_session_that_was_killed_in_the_middle_of_a_line_loses_that_cell_only()
    {
        var file = Path.Combine(_folder, "ledger.ndjson");
        var ledger = HuntLedger.Open(file, Head("abc"));
        ledger.Add(Hunted("M01", 1));
        ledger.Add(Control(100));
        ledger.Add(Hunted("M07", 1));
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text[..^40]);

        var again = HuntLedger.Open(file, Head("abc"));
        var plan = HuntPlan.Of("M01,M07", ["own"], 1, 1, eachHunt: false, Shard.Whole);
        Assert.That(plan.Select(again.Has), Is.EqualTo(new[] { true, false }));
        Assert.That(again.Control("own", "vote-crash")!.Schedules, Is.EqualTo(100));
    }

    [Test]
    public void A_ledger_of_another_commit_is_refused_with_the_remedy()
    {
        var file = Path.Combine(_folder, "ledger.ndjson");
        HuntLedger.Open(file, Head("abc"));
        Assert.That(() => HuntLedger.Open(file, Head("def")), Throws.TypeOf<HarnessException>().With.Message.Contains("abc").And.Message.Contains("remove"));
        File.WriteAllText(file, "hello");
        Assert.That(() => HuntLedger.Open(file, Head("abc")), Throws.TypeOf<HarnessException>().With.Message.Contains("no ledger"));
    }

    [Test]
    public void Shards_share_the_plan_without_overlap_and_their_ledgers_make_one_table()
    {
        var whole = HuntPlan.Of("M01,M07,M39", ["own", "pos"], 1, 3, eachHunt: false, Shard.Whole);
        var parts = new[] { "1/2", "2/2" }.Select(s => HuntPlan.Of("M01,M07,M39", ["own", "pos"], 1, 3, eachHunt: false, Shard.Parse(s))).ToArray();
        Assert.That(parts.SelectMany(p => p).Select(t => t.Cell), Is.EquivalentTo(whole.Select(t => t.Cell)));
        Assert.That(whole.Take(6).Select(t => t.MasterSeed).Distinct().Single(), Is.EqualTo(1), "one master seed after the other");

        var files = parts.Select((p, i) => Path.Combine(_folder, $"{i}.ndjson")).ToArray();
        for (var i = 0; i < parts.Length; i++)
        {
            var ledger = HuntLedger.Open(files[i], Head("abc"));
            foreach (var trial in parts[i]) ledger.Add(Hunted(trial.Bug.Id, trial.MasterSeed) with { Strategy = trial.Strategy });
        }

        Assert.That(HuntLedger.Merged(files).Hunted, Has.Count.EqualTo(18));
    }

    [TestCase("0/2")]
    [TestCase("3/2")]
    [TestCase("two")]
    public void A_shard_that_is_none_is_refused(string text) =>
        Assert.That(() => Shard.Parse(text), Throws.TypeOf<HarnessException>().With.Message.Contains("2/3"));

    private static HuntLedger.Head Head(string commit) => new(commit, DateTimeOffset.UnixEpoch, 2);

    private static ControlRun Control(long schedules) => new("vote-crash", "", 1, schedules, 0, 10, null, "", "");

    private static BugHunted Hunted(string bug, ulong master, double seconds = 1, bool found = true, string promise = "MoreThanOneLeader") => new()
    {
        Bug = bug, Broken = "", BudgetSeconds = 60, MasterSeed = master, Found = found, Hunt = "raft-swarm", Promise = found ? promise : "", Seed = found ? master : null,
        Repeats = found, Schedules = (long)(seconds * 100), Seconds = seconds, CpuSeconds = seconds, Reached = 10, Hits = 5,
    };

    private static HuntRecord Record(params BugHunted[] bugs) => new()
    {
        StartedAt = DateTimeOffset.UnixEpoch, Command = "mutants", Commit = "abc", Machine = new SortedDictionary<string, string>(StringComparer.Ordinal), Jobs = 1,
        Controls = [Control(100)], Bugs = bugs,
    };
}
