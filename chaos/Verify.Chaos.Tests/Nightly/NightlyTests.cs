using Verify.Chaos.Drawn;
using Verify.Chaos.Mutants;
using Verify.Chaos.Nightly;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Sim.RaftOnly;
using Shard = Verify.Chaos.Exploring.Shard;

namespace Verify.Chaos.Tests.Nightly;

/// <summary>The short form of <c>verify-chaos nightly</c>: what is green, and everything that must be red. Marks are reached in the test build only:
/// <see cref="NightlyMarksTests"/>.</summary>
public sealed class NightlyTests
{
    private const string Mark = "a leader was tickled";

    /// <summary>A few seeds around the first canary, so that a short night has one.</summary>
    private static string AFewSeeds => $"{Canary.Singer(0) - 1}..{Canary.Singer(0) + 2}";

    [Test]
    public void A_night_over_all_parts_is_green_when_every_canary_in_them_was_reported_by_the_check_that_it_lied_to()
    {
        var record = Play(NightlyPart.All, AFewSeeds);
        Assert.That(NightlyJudge.Objections(record), Is.Empty);
        Assert.That(record.Parts.Select(p => (p.Schedules, p.CanariesDue, p.CanariesHeard)), Is.All.EqualTo((4L, 1L, 1L)));
        Assert.That(record.Parts.Select(p => p.Name), Is.SupersetOf(new[] { "raft", "cluster", "kv", "catalogue", "fleet" }));
        Assert.That(record.EndedBy, Is.EqualTo("seeds"));
    }

    [TestCase("raft", "MoreThanOneLeader", "n1000")]
    [TestCase("cluster", "linearizable", "key 'canary'")]
    [TestCase("kv", "lockExclusion", "lock canary")]
    [TestCase("catalogue", "serviceExpiry", "canary was listed")]
    [TestCase("fleet", "linearizable", "key 'canary'")]
    public void A_canary_is_found_by_a_check_of_its_world_and_the_same_seed_as_it_is_is_clean(string name, string promise, string sign)
    {
        var part = NightlyPart.Named(name).Single();
        var trial = part.Swarm.Play(Canary.Singer(0));
        Assert.That((trial.Verdict, trial.Discovery?.Promise), Is.EqualTo((Verdict.Invalid, promise)));
        Assert.That(trial.Discovery!.What, Does.Contain(sign));
        ISwarm bare = name switch
        {
            "raft" => new RaftSwarmTrials(null), "fleet" => new FleetSwarm(), "cluster" => new ClusterSwarm(),
            _ => new ClusterSwarm(story: Enum.Parse<ClusterStory>(name, ignoreCase: true)),
        };
        var honest = bare.Play(Canary.Singer(0));
        Assert.That((honest.Verdict, honest.Hash), Is.EqualTo((Verdict.Valid, trial.Hash)), "only the account was falsified, not the schedule");
    }

    [Test]
    public void A_suite_that_loses_the_canary_on_the_way_is_red_and_says_which()
    {
        var part = NightlyPart.Named("raft").Single();
        var record = Play([part with { Swarm = new Changed(part.Swarm, trial => trial with { Verdict = Verdict.Valid, Discovery = null }) }], "0..299");
        Assert.That(record.Parts.Single().Failures, Is.Empty, "it looks as if all were well");
        var red = NightlyJudge.Objections(record);
        Assert.That(NightlyJudge.ExitCode(red), Is.EqualTo(3));
        Assert.That(red.Single().What, Does.Contain($"3 of 3 canaries were not reported, the first is seed {Canary.Singer(0)}"));
    }

    [Test]
    public void A_suite_that_tells_of_another_failure_in_the_canarys_place_is_red_for_both()
    {
        var part = NightlyPart.Named("raft").Single();
        var other = part with { Swarm = new Changed(part.Swarm, trial => trial.Verdict == Verdict.Valid ? trial : trial with { Discovery = new("MoreThanOneLeader", "n1 and n2 both lead term 4") }) };
        var record = Play([other], AFewSeeds);
        Assert.That(NightlyJudge.Objections(record).Select(o => o.ExitCode), Is.EqualTo(new[] { 3, 1 }));
    }

