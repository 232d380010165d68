using Verify.Chaos.Commands;
using Verify.Chaos.Traces;
using Verify.Scenarios;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Traces;

/// <summary>Shrinking, on failures that need no planted bug. With planted ones: Mutants/ShrunkBugTests.</summary>
public sealed class ShrinkingTests
{
    /// <summary>The failure is that an isolated primary stays open (fencing is off); all else is noise.</summary>
    private const string Noisy = """
        name: noisy
        story: One fault matters, nine do not.
        fleet:
          nodes: { east: 1, west: 1, north: 1 }
          mysql: { east: [db1], west: [db2], north: [db3] }
          primary: db1
        workload: { clients: 6, for: 24s, keys: 10, pause: 100ms, mix: { kvPut: 3, kvGet: 5, sqlInsert: 2 } }
        warmUp: 4s
        settle: 20s
        steps:
          - at: 1s
            until: 2s
            pause: one follower
          - at: 2s
            until: 3s
            slow: { from: dc east, to: dc west, delay: 20ms }
          - at: 3s
            until: 4s
            clockSkew: { target: one follower, offset: 5s, drift: 1.0 }
          - at: 4s
            until: 20s
            partition: [[dc of primary]]
          - at: 21s
            until: 22s
            pause: one follower
          - at: 22s
            until: 23s
            kill: one follower
        expect:
          - singleLeader
          - sameLog
          - singlePrimary: { window: 0s }
          - noLostWrites

        """;

    [Test]
    public void A_noisy_scenario_is_shrunk_to_the_one_fault_that_matters_and_its_file_and_trace_play_the_same_failure()
    {
        var scenario = ScenarioFiles.Parse(Noisy, "noisy.yaml");
        var target = new PlayTarget(new ScenarioPlay(scenario, 1, new() { FencingOff = true }), null, "", "", "");
        var shrunk = new Shrinking(TimeSpan.FromSeconds(90), TimeProvider.System, TestContext.Progress.WriteLine, "singlePrimary").Run(target);
        TestContext.Out.WriteLine($"{shrunk.Before} -> {shrunk.After}, {shrunk.Tries} tries");
        var left = (ScenarioPlay)shrunk.Playable;
        Assert.That(left.Scenario.Steps.Select(s => s.Fault.Word), Is.EqualTo(["partition"]));
        Assert.That(shrunk.FaultsLessPercent, Is.GreaterThanOrEqualTo(80));
        Assert.That(shrunk.After.Clients, Is.LessThan(shrunk.Before.Clients));
        var read = ScenarioReader.Read(ScenarioWriter.Write(left.Scenario));
        Assert.That((left with { Scenario = read }).Play(new()).Failed, Does.Contain("singlePrimary"), "the file and its seed");
        var trace = shrunk.Trace!;
        var named = new NamedReplay(trace.Choices, trace.Header.Seed, trace.Header.QuietOtherwise);
        Assert.That(PlayTarget.OfTrace(trace).Playable.Play(new() { Named = named }).Hash, Is.EqualTo(trace.Header.TraceHash), "the trace");
    }

    [Test]
    public void What_does_not_fail_is_not_shrunk()
    {
        var target = PlayTarget.Of("leader-kill", 3, "", "random", fencingOff: false);
        Assert.That(() => new Shrinking(TimeSpan.FromSeconds(10), TimeProvider.System, _ => { }, null).Run(target), Throws.Exception.With.Message.Contains("there is nothing to shrink"));
    }
}
