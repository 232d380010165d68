namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class ThrottleCheckTests
{
    private readonly ThrottleCheck _check = new(TimeSpan.FromSeconds(1));

    [Test]
    public void Checks_that_go_on_while_samples_are_new_and_stop_when_they_are_old_are_valid() =>
        Assert.That(Answers(Sampled(), (5_000, 200), (6_100, 429), (7_000, 500)).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void An_OK_from_an_old_sample_of_one_replica_is_invalid_and_named()
    {
        var run = Sampled();
        for (var ms = 5_000; ms < 7_000; ms += 100) run.At(ms, EventKinds.Sampled, "n1", ("instance", "db3"), ("ageMs", 2));
        var finding = Answers(run, (5_000, 200), (6_500, 200)).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("n1 says 200; its newest sample of db2 is"));
        Assert.That(finding.AtUs, Is.EqualTo(new[] { 6_500_000L }));
    }

    [Test]
    public void The_age_counts_from_when_the_sample_was_asked_for()
    {
        var run = new Run().Opened("db1", 0).At(5_000, EventKinds.Sampled, "n1", ("instance", "db2"), ("ageMs", 1_500)).At(5_000, EventKinds.Sampled, "n1", ("instance", "db3"), ("ageMs", 1));
        Assert.That(Answers(run, (4_000, 200), (5_100, 200)).Judge(_check).Figures["okWhileOld"], Is.EqualTo(2));
    }

    [Test]
    public void A_node_is_judged_by_its_own_samples_and_the_primary_needs_none()
    {
        Assert.That(Sampled().At(5_000, EventKinds.Checked, "n2", ("status", 200)).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Answers(Sampled(), (5_000, 200)).Judge(_check).Figures["askedWhileOld"], Is.Zero);
    }

    [Test]
    public void Without_answers_or_without_old_samples_nothing_is_proven()
    {
        Assert.That(Sampled().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(Answers(Sampled(), (5_000, 200)).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(Answers(Sampled(), (9_000, 500)).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown), "nothing was ever 200");
    }

    /// <summary>db1 is primary; n1 samples the replicas every 50 ms until the fifth second.</summary>
    private static Run Sampled()
    {
        var run = new Run().Opened("db1", 0);
        for (var ms = 1_000; ms <= 5_000; ms += 50)
            foreach (var server in new[] { "db2", "db3" }) run.At(ms, EventKinds.Sampled, "n1", ("instance", server), ("ageMs", 2));
        return run;
    }

    private static Run Answers(Run run, params (int Ms, int Status)[] answers)
    {
        foreach (var (ms, status) in answers) run.At(ms, EventKinds.Checked, "n1", ("status", status));
        return run;
    }
}