    [Test]
    public void A_night_without_a_canary_is_red_however_clean_it_looks()
    {
        var seed = Canary.Singer(0) + 1;
        var red = NightlyJudge.Objections(Play(NightlyPart.Named("raft"), $"{seed}"));
        Assert.That((NightlyJudge.ExitCode(red), red.Single().What), Is.EqualTo((3, "no canary was due among 1 schedules: nothing shows that a failure would be reported; take more time, or seeds that hold a whole hundred")));
    }

    [Test]
    public void A_mark_that_was_never_reached_is_red_and_a_rare_one_is_not()
    {
        var part = NightlyPart.Named("raft").Single();
        var marked = part with { Swarm = new Changed(part.Swarm, trial => trial with { Counts = [.. trial.Counts, (MarkCatalog.Prefix + Mark, 1)] }) };
        Assert.That(NightlyJudge.Objections(Play([marked], AFewSeeds, [(Mark, false), ("a comet struck", true)])), Is.Empty);
        var red = NightlyJudge.Objections(Play([marked], AFewSeeds, [(Mark, false), ("a disk sang", false), ("a comet struck", true)]));
        Assert.That(NightlyJudge.ExitCode(red), Is.EqualTo(3));
        Assert.That(red.Single().What, Does.StartWith("never reached in 4 schedules: a disk sang."));
    }

    [Test]
    public void A_schedule_that_breaks_a_promise_is_red_with_the_command_that_plays_it_again()
    {
        var seed = Canary.Singer(0) + 1;
        var record = Play([NightlyPart.Of("raft", new Breaking(seed), 100, "swarm raft")], "0..99");
        var red = NightlyJudge.Objections(record);
        Assert.That(NightlyJudge.ExitCode(red), Is.EqualTo(1));
        Assert.That(red.Single().What, Does.Contain("Log Matching: it does not").And.Contain($"again: dotnet run --project chaos/Verify.Chaos -c Release -- swarm raft --seeds {seed} --tell"));
        Assert.That(NightlyPage.Of(record), Does.Contain("RED, exit code 1").And.Contain("swarm raft --seeds"));
    }

    [Test]
    public void A_schedule_that_cannot_be_played_is_undecided_and_the_night_goes_on()
    {
        var record = Play([NightlyPart.Of("raft", new Breaking(Canary.Singer(0) + 1) { Throws = true }, 100, "swarm raft")], "0..99");
        Assert.That(record.Schedules, Is.EqualTo(100));
        Assert.That(NightlyJudge.ExitCode(NightlyJudge.Objections(record)), Is.EqualTo(2));
    }

    [Test]
    public void A_part_that_was_never_played_is_undecided()
    {
        var night = Play(NightlyPart.Named("raft"), "0..99");
        var red = NightlyJudge.Objections(night with { Parts = [.. night.Parts, new() { Name = "kv", Story = "", Again = "" }] });
        Assert.That((NightlyJudge.ExitCode(red), red.Single().What), Is.EqualTo((2, "kv: nothing was played before the night ended (seeds)")));
    }

    [Test]
    public void Shards_of_a_night_are_disjoint_and_together_the_whole()
    {
        var parts = new[] { NightlyPart.Of("raft", new Breaking(ulong.MaxValue), 100, "swarm raft") };
        string Seeds(string shard) => Play(parts, "0..499", shard: shard).Parts.Single().Seeds;
        Assert.That((Seeds("0/2"), Seeds("1/2"), Seeds("0/1")), Is.EqualTo(("0..99,200..299,400..499", "100..199,300..399", "0..499")));
    }

