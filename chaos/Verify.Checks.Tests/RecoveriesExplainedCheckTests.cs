namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class RecoveriesExplainedCheckTests
{
    private readonly RecoveriesExplainedCheck _check = new();

    [Test]
    public void A_verdict_that_a_recovery_follows_is_valid()
    {
        var finding = Recovery(Dead(Led(), 10), 12, "opened").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid), finding.Observed);
        Assert.That((finding.Figures["verdicts"], finding.Figures["skipped"], finding.Figures["unexplained"]), Is.EqualTo((1.0, 0.0, 0.0)));
    }

    [Test]
    public void A_verdict_that_a_reason_follows_is_valid_and_counted()
    {
        var finding = Skip(Dead(Led(), 10), 12, "filter", "RecoverMasterClusterFilters does not name main").Judge(_check);
        Assert.That((finding.Verdict, finding.Figures["skipped"]), Is.EqualTo((Verdict.Valid, 1.0)), finding.Observed);
    }

    /// <summary>The violation that it is there for, planted.</summary>
    [TestCase("DeadMaster")]
    [TestCase("DeadMasterAndSomeReplicas")]
    [TestCase("DeadMasterAndReplicas")]
    [TestCase("UnguardedMaster")]
    public void A_verdict_that_nothing_follows_is_invalid(string diagnosis)
    {
        var finding = Dead(Led(), 10, diagnosis).Judge(_check);
        Assert.That((finding.Verdict, finding.Figures["unexplained"]), Is.EqualTo((Verdict.Invalid, 1.0)), finding.Observed);
        Assert.That(finding.Evidence, Does.Contain($"n1 calls db1 {diagnosis}").And.Contain("nor a reason"));
        Assert.That(finding.AtUs, Has.Count.EqualTo(1));
    }

    [Test]
    public void An_answer_after_the_bound_or_of_another_cluster_is_none()
    {
        var late = Recovery(Dead(Led(), 10), 11_000, "opened");
        Assert.That(late.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        var other = Dead(Led(), 10).At(12, EventKinds.RecoverySkipped, "n1", ("cluster", "other"), ("instance", "db9"), ("code", "filter"), ("reason", "why"));
        Assert.That(other.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_recovery_that_is_skipped_without_a_reason_is_invalid() =>
        Assert.That(Skip(Dead(Led(), 10), 12, "filter", "").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_leader_that_is_lost_or_takes_its_verdict_back_owes_nothing()
    {
        var lost = Dead(new Run().Leader("n1", 1, 0, 5_000), 10);
        Assert.That(lost.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        var back = Dead(Dead(Led(), 10), 4_000, "NoProblem");
        Assert.That(back.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Dead(Led(), 10, "UnreachableMaster").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid), "lives: nothing is owed");
        Assert.That(Dead(Led(), 10).Judge(_check, endMs: 5_000).Verdict, Is.EqualTo(Verdict.Valid), "the run ended first");
    }

    [Test]
    public void A_recovery_that_is_open_already_answers_the_next_leaders_verdict_and_one_that_is_closed_does_not()
    {
        var open = Dead(Recovery(Led(), 5, "opened"), 10);
        Assert.That(open.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        var closed = Dead(Recovery(Recovery(Led(), 5, "opened"), 8, "closed"), 10);
        Assert.That(closed.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    private static Run Led() => new Run().Leader("n1", 1, 0);

    private static Run Dead(Run run, int atMs, string diagnosis = "DeadMaster") =>
        run.At(atMs, EventKinds.VerdictReached, "n1", ("cluster", "main"), ("instance", "db1"), ("diagnosis", diagnosis), ("votes", "n1 down"));

    private static Run Recovery(Run run, int atMs, string phase) =>
        run.At(atMs, EventKinds.Recovery, "n1", ("cluster", "main"), ("recoveryId", 7), ("phase", phase), ("step", ""), ("detail", ""));

    private static Run Skip(Run run, int atMs, string code, string reason) =>
        run.At(atMs, EventKinds.RecoverySkipped, "n1", ("cluster", "main"), ("instance", "db1"), ("analysis", "DeadMaster"), ("code", code), ("reason", reason));
}
