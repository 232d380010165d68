namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class SingleLeaderCheckTests
{
    private readonly SingleLeaderCheck _check = new();

    [Test]
    public void One_leader_after_the_other_is_valid()
    {
        var finding = new Run().Leader("n1", 1, 100, 5_000).Leader("n2", 2, 5_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["elections"], Is.EqualTo(2));
        Assert.That(finding.Figures["longestLeaseOverlapUs"], Is.Zero);
    }

    [Test]
    public void Two_nodes_that_become_leader_in_one_term_are_found_even_without_leases()
    {
        var finding = new Run()
            .At(100, EventKinds.RoleChanged, "n1", ("role", "Leader"), ("term", 7))
            .At(9_000, EventKinds.RoleChanged, "n3", ("role", "Leader"), ("term", 7))
            .Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("term 7").And.Contain("n1").And.Contain("n3"));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 9_000_000 }));
    }

    [Test]
    public void Two_leases_of_different_terms_that_overlap_by_a_microsecond_are_invalid_in_simulation()
    {
        var finding = new Run().Leader("n1", 1, 100, 5_000.001).Leader("n2", 2, 5_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["longestLeaseOverlapUs"], Is.EqualTo(1));
    }

    [Test]
    public void An_overlap_below_the_precision_of_the_live_world_is_unknown_and_above_it_invalid()
    {
        Assert.That(new Run().Sampled().Leader("n1", 1, 100, 5_010).Leader("n2", 2, 5_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Sampled().Leader("n1", 1, 100, 5_030).Leader("n2", 2, 5_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_killed_leader_holds_its_lease_until_its_death_only()
    {
        var finding = new Run().Leader("n1", 1, 100).At(5_000, EventKinds.NodeDown, "n1", ("how", "kill")).Leader("n2", 2, 5_400).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_leader_that_never_lets_go_overlaps_with_the_next()
    {
        var finding = new Run().Leader("n1", 1, 100).Leader("n2", 2, 5_400).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["longestLeaseOverlapUs"], Is.EqualTo(54_600_000));
    }

    [Test]
    public void A_frozen_leader_that_lets_go_as_soon_as_it_thaws_did_not_lead_meanwhile()
    {
        var finding = new Run().Sampled().Leader("n1", 1, 100, 9_080).Fault("pause", "n1", 5_000, 9_000).Leader("n2", 2, 5_600).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_frozen_leader_that_answers_a_read_after_the_thaw_before_it_lets_go_is_a_second_leader()
    {
        var finding = new Run().Leader("n1", 1, 100, 9_080).Fault("pause", "n1", 5_000, 9_000).Leader("n2", 2, 5_600)
            .Do(OpKind.KvGet, "k", 9_010, 9_030, "old", by: "n1")
            .Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 9_030_000 }));
    }

    /// <summary>Live, load 36 on two cores: guardian-killed was called invalid, because a leader that had not run for 1.8 s told the end of its lease
    /// 185 ms after the next one had begun. It had answered nobody.</summary>
    [Test]
    public void A_leader_that_did_not_run_and_says_since_when_its_lease_had_run_out_did_not_lead_meanwhile()
    {
        var finding = new Run().Sampled().Leader("n1", 1, 100).LetsGo("n1", 1, 9_080, lateMs: 3_600).Leader("n2", 2, 5_600).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid), finding.Observed);
        var without = new Run().Sampled().Leader("n1", 1, 100).LetsGo("n1", 1, 9_080, lateMs: 0).Leader("n2", 2, 5_600).Judge(_check);
        Assert.That(without.Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_leader_that_says_so_but_answered_a_read_meanwhile_is_a_second_leader()
    {
        var finding = new Run().Leader("n1", 1, 100).LetsGo("n1", 1, 9_080, lateMs: 3_600).Leader("n2", 2, 5_600)
            .Do(OpKind.KvGet, "k", 9_010, 9_030, "old", by: "n1")
            .Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 9_030_000 }));
    }

    /// <summary>Live, three campaigns side by side on two cores: leader-killed-before-deciding was called invalid, because the harness heard of the death
    /// 0.9 s after its signal.</summary>
    [Test]
    public void A_leader_that_was_killed_led_until_the_signal_and_not_until_somebody_heard_of_its_death()
    {
        Run Killed(long lateUs) => new Run().Sampled().Leader("n1", 1, 100).At(6_000, EventKinds.NodeDown, "n1", ("how", "kill"), ("lateUs", lateUs)).Leader("n2", 2, 5_600);
        Assert.That(Killed(lateUs: 900_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Killed(lateUs: 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        var answered = Killed(lateUs: 900_000).Do(OpKind.KvGet, "k", 5_700, 5_800, "old", by: "n1").Judge(_check);
        Assert.That(answered.Verdict, Is.EqualTo(Verdict.Invalid), "it answered after the signal: whoever was killed, it was not this one");
    }

    [Test]
    public void A_lease_that_ran_out_too_late_by_its_own_word_overlaps()
    {
        var finding = new Run().Leader("n1", 1, 100).LetsGo("n1", 1, 9_080, lateMs: 3_000).Leader("n2", 2, 5_600).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["longestLeaseOverlapUs"], Is.EqualTo(480_000));
    }

    [Test]
    public void A_run_without_a_leader_is_unknown() =>
        Assert.That(new Run().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
}