    [Test]
    public void The_time_ends_a_night_without_end_and_it_keeps_what_it_saw_after_each_turn()
    {
        var kept = new List<NightlyRecord>();
        var record = new NightlySuite(
            new() { Parts = [NightlyPart.Of("raft", new Breaking(ulong.MaxValue), 100, "swarm raft")], Seeds = "1..", For = TimeSpan.FromMilliseconds(200), Jobs = 2, Marks = [], Kept = kept.Add },
            TimeProvider.System, _ => { }).Play(CancellationToken.None);
        Assert.That(record.EndedBy, Is.EqualTo("time"));
        Assert.That(kept, Is.Not.Empty);
        Assert.That(NightlyRecord.Parse(kept[^1].ToJson()).Schedules, Is.EqualTo(record.Schedules));
    }

    [Test]
    public async Task The_command_exits_with_0_on_a_green_night_and_leaves_a_page_and_refuses_marks_in_a_production_build()
    {
        var folder = ChaosProgram.NewFolder("nightly");
        try
        {
            var night = await ChaosProgram.RunAsync(TimeSpan.FromMinutes(2), "nightly", "--parts", "raft,kv", "--seeds", "30..49", "--no-marks", "--out", folder);
            Assert.That(night.ExitCode, Is.Zero, night.Output);
            Assert.That(night.Output, Does.Contain("GREEN: 40 schedules"));
            Assert.That(await File.ReadAllTextAsync(Path.Combine(folder, "nightly.md")), Does.Contain("40 schedules, green").And.Contain("| kv | 30..49 | 20 |"));
            Assert.That(NightlyRecord.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "nightly.json"))).Parts.Sum(p => p.CanariesHeard), Is.EqualTo(2));
#if !VERIFY_MUTANTS
            var marks = await ChaosProgram.RunAsync(TimeSpan.FromMinutes(1), "nightly", "--seeds", "0..99");
            Assert.That((marks.ExitCode, marks.Output.Contains("--no-marks", StringComparison.Ordinal)), Is.EqualTo((3, true)), marks.Output);
#endif
            var unknown = await ChaosProgram.RunAsync(TimeSpan.FromMinutes(1), "nightly", "--parts", "moon", "--no-marks");
            Assert.That((unknown.ExitCode, unknown.Output.Contains("'moon' is no part of a night", StringComparison.Ordinal)), Is.EqualTo((3, true)), unknown.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static NightlyRecord Play(IReadOnlyList<NightlyPart> parts, string seeds, IReadOnlyList<(string, bool)>? marks = null, string shard = "0/1") =>
        new NightlySuite(new() { Parts = parts, Seeds = seeds, Shard = Shard.Parse(shard), Jobs = 2, Marks = marks ?? [] }, TimeProvider.System, _ => { }).Play(CancellationToken.None);

    /// <summary>Something on the way from the judges to the reader changes what they said.</summary>
    private sealed class Changed(ISwarm swarm, Func<SwarmTrial, SwarmTrial> change) : ISwarm
    {
        public string Name => swarm.Name;
        public string Story => swarm.Story;
        public SwarmTrial Play(ulong seed) => change(swarm.Play(seed));
    }

    /// <summary>A swarm that costs nothing and breaks at one seed.</summary>
    private sealed class Breaking(ulong at) : IFalsifiable
    {
        public bool Throws { get; init; }
        public string Name => "breaking";
        public string Story => "one schedule is bad";
        public string FalsePromise => SwarmWatch.FalsePromise;
        public string FalseSign => SwarmWatch.FalseNode;

        public SwarmTrial Play(ulong seed) => seed != at ? new(Verdict.Valid, null, "", seed, [])
            : Throws ? throw new InvalidOperationException("the harness broke") : new(Verdict.Invalid, new Discovery("Log Matching", "it does not"), "", seed, []);

        public SwarmTrial PlayFalsified(ulong seed) => new(Verdict.Invalid, new Discovery(FalsePromise, $"n999 and {FalseSign} both lead"), "", seed, []);
    }
}
