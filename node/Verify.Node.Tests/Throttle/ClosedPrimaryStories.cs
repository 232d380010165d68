using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.State.Policy;
using Verify.Node.Tests.Recovery;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>While nobody takes a cluster's writes nobody is told to write, whatever the replicas' lag is, and the answer says why. Each way in which a
/// primary can be closed, on the bed of the failover stories.</summary>
public sealed class ClosedPrimaryStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void A_cluster_whose_primary_is_open_may_be_written_to()
    {
        var bed = Bed().Started();
        bed.RunFor(Seconds(1));
        Assert.That((Check(bed).Status, bed.Node("north").Check(ifExists: true).Status), Is.EqualTo((200, 200)));
        Assert.That(bed.Node("west").Check(ifExists: true).Reason, Is.EqualTo(CheckReason.NotLeader), "a follower does not know");
    }

    [Test]
    public void Before_a_primary_is_agreed_nobody_writes()
    {
        var bed = Bed();
        bed.Node("north").Start();
        bed.Node("west").Start();
        bed.Elect("north");
        bed.RunFor(Seconds(5));
        IsClosed(bed, "no primary is agreed for main yet");
        bed.Node("east").Start();
        BecomesOpen(bed, Seconds(3));
    }

    [Test]
    public void While_a_failover_is_under_way_nobody_writes_and_when_it_is_over_they_do()
    {
        var bed = Bed().Started();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.OpenRecovery("main") is not null, Seconds(6), "a recovery");
        var recovery = bed.Leader!.Ha.OpenRecovery("main")!;
        IsClosed(bed, $"recovery {recovery.Id} of main is open ({recovery.Analysis} of db1:3306)");
        IsClosedUntilItsEnd(bed);
        Assert.That(bed.Servers[1].TakesWrites, bed.Story());

        // The dead server is a replica now, and one that does not answer: that is another reason, with its name.
        bed.RunFor(Seconds(2));
        Assert.That((Check(bed).Status, Check(bed).Reason), Is.EqualTo((429, CheckReason.ReplicaDown)));
        Assert.That(Check(bed).Message, Does.StartWith("db1:3306: it does not answer"));
        bed.Servers[0].Return(isReadOnly: true);
        BecomesOpen(bed, Seconds(6));
    }

    [Test]
    public void During_a_takeover_that_an_operator_asked_for_nobody_writes_either()
    {
        var bed = Bed().Started();
        var plan = bed.Leader!.Part.Plan(new("main", RecoveryWish.GracefulTakeover, null, HaBed.Key(3), "jane", WithoutHooks: false));
        Assert.That(plan.Command, Is.Not.Null, plan.Objection);
        bed.Leader.Submit(plan.Command!, _ => { });
        bed.RunUntil(() => bed.Leader.Ha.OpenRecovery("main") is not null, Seconds(1), "an open recovery");
        var recovery = bed.Leader.Ha.OpenRecovery("main")!;
        IsClosed(bed, $"recovery {recovery.Id} of main is open ({recovery.Analysis} of db1:3306)");
        IsClosedUntilItsEnd(bed);
        BecomesOpen(bed, Seconds(3));
        Assert.That(bed.Servers[2].TakesWrites, bed.Story());
    }

    /// <summary>Nobody may recover here: so no recovery hides that the lease is over.</summary>
    [Test]
    public void When_the_primarys_lease_is_over_nobody_writes_until_it_is_renewed()
    {
        var bed = Bed().Started();
        bed.Submit(bed.Leader!, new Command.Policy(new PolicyCommand.SetRecoveries(On: false, "jane", default)), _ => { });
        bed.RunFor(Seconds(0.5));
        bed.CutOff("east");
        bed.RunFor(Seconds(5));
        Assert.That(bed.Leader!.Ha.OpenRecovery("main"), Is.Null);
        IsClosed(bed, "the primary db1:3306 is fenced: nobody holds its write lease");
        bed.Heal();
        BecomesOpen(bed, Seconds(6));
        Assert.That(bed.Servers[0].TakesWrites);
    }

    [Test]
    public void A_primary_that_somebody_closed_by_hand_is_a_reason_to_wait()
    {
        var bed = Bed().Started();
        bed.RunFor(Seconds(1));
        bed.Servers[0].IsReadOnly = true;
        bed.RunUntil(() => Check(bed).Status != 200, Seconds(2), "a check that is refused");
        IsClosed(bed, "the primary db1:3306 is read-only");
        bed.Servers[0].IsReadOnly = false;
        BecomesOpen(bed, Seconds(2));
    }

    private static HaBed Bed()
    {
        var bed = new HaBed();
        foreach (var node in bed.Nodes) node.Throttles();
        return bed;
    }

    private static CheckAnswer Check(HaBed bed) => bed.Leader!.Check();

    private static void IsClosed(HaBed bed, string why)
    {
        foreach (var ifExists in new[] { false, true })
        {
            var answer = bed.Leader!.Check(ifExists);
            Assert.That((answer.Status, answer.Reason, answer.Message), Is.EqualTo((429, CheckReason.PrimaryClosed, why)), $"if-exists: {ifExists}");
        }
    }

    private static void BecomesOpen(HaBed bed, TimeSpan limit)
    {
        bed.RunUntil(() => Check(bed).Status == 200, limit, $"a check that is answered 200; it is {Check(bed)}");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    private static void IsClosedUntilItsEnd(HaBed bed) => bed.RunUntil(() =>
    {
        if (bed.Leader!.Ha.OpenRecovery("main") is null) return true;
        Assert.That((Check(bed).Status, bed.Leader.Check(ifExists: true).Status), Is.EqualTo((429, 429)), "told to write during a recovery");
        return false;
    }, Seconds(10), "the end of the recovery");
}
