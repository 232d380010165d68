using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>When a failure is seen long before the write lease ends, the lease alone keeps the majority from promoting too early.
/// The planted bugs against it are found here first.</summary>
[NonParallelizable]
public sealed class PromptDetection
{
    [Test]
    public void The_majority_waits_for_the_lease_although_it_has_long_made_up_its_mind()
    {
        var bed = CutOff();
        Assert.That(bed.TwoWriters, Is.Null);
        var opened = bed.Events.First(e => e.Event is NodeEvent.Recovery { Phase: "opened" }).At;
        var fenced = bed.Events.First(e => e.Event is NodeEvent.Recovery { Phase: "outcome", Step: "FenceOldPrimary" }).At;
        var heldUntil = bed.Events.Last(e => e.Event is NodeEvent.WriteLease { Held: false, Cluster: "main" }).At;
        Assert.That(fenced - opened, Is.GreaterThan(TimeSpan.FromMilliseconds(300)), bed.Story());
        Assert.That(fenced, Is.GreaterThan(heldUntil));
    }

#if VERIFY_MUTANTS
    [TestCase("M49")]
    [TestCase("M50")]
    public void A_planted_bug_makes_two_writers(string bug)
    {
        Verify.Raft.Mutant.Armed = bug;
        try
        {
            var bed = CutOff();
            Assert.That(bed.TwoWriters, Is.Not.Null);
            Assert.That(Verify.Raft.Mutant.Hits, Is.Positive);
        }
        finally
        {
            Verify.Raft.Mutant.Armed = null;
        }
    }
#endif

    private static HaBed CutOff()
    {
        var bed = new HaBed(c => c with { Timing = new Timing { ProbeTimeout = TimeSpan.FromMilliseconds(100) } }).Started();
        bed.CutOff("east");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), TimeSpan.FromSeconds(6), "a new primary");
        bed.RunUntil(() => bed.Node("north").Ha.Cluster("main") is { OpenRecovery: null, Closed: [RecoveryRecord] }, TimeSpan.FromSeconds(6), "the end");
        return bed;
    }
}
