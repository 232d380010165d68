using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Drawn;

/// <summary>Every fault that the language has beside the first seven: it can be done in simulation, leaves a number that proves its effect, and
/// breaks no promise.</summary>
public sealed class EveryFaultTests
{
    [TestCase("ring: [dc a, dc b, dc c, dc d]")]
    [TestCase("bridge: dc a")]
    [TestCase("swizzle: [dc a, dc b]")]
    [TestCase("lossy: { from: dc a, to: dc b, perMille: 200 }")]
    [TestCase("garble: { from: dc of leader, to: all followers, perMille: 200 }")]
    [TestCase("repeat: { from: dc a, to: dc b, perMille: 200 }")]
    [TestCase("reconnect: { from: dc a, to: dc b, every: 300ms }")]
    [TestCase("failWrites: leader")]
    [TestCase("failSyncs: leader")]
    [TestCase("bitRot: n2")]
    [TestCase("tornSector: n2")]
    [TestCase("misdirect: n2")]
    [TestCase("clockStrobe: { target: leader, by: 1h, every: 100ms }")]
    [TestCase("restartStorm: { target: one follower, every: 400ms }")]
    [TestCase("rollingRestart: { down: 300ms, every: 700ms }")]
    public void A_fault_bites_and_is_survived(string fault)
    {
        var run = Play(fault);
        var ended = run.Events.Single(e => e.Kind == EventKinds.FaultEnded);
        Assert.That(ended.Number("proof"), Is.GreaterThan(0), $"{fault} left no number");
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
    }

    [TestCase("slowDisk: { target: leader, factor: 50 }")]
    [TestCase("clockStep: { target: leader, by: -1h }")]
    public void A_fault_that_nobody_needs_to_notice_is_survived(string fault)
    {
        var run = Play(fault);
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
    }

    [Test]
    public void A_node_that_lost_its_disk_is_taken_out_and_comes_in_again_as_a_newcomer()
    {
        var run = Play("lostDisk: n2");
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
        var back = run.Events.Last(e => e.Kind == EventKinds.QuorumSeen && e.Subject == "n2");
        Assert.That(back["inQuorum"], Is.EqualTo("true"), "it takes part again");
    }

    [TestCase("partition: [[dc a], [dc b], [dc c], [dc d]]")]
    [TestCase("kill: leader")]
    public void A_healed_quorum_comes_together_while_the_rest_stays_down(string fault)
    {
        var run = SimulatedRun.Play(ScenarioReader.Read(Text(fault, until: "")), 3, new() { LivesOnACore = true });
        Assert.That(run.Findings.Single(f => f.Check == "core").Verdict, Is.EqualTo(Verdict.Valid), Told(run));
        Assert.That(run.Verdict, Is.EqualTo(Verdict.Valid), Told(run));
    }

    internal static string Text(string fault, string until = "    until: 6s\n") => $$"""
        name: one-fault
        story: One fault.
        fleet:
          nodes: { a: 1, b: 1, c: 1, d: 2 }
        workload: { clients: 4, for: 8s, keys: 4, pause: 20ms, mix: { kvPut: 3, kvGet: 3 } }
        warmUp: 2s
        settle: 45s
        steps:
          - at: 2s
        {{until}}    {{fault}}
        expect:
          - singleLeader
          - sameLog
          - linearizable: kv
          - convergesWithin: 40s
        """;

    private static Reports.Model.RunRecord Play(string fault) => SimulatedRun.Play(ScenarioReader.Read(Text(fault)), 3, new());

    private static string Told(Reports.Model.RunRecord run) =>
        string.Join(Environment.NewLine, run.Findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Verdict} {f.Check}: {f.Observed}"));
}
