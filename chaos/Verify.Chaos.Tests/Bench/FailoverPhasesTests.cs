using Verify.Chaos.Bench;
using Verify.Checks;

namespace Verify.Chaos.Tests.Bench;

/// <summary>Where the time of a failover went, read from the nodes' events.</summary>
public sealed class FailoverPhasesTests
{
    private static readonly RunEvent[] Whole =
    [
        Step(500_000, "opened", "", "of the failover before"),
        Verdict(1_100_000, "UnreachableMaster"),
        Verdict(1_200_000, "DeadMaster"),
        Verdict(1_300_000, "NoProblem"),
        Verdict(1_500_000, "DeadMasterAndSomeReplicas"),
        Step(1_600_000, "opened", "", ""),
        Verdict(1_700_000, "DeadMaster"),
        Step(2_500_000, "outcome", "FenceOldPrimary", "failed: no answer"),
        Step(3_000_000, "outcome", "FenceOldPrimary", "done: its lease has run out"),
        Step(3_400_000, "outcome", "Promote", "done"),
        Opening(3_450_000, "db3"),
        Opening(3_500_000, "db2"),
        Step(3_900_000, "outcome", "RepointReplicas", "done"),
    ];

    [Test]
    public void The_parts_add_up_to_the_whole()
    {
        var phases = FailoverPhases.Read(Whole, diedUs: 1_000_000, writtenUs: 3_800_000, "db2")!;
        Assert.That(phases.Detected, Is.EqualTo(0.5).Within(1e-9), "a verdict that was taken back did not open it");
        Assert.That(phases.Decided, Is.EqualTo(0.1).Within(1e-9));
        Assert.That(phases.Fenced, Is.EqualTo(1.4).Within(1e-9), "a failed attempt does not end the step");
        Assert.That(phases.Promoted, Is.EqualTo(0.4).Within(1e-9));
        Assert.That(phases.Opened, Is.EqualTo(0.1).Within(1e-9), "another server's opening is not the successor's");
        Assert.That(phases.Written, Is.EqualTo(0.3).Within(1e-9));
        Assert.That(phases.Detected + phases.Decided + phases.Fenced + phases.Promoted + phases.Opened + phases.Written, Is.EqualTo(2.8).Within(1e-9));
        Assert.That(phases.Repointed, Is.EqualTo(0.4).Within(1e-9), "it may end after the first write");
    }

    [Test]
    public void A_failover_whose_verdict_nobody_told_has_no_parts() =>
        Assert.That(FailoverPhases.Read([.. Whole.Where(e => e.Kind != EventKinds.VerdictReached)], 1_000_000, 3_800_000, "db2"), Is.Null);

    [Test]
    public void A_failover_whose_promotion_nobody_told_has_no_parts() =>
        Assert.That(FailoverPhases.Read([.. Whole.Where(e => e["step"] != "Promote")], 1_000_000, 3_800_000, "db2"), Is.Null);

    private static RunEvent Step(long atUs, string phase, string step, string detail) => Event(atUs, EventKinds.Recovery, ("phase", phase), ("step", step), ("detail", detail));

    private static RunEvent Verdict(long atUs, string diagnosis) => Event(atUs, EventKinds.VerdictReached, ("diagnosis", diagnosis));

    private static RunEvent Opening(long atUs, string instance) => Event(atUs, EventKinds.Opened, ("instance", instance));

    private static RunEvent Event(long atUs, string kind, params (string Name, string Value)[] fields) => new(
        atUs, 0, kind, "n1", "east", new SortedDictionary<string, string>(fields.ToDictionary(f => f.Name, f => f.Value, StringComparer.Ordinal), StringComparer.Ordinal));
}
