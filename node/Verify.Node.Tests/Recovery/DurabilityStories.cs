using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.State.Ledger;

namespace Verify.Node.Tests.Recovery;

/// <summary>What a durable policy forbids and what it does to semi-sync. db1 is the primary, db2 and db3 follow it.</summary>
public sealed class DurabilityStories
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [TestCase(1, 2, "", true)]
    [TestCase(1, 2, "db2", false)]
    [TestCase(2, 2, "db2", true)]
    [TestCase(2, 2, "db2 db3", false)]
    [TestCase(2, 3, "db2", true)]
    [TestCase(3, 2, "db2", true, Description = "fewer acknowledgers than acknowledgements: nothing was ever acknowledged without both")]
    [TestCase(1, 0, "", true, Description = "nobody could acknowledge, so nothing was acknowledged")]
    public void All_but_one_less_than_the_acknowledgements_must_be_reached(int waitedFor, int acknowledgers, string missing, bool isCertain)
    {
        var objection = RequiredPosition.Objection(Durability.SemiSync, waitedFor, acknowledgers, [.. missing.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.That(objection is null, Is.EqualTo(isCertain), objection);
    }

    [Test]
    public void A_commit_that_only_an_unreached_replica_acknowledged_keeps_the_other_from_being_promoted_until_it_is_back()
    {
        var bed = Bed(Durability.SemiSync);
        bed.Servers[1].LoseSource();
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.5));
        bed.Servers[2].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(20), "a recovery that was given up");
        var refused = bed.Leader!.Ha.Cluster("main")!.Closed[0];
        Assert.That((refused.IsSuccessful, refused.Successor), Is.EqualTo((false, (Verify.Node.Topology.InstanceKey?)null)));
        Assert.That(refused.Closing, Does.Contain("semi_sync").And.Contain("not reached are db3:3306 (not reachable)").And.Contain("force-master-failover"));
        Assert.That(bed.Servers[1].IsReadOnly);

        bed.Servers[2].Return(isReadOnly: true);
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(15), "the one that has the commit");
        Assert.That(bed.Servers[2].Executed.Contains(bed.Servers[0].Executed));
        bed.RunUntil(() => bed.Servers[1].Source == HaBed.Key(3), Seconds(5), "the other one below it");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    /// <summary>leader-dies-around-publishing on real MySQL, 2026-11-22: the leader had named itself as guardian of the new primary, died before it opened it, and
    /// the cluster stood closed until the old primary came back.</summary>
    [Test]
    public void A_new_primary_whose_guardian_dies_before_it_is_opened_is_replaced_although_the_old_primary_is_still_away()
    {
        var bed = WithDb2Unguarded();
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(20), "the one that is left");
        Assert.That(bed.Servers[2].Executed.Contains(bed.Servers[0].Executed));
        Assert.That(bed.Servers[1].IsReadOnly, "never opened");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void When_that_new_primary_was_started_anew_meanwhile_nobody_knows_what_it_had_acknowledged_and_nobody_is_promoted()
    {
        var bed = WithDb2Unguarded();
        bed.Servers[1].Die();
        bed.RunFor(Seconds(0.1));
        bed.Servers[1].Return(isReadOnly: true);
        bed.RunFor(Seconds(20));
        Assert.That(bed.Servers.Any(s => s.TakesWrites), Is.False);
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed[^1].Closing, Does.Contain("not reached are db1:3306"));
    }

    [TestCase(10_000, 10_000, 0, false, Description = "not known, or just started")]
    [TestCase(10_000, 10_000, 1, true, Description = "up before it was chosen")]
    [TestCase(10_000, 110_000, 101, false)]
    [TestCase(10_000, 110_000, 102, true, Description = "100 s in office, and 1 % and a second for the clocks")]
    public void A_server_that_is_up_for_longer_than_it_is_in_office_was_not_started_anew(long since, long now, long uptime, bool isSo) =>
        Assert.That(RequiredPosition.HasRunSince(since, now, uptime), Is.EqualTo(isSo));

    [Test]
    public void When_that_new_primary_is_not_reached_either_nobody_is_promoted()
    {
        var bed = WithDb2Unguarded();
        bed.Servers[1].Die();
        bed.RunFor(Seconds(20));
        Assert.That(bed.Servers.Any(s => s.TakesWrites), Is.False, "it may have what db3 lacks");
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed[^1].Closing, Does.Contain("not reached are db1:3306"));
    }

    [Test]
    public void Without_a_durable_policy_the_reached_replica_is_promoted_whatever_the_other_may_have()
    {
        var bed = Bed(Durability.None);
        bed.Servers[2].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
    }

    [Test]
    public void With_two_acknowledgements_one_replica_may_be_out_of_reach()
    {
        var bed = Bed(Durability.SemiSync with { Acknowledgements = 2 });
        bed.Servers[0].SemiSync.WaitFor = 2;
        bed.RunFor(Seconds(6));
        bed.Servers[2].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        Assert.That(bed.Servers[1].SemiSync is { Source: true, WaitFor: 2, TimeoutMs: uint.MaxValue });
    }

    [Test]
    public void An_operator_who_accepts_the_loss_may_force_it_and_the_ledger_says_what_was_risked()
    {
        var bed = Bed(Durability.SemiSync);
        bed.Servers[2].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(20), "a recovery that was given up");
        var answer = bed.Leader!.Part.Plan(new("main", RecoveryWish.ForceTakeover, null, HaBed.Key(2), "jane", WithoutHooks: false));
        Assert.That(answer.Command, Is.Not.Null, answer.ToString());
        bed.Leader.Submit(answer.Command!, _ => { });
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        var choice = bed.Leader.Ha.Cluster("main")!.OpenRecovery ?? bed.Leader.Ha.Cluster("main")!.Closed[^1];
        Assert.That(choice.Steps.Single(s => s.Step == RecoveryStep.ChooseCandidate).Detail, Does.Contain("forced although").And.Contain("db3:3306"));
    }

    [Test]
    public void Under_cross_dc_a_replica_beside_the_primary_is_not_waited_for()
    {
        var bed = Bed(Durability.CrossDc, secondIsBesideTheFirst: true);
        bed.Servers[1].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(10), "the replica in the other data centre");
    }

    [Test]
    public void Under_cross_dc_a_replica_beside_the_primary_is_not_promoted_while_the_other_data_centre_is_silent()
    {
        var bed = Bed(Durability.CrossDc, secondIsBesideTheFirst: true);
        bed.Servers[2].Die();
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Cluster("main")!.Closed.Length > 0, Seconds(20), "a recovery that was given up");
        Assert.That(bed.Leader!.Ha.Cluster("main")!.Closed[0].Closing, Does.Contain("cross_dc").And.Contain("needs 1 of 1").And.Contain("db3:3306"));
        bed.Servers[2].Return(isReadOnly: true);
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(15), "a new primary");
    }

    [Test]
    public void A_primary_is_told_to_wait_for_ever_before_it_is_opened_and_its_replicas_acknowledge()
    {
        var bed = Bed(Durability.SemiSync);
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[1].TakesWrites, Seconds(10), "a new primary");
        bed.RunUntil(() => bed.Servers[2].Source == HaBed.Key(2), Seconds(5), "its replica");
        var opening = bed.Sent.Where(s => s.Server == HaBed.Key(2)).Select(s => s.Statement)
            .Where(s => s is Statement.SetSemiSyncPatience or Statement.SetSemiSync or Statement.SetReadOnly { On: false });
        Assert.That(opening, Is.EqualTo(new Statement[] { new Statement.SetSemiSyncPatience(1), new Statement.SetSemiSync(On: true), new Statement.SetReadOnly(On: false) }));
        Assert.That(bed.Servers[2].SemiSync is { Replica: true, Source: false });
    }

    [Test]
    public void Under_cross_dc_a_replica_that_comes_to_stand_beside_the_primary_stops_acknowledging()
    {
        var bed = Bed(Durability.CrossDc, secondIsBesideTheFirst: true);
        bed.Servers[1].SemiSync.Replica = true;
        bed.Servers[1].Die();
        bed.RunFor(Seconds(2));
        bed.Servers[1].ForgetSource();
        bed.Servers[1].Return(isReadOnly: true);
        bed.RunUntil(() => bed.Servers[1].Source == HaBed.Key(1), Seconds(10), "attached again");
        Assert.That(bed.Servers[1].SemiSync.Replica, Is.False);
    }

    /// <summary>db1 is dead, db2 has just been made the primary, and the only node of its data centre is dead too, before anybody opened it.</summary>
    private static HaBed WithDb2Unguarded()
    {
        var bed = Bed(Durability.SemiSync);
        bed.Servers[0].Write(3);
        bed.RunFor(Seconds(0.5));
        bed.Elect("east");
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Leader!.Ha.Primary("main") == HaBed.Key(2), Seconds(10), "db2 published");
        bed.Node("north").Kill();
        return bed;
    }

    private static HaBed Bed(Durability durability, bool secondIsBesideTheFirst = false) => new HaBed(c => c with
    {
        Clusters = [c.Clusters[0] with
        {
            Durability = durability,
            Instances = [.. c.Clusters[0].Instances.Select(i => secondIsBesideTheFirst && i.Key == HaBed.Key(2) ? i with { DataCenter = "east" } : i)],
        }],
    }).Started();
}
