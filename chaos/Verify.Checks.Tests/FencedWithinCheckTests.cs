namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class FencedWithinCheckTests
{
    private const string EastAlone = "n1, db1 | n2, n3, db2, db3";
    private readonly FencedWithinCheck _check = new(TimeSpan.FromSeconds(3));

    [Test]
    public void A_primary_that_is_closed_in_time_is_valid()
    {
        var finding = new Run().Fault("partition", EastAlone, 10_000, 30_000).Writable("db1", 0, 11_700)
            .Insert(9_000, 9_010, "db1").Insert(10_500, 10_510, "db1").Insert(12_000, 12_010, "db1", OpOutcome.Failed)
            .Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["fencingMs"], Is.EqualTo(1_700));
        Assert.That(finding.Figures["acksBeforeFence"], Is.EqualTo(1));
        Assert.That(finding.Figures["acksAfterFence"], Is.Zero);
    }

    [Test]
    public void A_primary_that_stays_writable_is_invalid_without_any_write()
    {
        var finding = new Run().Fault("partition", EastAlone, 10_000, 30_000).Writable("db1", 0).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 13_000_000 }));
    }

    /// <summary>Cuts that no pair of sides describes (a ring, a bridge) were not seen, so a primary that they isolated was judged by nobody.</summary>
    [Test]
    public void A_primary_that_rings_of_cuts_isolate_is_isolated_and_one_that_a_bridge_still_reaches_is_not()
    {
        var isolated = new Run().Fault("ring", "east - west - north", 10_000, 30_000, "east>west west>east east>north north>east").Writable("db1", 0).Judge(_check);
        Assert.That(isolated.Verdict, Is.EqualTo(Verdict.Invalid));
        var bridged = new Run().Fault("bridge", "east | north bridge west", 10_000, 30_000, "east>north north>east").Writable("db1", 0).Judge(_check);
        Assert.That(bridged.Verdict, Is.EqualTo(Verdict.Unknown), "no primary was isolated: n1 reaches n2");
    }

    [Test]
    public void A_write_that_is_acknowledged_after_the_bound_is_invalid_whatever_the_flag_says()
    {
        var finding = new Run().Fault("partition", EastAlone, 10_000, 30_000).Writable("db1", 0, 11_700).Insert(13_500, 13_600, "db1").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["acksAfterBound"], Is.EqualTo(1));
        Assert.That(finding.Evidence, Does.Contain("insert row"));
    }

    [Test]
    public void A_write_called_after_the_closing_and_acknowledged_before_the_bound_is_invalid_too()
    {
        var finding = new Run().Fault("partition", EastAlone, 10_000, 30_000).Writable("db1", 0, 11_700).Insert(12_000, 12_010, "db1").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["acksAfterFence"], Is.EqualTo(1));
    }

    [Test]
    public void Writes_of_the_new_primary_do_not_count_against_the_old_one()
    {
        var finding = new Run().Fault("partition", EastAlone, 10_000, 30_000).Writable("db1", 0, 11_700).Writable("db2", 13_000)
            .Insert(14_000, 14_010, "db2", dataCenter: "west").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_one_way_cut_isolates_as_well_and_names_of_data_centres_are_understood()
    {
        Assert.That(new Run().Fault("oneWay", "east > west, north", 10_000, 30_000).Writable("db1", 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(new Run().Fault("oneWay", "east > west", 10_000, 30_000).Writable("db1", 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown), "north is still reached");
    }

    [Test]
    public void A_cut_around_another_data_centre_isolates_no_primary_and_is_unknown()
    {
        var finding = new Run().Fault("partition", "n2, db2 | n1, n3, db1, db3", 10_000, 30_000).Writable("db1", 0).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(finding.Figures["isolations"], Is.Zero);
    }

    [Test]
    public void A_cut_that_is_shorter_than_the_bound_is_unknown() =>
        Assert.That(new Run().Fault("partition", EastAlone, 10_000, 11_000).Writable("db1", 0).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));

    [Test]
    public void A_primary_that_is_opened_again_after_healing_is_not_held_to_the_old_bound()
    {
        var run = new Run().Fault("partition", EastAlone, 10_000, 15_000).Writable("db1", 0, 11_700).Writable("db1", 15_500).Insert(16_000, 16_010, "db1");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void Sampled_a_primary_seen_writable_after_the_bound_is_invalid_and_one_not_sampled_at_all_is_unknown()
    {
        var cut = new Run().Sampled().Fault("partition", EastAlone, 10_000, 30_000).Sample("db1", 9_900, writable: true);
        Assert.That(cut.Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(cut.Sample("db1", 13_500, writable: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        var closed = new Run().Sampled().Fault("partition", EastAlone, 10_000, 30_000).Sample("db1", 9_900, writable: true).Sample("db1", 12_000, writable: false);
        Assert.That(closed.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }
}
