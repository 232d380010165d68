using Verify.Chaos.Bench;
using Verify.Chaos.Determinism;
using Verify.Chaos.Simulated;
using Verify.Checks;

namespace Verify.Chaos.Tests.Bench;

/// <summary>What bench sim plays is what issue 4 asks to be measured.</summary>
public sealed class SimBenchTests
{
    [TestCase("bench-sim", 7)]
    [TestCase("bench-short", 2)]
    public void The_scenarios_have_five_nodes_in_three_data_centres_three_servers_and_faults(string name, int faults)
    {
        var scenario = SimBench.Read(name);
        Assert.That((scenario.Fleet.Nodes.Sum(dc => dc.Value.Length), scenario.Fleet.DataCenters.Length, scenario.Fleet.Servers.Sum(dc => dc.Value.Length)), Is.EqualTo((5, 3, 3)));
        Assert.That(scenario.Steps, Has.Length.EqualTo(faults));
    }

    [Test]
    public void A_run_answers_about_a_hundred_operations_per_simulated_second_and_is_valid()
    {
        var round = SimRounds.Measure(SimBench.Read("bench-short"), jobs: 1, TimeSpan.FromMilliseconds(1), firstSeed: 1, isRecording: false, CancellationToken.None);
        Assert.Multiple(() =>
        {
            Assert.That(round.OpsPerSimulatedSecond, Is.GreaterThan(80));
            Assert.That(round.SecondsPerRun, Is.InRange(9, 13));
            Assert.That(round.Bad, Is.Zero);
            Assert.That(round.EventsPerSimulatedSecond, Is.GreaterThan(1_000));
        });
    }

    [Test]
    public void Keeping_the_whole_trace_changes_nothing_but_memory()
    {
        var lines = 0;
        var kept = SimulatedRun.Play(SimBench.Read("bench-short"), 2, new() { World = new() { KeepWholeTrace = true }, Ended = world => lines = world.Trace.Lines.Count() });
        Assert.That(kept.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(kept.TraceHash, Is.EqualTo(HashPlayer.Play("bench-short", 2).Hash));
        Assert.That(lines, Is.GreaterThan(10_000));
    }
}
