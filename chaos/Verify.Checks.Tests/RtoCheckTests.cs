namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class RtoCheckTests
{
    private const string EastAlone = "n1, db1 | n2, n3, db2, db3";
    private readonly RtoCheck _check = new(TimeSpan.FromSeconds(10));

    [Test]
    public void The_first_write_on_the_next_primary_in_time_is_valid()
    {
        var finding = Cut().Insert(10_100, 10_110, "db1").Insert(14_000, 14_020, "db2", dataCenter: "west").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["rtoMs"], Is.EqualTo(4_020));
    }

    [Test]
    public void Too_late_is_invalid_and_so_is_never()
    {
        Assert.That(Cut().Insert(20_500, 20_600, "db2").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Cut().Insert(20_500, 20_600, "db2", OpOutcome.Failed).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_killed_primary_counts_from_the_kill()
    {
        var run = new Run().Writable("db1", 0).Fault("kill", "db1", 10_000, 40_000).At(10_000, EventKinds.ServerDown, "db1").Insert(13_000, 13_500, "db3");
        Assert.That(run.Judge(_check).Figures["rtoMs"], Is.EqualTo(3_500));
    }

    /// <summary>It answers and commits nothing: to those who write that is the same.</summary>
    [Test]
    public void A_primary_whose_disk_stands_still_counts_from_the_standstill()
    {
        Run Stalled() => new Run().Writable("db1", 0, 10_000).Fault("stallDisk", "db1", 10_000, 40_000);
        Assert.That(Stalled().Insert(13_000, 13_500, "db3").Judge(_check).Figures["rtoMs"], Is.EqualTo(3_500));
        Assert.That(Stalled().Insert(39_000, 39_500, "db3").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_short_cut_after_which_the_old_primary_serves_again_is_not_judged()
    {
        var run = new Run().Writable("db1", 0).Fault("partition", EastAlone, 10_000, 12_000).Insert(13_000, 13_100, "db1").Insert(40_000, 40_100, "db2");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    [Test]
    public void Without_a_loss_or_without_anybody_who_tried_to_write_it_is_unknown()
    {
        Assert.That(new Run().Writable("db1", 0).Insert(10, 20, "db1").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(Cut().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    private static Run Cut() => new Run().Writable("db1", 0, 11_700).Fault("partition", EastAlone, 10_000, 40_000);
}
