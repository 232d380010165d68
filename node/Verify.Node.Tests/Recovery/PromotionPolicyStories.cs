using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Telemetry;
using static Verify.Node.Tests.Recovery.PolicyBed;

namespace Verify.Node.Tests.Recovery;

/// <summary>Who may become the primary and when it is replaced, by the rest of the operators' settings. db1 is the primary, db2 comes first among the
/// replicas.</summary>
public sealed class PromotionPolicyStories
{
    /// <summary>Once its source is gone a replica says NULL, and a limit that looks only then finds nobody behind.</summary>
    [Test]
    public void A_replica_that_lagged_when_the_primary_died_is_passed_over_although_it_says_nothing_of_its_lag_any_more()
    {
        var bed = new HaBed(c => c with { Recovery = new() { PromotionLagMax = TimeSpan.FromMinutes(1) } }).Started();
        bed.Servers[1].SecondsBehind = 120;
        bed.RunFor(Seconds(1));
        bed.Servers[0].Die();
        Promoted(bed, 3);
    }

    [Test]
    public void When_all_replicas_lag_too_far_nothing_is_begun_and_the_lag_is_the_reason()
    {
        var bed = new HaBed(c => c with { Recovery = new() { PromotionLagMax = TimeSpan.FromMinutes(1) } }).Started();
        foreach (var replica in bed.Servers.Skip(1)) replica.SecondsBehind = 60;
        bed.RunFor(Seconds(1));
        bed.Servers[0].Die();
        Skipped(bed, "no_candidate", "it was 60 s behind");
    }

    [Test]
    public void Without_a_limit_a_replica_that_lags_is_promoted_when_it_has_everything()
    {
        var bed = new HaBed().Started();
        foreach (var replica in bed.Servers.Skip(1)) replica.SecondsBehind = 100_000;
        bed.RunFor(Seconds(1));
        bed.Servers[0].Die();
        Promoted(bed, 2);
    }

    /// <summary>db2 alone has fetched the last transaction, and applies it 5 s later.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void Relay_logs_are_waited_for_unless_the_operator_has_forbidden_it(bool failUnlessApplied)
    {
        var bed = Draining(new() { FailUnlessApplied = failUnlessApplied }, appliesAfter: 5);
        Promoted(bed, 2);
        var failed = bed.Leader!.Ha.Cluster("main")!.Closed.Where(r => !r.IsSuccessful).ToArray();
        Assert.That(failed, failUnlessApplied ? Is.Not.Empty : Is.Empty);
        if (failUnlessApplied) Assert.That(failed[0].Closing + string.Concat(failed[0].Steps.Select(s => s.Detail)), Does.Contain("has not applied all it fetched"));
        Assert.That(bed.Servers[1].Executed.Contains(bed.Servers[0].Executed));
    }

    /// <summary>db2 alone has fetched the last transaction and applies it 3 s later.</summary>
    [TestCase(1, true)]
    [TestCase(10, false)]
    public void Relay_logs_are_waited_for_as_long_as_the_operator_says_in_one_attempt(int seconds, bool isTriedAgain)
    {
        var bed = Draining(new() { DrainLimit = Seconds(seconds) }, appliesAfter: 3);
        Promoted(bed, 2);
        Assert.That(bed.Story().Contains("not within 1 s", StringComparison.Ordinal), Is.EqualTo(isTriedAgain));
        Assert.That(bed.Servers[1].Executed.Contains(bed.Servers[0].Executed));
    }

    [Test]
    public void A_server_that_the_promotion_filter_names_is_never_promoted()
    {
        Promoted(Dead(new() { PromotionIgnoredHosts = ["^db2"] }), 3);
        Skipped(Dead(new() { PromotionIgnoredHosts = ["^db[23]"] }), "no_candidate", "PromotionIgnoreHostnameFilters names it");
    }

    [Test]
    public void A_primary_in_maintenance_is_left_alone_until_the_maintenance_ends()
    {
        var bed = new HaBed().Started();
        Change(bed, new PolicyCommand.BeginMaintenance(HaBed.Key(1), "jane", "new disk", 60_000, default));
        bed.Servers[0].Die();
        Skipped(bed, "maintenance", "new disk");
        Change(bed, new PolicyCommand.EndMaintenance(HaBed.Key(1), 0, default));
        Promoted(bed, 2);
    }

    [Test]
    public void A_replica_in_maintenance_is_not_promoted()
    {
        var bed = new HaBed().Started();
        Change(bed, new PolicyCommand.BeginMaintenance(HaBed.Key(2), "jane", "new disk", 60_000, default));
        bed.Servers[0].Die();
        Promoted(bed, 3);
    }

