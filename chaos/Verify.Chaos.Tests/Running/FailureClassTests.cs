using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Running;

/// <summary>Every class of failure, seen.</summary>
public sealed class FailureClassTests
{
    private const string Small = """
        name: small
        story: Three nodes and one client, and what a test adds.
        fleet:
          nodes: { east: 1, west: 1, north: 1 }
        workload: { clients: 1, for: 2s, keys: 1, mix: { kvPut: 1, kvGet: 1 } }
        warmUp: 1s
        settle: 3s
        steps: STEPS
        expect:
          - singleLeader
          - linearizable: kv
          - convergesWithin: 3s

        """;

    private static Scenario With(string steps) => ScenarioFiles.Parse(Small.Replace("STEPS", steps, StringComparison.Ordinal), "small.yaml");

    private static RunRecord Play(string steps, SimulatedOptions? options = null) => SimulatedRun.Play(With(steps), 1, options ?? new());

    [Test]
    public void A_run_that_keeps_every_promise_has_no_class() => Expect(Play("[]"), Verdict.Valid, "");

    [Test]
    public void Two_writable_primaries_are_a_failure_of_safety() =>
        Expect(SimulatedRun.Play(ScenarioFiles.Read("dc-fencing").Scenario, 1, new() { FencingOff = true }), Verdict.Invalid, FailureClass.Safety);

    [Test]
    public void An_election_that_takes_longer_than_promised_is_a_failure_of_liveness()
    {
        var steps = "\n  - at: 500ms\n    until: 1500ms\n    kill: leader";
        var impatient = With(steps) with { Expect = [new Expectation.ElectionWithin(TimeSpan.FromMilliseconds(1))] };
        Expect(SimulatedRun.Play(impatient, 1, new()), Verdict.Invalid, FailureClass.Liveness);
    }

    [Test]
    public void A_node_that_ends_by_an_exception_is_a_crash()
    {
        var run = Play("[]", new() { Begun = world => world.AtStep(5_000, () => world.Fail(new HostFailedException("n2", new InvalidOperationException("nobody expected this")))) });
        Expect(run, Verdict.Invalid, FailureClass.Crash);
        Assert.That(run.Findings.Single().Observed, Does.Contain("nobody expected this"));
    }

    [Test]
    public void A_node_that_halts_itself_is_a_crash_when_the_run_is_not_valid()
    {
        var findings = new[] { new Finding("convergence", Verdict.Invalid, "", "", "") };
        var halted = new RunEvent(1, 1, EventKinds.Halted, "n1", "east", new SortedDictionary<string, string>(StringComparer.Ordinal));
        Assert.That(RunOutcome.Class(findings, [halted]), Is.EqualTo(FailureClass.Crash));
        Assert.That(RunOutcome.Class(findings, []), Is.EqualTo(FailureClass.Liveness));
    }

    [Test]
    public void The_same_seed_with_two_traces_is_nondeterminism_and_the_first_difference_is_named()
    {
        var run = 0;
        // Something outside the choices decides: here how many worlds there were before.
        var options = new SimulatedOptions { Twice = true, Begun = world => world.AtStep(3_000, () => world.Choices.Next(ChoiceKind.Value, 10 + (run++ % 2))) };
        var record = Play("[]", options);
        Expect(record, Verdict.Invalid, FailureClass.Nondeterminism);
        Assert.That(record.Findings[0].Evidence, Does.Contain("the first difference is line"));
    }

    [Test]
    public void Work_that_comes_from_another_thread_is_nondeterminism() =>
        Expect(Play("[]", new() { Begun = world => world.AtStep(3_000, () => world.Fail(new ForeignThreadException("n1", 1, 2))) }), Verdict.Invalid, FailureClass.Nondeterminism);

    [Test]
    public void A_failure_of_the_harness_proves_nothing() =>
        Expect(Play("[]", new() { Begun = world => world.AtStep(3_000, () => world.Fail(new EventFailedException("harness", "harness turn", 1, new InvalidOperationException("a bug of the harness")))) }),
            Verdict.Unknown, FailureClass.Harness);

    private static void Expect(RunRecord run, Verdict verdict, string failureClass) => Assert.That(
        (run.Verdict, run.FailureClass), Is.EqualTo((verdict, failureClass)), string.Join("; ", run.Findings.Select(f => $"{f.Check} {f.Verdict}: {f.Observed}")));
}
