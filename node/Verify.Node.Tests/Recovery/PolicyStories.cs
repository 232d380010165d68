using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Telemetry;
using static Verify.Node.Tests.Recovery.PolicyBed;

namespace Verify.Node.Tests.Recovery;

/// <summary>What operators allow, and that what is not done is explained.</summary>
public sealed class PolicyStories
{
    [Test]
    public void A_cluster_that_no_filter_names_is_not_recovered_and_the_reason_is_said_once()
    {
        var bed = Dead(new() { PrimaryFilters = ["other"] });
        Skipped(bed, "filter", "RecoverMasterClusterFilters");
    }

    [Test]
    public void A_host_that_the_ignore_filter_names_is_not_recovered() =>
        Skipped(Dead(new() { IgnoredHosts = ["^db1"] }), "host_filter", "RecoveryIgnoreHostnameFilters");

    [Test]
    public void Recoveries_that_are_switched_off_stay_off_for_the_next_leader_and_begin_when_they_are_switched_on()
    {
        var bed = new HaBed().Started();
        Change(bed, new PolicyCommand.SetRecoveries(On: false, "jane", default));
        bed.Servers[0].Die();
        Skipped(bed, "global_switch", "jane");
        bed.Elect("west");
        Skipped(bed, "global_switch", "jane", leaders: 2);
        Change(bed, new PolicyCommand.SetRecoveries(On: true, "jane", default));
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(8), "a new primary");
        Assert.That(bed.Leader!.Part.Skipped(), Is.Empty);
    }

    [Test]
    public void A_server_in_downtime_is_left_alone_until_the_downtime_ends()
    {
        var bed = new HaBed().Started();
        Change(bed, new PolicyCommand.BeginDowntime(HaBed.Key(1), "jane", "new disk", 60_000, default));
        bed.Servers[0].Die();
        Skipped(bed, "downtime", "new disk");
        Change(bed, new PolicyCommand.EndDowntime(HaBed.Key(1), default));
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(8), "a new primary");
    }

    [Test]
    public void A_second_failover_within_the_block_period_waits_for_an_acknowledgement()
    {
        var bed = new HaBed(c => c with { Recovery = new() { BlockPeriod = TimeSpan.FromHours(1) } }).Started();
        bed.Servers[0].Die();
        bed.RunUntil(() => Last(bed) is { IsOpen: false, IsSuccessful: true }, Seconds(10), "the first failover");
        bed.RunFor(Seconds(1));
        bed.Servers[0].Return(isReadOnly: true);
        bed.RunFor(Seconds(3));
        bed.Server(bed.Leader!.Ha.Primary("main")!.Value).Die();
        Skipped(bed, "block_period", "ack-recovery/cluster/main");
        Assert.That(bed.Leader.Part.Skipped()[0].BlockedBy, Is.EqualTo(Last(bed)!.Id));
        bed.Leader.Submit(new HaCommand.AcknowledgeRecoveries("main", 0, null, "jane", "seen", default), _ => { });
        bed.RunUntil(() => bed.Servers.Any(s => s.TakesWrites), Seconds(10), "the second failover");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    /// <summary>openark/orchestrator#1296: there the recovery that the dead leader had registered blocked its successor for an hour.</summary>
    [Test]
    public void A_leader_that_dies_in_the_middle_of_a_recovery_does_not_block_its_successor()
    {
        var bed = new HaBed(c => c with { Recovery = new() { BlockPeriod = TimeSpan.FromHours(1) } }).Started();
        bed.Servers[0].Die();
        bed.RunUntil(() => Last(bed) is { IsOpen: true, Steps.Length: > 1 }, Seconds(10), "a recovery under way");
        bed.Node("north").Kill();
        bed.Elect("west");
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(15), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    [Test]
    public void A_server_that_must_not_be_promoted_is_not_and_without_another_nothing_is_begun()
    {
        var bed = new HaBed().Started();
        Change(bed, new PolicyCommand.SetPromotionRule(HaBed.Key(2), PromotionRule.MustNot, 0, default));
        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(10), "the other one");

        bed = new HaBed().Started();
        foreach (var replica in bed.Servers.Skip(1)) Change(bed, new PolicyCommand.SetPromotionRule(replica.Key, PromotionRule.MustNot, 0, default));
        bed.Servers[0].Die();
        Skipped(bed, "no_candidate", "must_not");
    }

    [Test]
    public void The_preferred_server_comes_first_among_those_that_have_everything()
    {
        foreach (var preferred in new[] { 2, 3 })
        {
            var bed = new HaBed().Started();
            Change(bed, new PolicyCommand.SetPromotionRule(HaBed.Key(preferred), PromotionRule.Prefer, 0, default));
            bed.Servers[0].Die();
            bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
            Assert.That(bed.Servers[preferred - 1].TakesWrites, Is.True, $"db{preferred}");
        }
    }

    [Test]
    public void A_primary_that_must_stay_in_its_data_centre_is_not_moved_out_of_it() =>
        Skipped(Dead(new() { StayInDataCenter = true }), "no_candidate", "must stay in east");

    [Test]
    public void A_primary_that_must_stay_in_its_region_moves_within_it()
    {
        var regions = new RecoverySettings().Regions.Add("east", "eu").Add("west", "eu").Add("north", "us");
        var bed = Dead(new() { StayInRegion = true, Regions = regions });
        bed.RunUntil(() => bed.Servers[2].TakesWrites, Seconds(10), "the one in the same region");
    }
}