    /// <summary>RecoverNonWriteableMaster: its guardian holds the lease and does not get it open (a privilege was taken away, its disk is read-only).</summary>
    [Test]
    public void A_primary_that_cannot_be_opened_is_replaced_where_the_operator_wants_it_and_stays_closed()
    {
        var bed = Unwritable(replace: true);
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(15), "another primary");
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(5), "the end of the recovery");
        Assert.That((Last(bed)!.Analysis, Last(bed)!.IsSuccessful, Last(bed)!.Failed), Is.EqualTo(("NoWriteableMaster", true, HaBed.Key(1))));
        Assert.That(bed.Servers[0].TakesWrites, Is.False);
        Assert.That(bed.TwoWriters, Is.Null);
    }

    /// <summary>primary-disk-stalled live, 2026-11-22: the successor was replaced 16 ms after its promotion, because the time of its predecessor was counted on.</summary>
    [Test]
    public void Its_successor_which_is_closed_at_first_as_well_has_a_time_of_its_own_to_be_opened()
    {
        var bed = Unwritable(replace: true);
        foreach (var replica in bed.Servers.Skip(1)) replica.RefusesToOpen = true;

        // The lease of the successor is granted while the recovery still waits for the other replica.
        bed.RunUntil(() => Last(bed) is { Successor: not null }, Seconds(20), "a successor");
        var other = bed.Servers[Last(bed)!.Successor == HaBed.Key(2) ? 2 : 1];
        other.Freeze();
        bed.RunFor(Seconds(0.8));
        other.Thaw();
        bed.RunUntil(() => Last(bed) is { IsOpen: false }, Seconds(20), "the end of the recovery");
        var first = Last(bed)!;
        bed.RunFor(Seconds(1.5));
        foreach (var replica in bed.Servers.Skip(1)) replica.RefusesToOpen = false;
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(5), "open");
        bed.RunFor(Seconds(2));
        Assert.That(Last(bed)!.Id, Is.EqualTo(first.Id), bed.Story());
    }

    [Test]
    public void A_primary_that_cannot_be_opened_stays_the_primary_where_nobody_asked_for_more_and_is_opened_when_that_is_possible()
    {
        var bed = Unwritable(replace: false);
        bed.RunFor(Seconds(15));
        Assert.That(bed.Leader!.Ha.Primary("main"), Is.EqualTo(HaBed.Key(1)));
        Assert.That(bed.Servers.Any(s => s.TakesWrites), Is.False);
        bed.Servers[0].RefusesToOpen = false;
        bed.RunUntil(() => bed.Servers[0].TakesWrites, Seconds(5), "open again");
    }

    [Test]
    public void A_primary_that_cannot_be_opened_is_not_replaced_against_a_filter_and_the_reason_is_said()
    {
        var bed = Unwritable(replace: true, filters: ["other"]);
        Skipped(bed, "filter", "RecoverMasterClusterFilters");
        Assert.That(bed.Leader!.Part.Skipped().Single().Analysis, Is.EqualTo("NoWriteableMaster"));
    }

    [Test]
    public void A_primary_that_dies_after_all_its_replicas_is_not_replaced_and_that_is_said_until_one_of_them_is_back()
    {
        var bed = new HaBed().Started();
        foreach (var replica in bed.Servers.Skip(1)) replica.Die();
        bed.RunFor(Seconds(2));
        bed.Servers[0].Die();
        Skipped(bed, "no_replica", "nobody can be promoted");
        Assert.That(bed.Leader!.Part.Skipped().Single().Analysis, Is.EqualTo("DeadMasterAndReplicas"));
        bed.Servers[1].Return(isReadOnly: true);
        Promoted(bed, 2);
        Assert.That(bed.Leader.Part.Skipped(), Is.Empty);
    }

    /// <summary>The primary is dead, and db2 alone has fetched its last transaction; it applies it so many seconds after the draining began.</summary>
    private static HaBed Draining(RecoverySettings settings, double appliesAfter)
    {
        var bed = new HaBed(c => c with { Recovery = settings }).Started();
        bed.Servers[2].LoseSource();
        bed.Servers[1].AppliesNothing = true;
        bed.Servers[0].Write();
        bed.RunFor(Seconds(0.2));
        bed.Servers[0].Die();
        bed.RunUntil(() => Last(bed)?.Steps.Any(s => s.Step == RecoveryStep.DrainRelayLogs) == true, Seconds(10), "the draining");
        bed.At(Seconds(appliesAfter), () => bed.Servers[1].AppliesNothing = false);
        return bed;
    }

    private static HaBed Unwritable(bool replace, string[]? filters = null)
    {
        var bed = new HaBed(c => c with { Recovery = new() { ReplaceUnwritable = replace, PrimaryFilters = [.. filters ?? ["*"]] } }).Started();
        bed.Servers[0].RefusesToOpen = true;
        bed.Servers[0].IsReadOnly = true;
        return bed;
    }

    private static void Promoted(HaBed bed, int number)
    {
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(30), "a new primary");
        Assert.That(bed.Servers[number - 1].TakesWrites, Is.True, bed.Story());
        Assert.That(bed.TwoWriters, Is.Null);
    }
}
