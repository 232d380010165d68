namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class SinglePrimaryCheckTests
{
    private readonly SinglePrimaryCheck _check = new(TimeSpan.Zero);

    [Test]
    public void One_writable_server_after_the_other_is_valid()
    {
        var finding = new Run().Writable("db1", 0, 7_000).Writable("db2", 7_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["writableServers"], Is.EqualTo(2));
    }

    [Test]
    public void Two_writable_servers_are_invalid_from_the_first_microsecond()
    {
        var finding = new Run().Writable("db1", 0, 7_000.001).Writable("db2", 7_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 7_000_000 }));
        Assert.That(finding.Evidence, Does.Contain("db1").And.Contain("db2"));
    }

    [Test]
    public void An_overlap_within_the_allowed_window_is_valid_and_is_told()
    {
        var finding = new Run().Writable("db1", 0, 7_400).Writable("db2", 7_000).Judge(new SinglePrimaryCheck(TimeSpan.FromMilliseconds(500)));
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["longestOverlapUs"], Is.EqualTo(400_000));
    }

    [Test]
    public void A_server_that_is_down_is_not_writable()
    {
        var finding = new Run().Writable("db1", 0).At(5_000, EventKinds.ServerDown, "db1", ("how", "kill")).Writable("db2", 6_000).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_server_that_nobody_closed_is_writable_until_the_end() =>
        Assert.That(new Run().Writable("db1", 0).Writable("db2", 6_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_sampled_world_counts_only_what_was_surely_seen()
    {
        // db1 was last seen writable at 7.0 s and seen closed at 7.2 s; db2 was first seen writable at 7.1 s: nobody saw both at once.
        var run = Samples(new Run().Sampled(), "db1", 6_000, 7_000).Sample("db1", 7_200, writable: false)
            .Sample("db2", 7_100, writable: true).Sample("db2", 7_300, writable: true);
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(run.Sample("db1", 7_150, writable: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "now it was seen");
    }

    [Test]
    public void A_long_silence_of_the_sampler_is_not_taken_for_writable()
    {
        var run = Samples(new Run().Sampled(), "db1", 1_000, 2_000).Sample("db1", 20_000, writable: true).Sample("db1", 20_100, writable: false);
        Assert.That(Samples(run, "db2", 5_000, 9_000).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_run_in_which_no_server_was_seen_writable_is_unknown() =>
        Assert.That(new Run().Sample("db1", 5, writable: false).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));

    private static Run Samples(Run run, string server, double fromMs, double toMs)
    {
        for (var at = fromMs; at <= toMs; at += 200)
        {
            run.Sample(server, at, writable: true);
        }

        return run;
    }
}
