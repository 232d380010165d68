#if VERIFY_MUTANTS
using Verify.Chaos.Drawn;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Chaos.Tests.Drawn;
using Verify.Checks;
using Verify.Raft;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>The harness is tested as the node is: with planted bugs, of which each must be seen.</summary>
[NonParallelizable]
public sealed class HarnessMutantTests
{
    private const string Apart = "partition: [[dc a], [dc b], [dc c], [dc d]]";

    [TearDown]
    public void Disarm() => Mutant.Armed = null;

    [Test]
    public void T1_a_canary_that_does_not_sing_turns_the_run_red()
    {
        var (canary, seed) = (new Canary(new FleetSwarm()), Canary.Singer(0));
        Assert.That(canary.Play(seed).Verdict, Is.EqualTo(Verdict.Invalid));
        Mutant.Armed = "T1";
        Assert.That(canary.Play(seed).Verdict, Is.EqualTo(Verdict.Valid), "the bug: nothing is reported");
        Assert.That(canary.Objection([seed], []), Does.Contain($"seed {seed}"));
    }

    [Test]
    public void T3_a_partition_that_cuts_nothing_is_found_by_the_number_that_it_leaves()
    {
        Assert.That(Play("partition: [[dc a]]").Verdict, Is.EqualTo(Verdict.Valid));
        Mutant.Armed = "T3";
        var run = Play("partition: [[dc a]]");
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(run.Findings.Single(f => f.Check == "steps").Observed, Does.Contain("dropped nothing"));
    }

    [TestCase("T4-clock")]
    [TestCase("T4-random")]
    [TestCase("T4-pool")]
    public void T4_node_code_that_is_no_function_of_its_inputs_is_found_by_playing_twice(string bug)
    {
        Mutant.Armed = bug;
        var run = SimulatedRun.Play(ScenarioReader.Read(EveryFaultTests.Text("kill: n1")), 3, new() { Twice = true });
        Assert.That(run.Verdict, Is.Not.EqualTo(Verdict.Valid));
        Assert.That(Mutant.Hits, Is.Positive);
        if (bug != "T4-pool") Assert.That(run.FailureClass, Is.EqualTo("nondeterminism"));
    }

    [Test]
    public void T6_a_liveness_phase_that_heals_nothing_is_red()
    {
        Mutant.Armed = "T6-nothing";
        Assert.That(Core(Apart).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void T6_a_liveness_phase_that_heals_everything_is_no_pass()
    {
        Mutant.Armed = "T6-everything";
        var finding = Core(Apart);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Unknown), finding.Observed);
        Assert.That(finding.Observed, Does.Contain("heals too much"));
    }

    [Test]
    public void Fault_points_fire_and_marks_are_reached_and_both_repeat_with_the_seed()
    {
        var options = new SimulatedOptions { FaultPoints = true };
        var scenario = ScenarioReader.Read(EveryFaultTests.Text("kill: leader"));
        var marks = new SortedSet<string>(StringComparer.Ordinal);
        var points = new SortedSet<string>(StringComparer.Ordinal);
        for (var seed = 1UL; seed <= 6; seed++)
        {
            var run = SimulatedRun.Play(scenario, seed, options);
            Assert.That(run.Verdict, Is.Not.EqualTo(Verdict.Invalid), string.Join("; ", run.Findings.Where(f => f.Verdict != Verdict.Valid).Select(f => f.Observed)));
            marks.UnionWith(run.MarkCounts.Keys);
            points.UnionWith(run.FaultPointHits.Where(h => h.Value > 0).Select(h => h.Key));
            if (seed == 1) Assert.That(SimulatedRun.Play(scenario, seed, options).TraceHash, Is.EqualTo(run.TraceHash));
        }

        Assert.That(points, Has.Count.GreaterThanOrEqualTo(6), string.Join("; ", points));
        Assert.That(marks, Has.Count.GreaterThanOrEqualTo(5), string.Join("; ", marks));
        Assert.That(SimulatedRun.Play(scenario, 1, new()).FaultPointHits, Is.Empty, "off means off");
    }

    private static Reports.Model.RunRecord Play(string fault) => SimulatedRun.Play(ScenarioReader.Read(EveryFaultTests.Text(fault)), 3, new());

    /// <summary>A seed whose core is not everybody.</summary>
    private static Finding Core(string fault)
    {
        for (var seed = 1UL; ; seed++)
        {
            var run = SimulatedRun.Play(ScenarioReader.Read(EveryFaultTests.Text(fault, until: "")), seed, new() { LivesOnACore = true });
            var core = run.Findings.Single(f => f.Check == "core");
            if (!core.Observed.Contains("down nobody", StringComparison.Ordinal)) return core;
        }
    }
}
#endif
