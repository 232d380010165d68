namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class RecoveryLedgerCheckTests
{
    private readonly RecoveryLedgerCheck _check = new();

    [Test]
    public void A_recovery_that_a_second_leader_continues_is_valid()
    {
        var run = Tell(new Run(), "n1", "opened");
        Tell(run, "n1", "intent", "fence");
        Tell(run, "n2", "intent", "fence"); // n1 died before it could say how it went
        Tell(run, "n2", "outcome", "fence", "ok");
        Tell(run, "n2", "intent", "promote");
        Tell(run, "n2", "outcome", "promote", "failed: refused");
        Tell(run, "n2", "intent", "promote");
        Tell(run, "n2", "outcome", "promote", "ok");
        Assert.That(Tell(run, "n2", "closed").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void An_outcome_without_an_intent_is_invalid()
    {
        var run = Tell(Tell(Tell(new Run(), "n1", "opened"), "n1", "outcome", "fence", "ok"), "n1", "closed");
        var finding = run.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("'fence'").And.Contain("without an intent"));
    }

    [Test]
    public void A_step_that_is_begun_again_after_it_succeeded_is_invalid()
    {
        var run = Tell(Tell(Tell(new Run(), "n1", "opened"), "n1", "intent", "promote"), "n1", "outcome", "promote", "ok");
        Tell(Tell(run, "n2", "intent", "promote"), "n2", "closed");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_new_leader_that_applies_late_and_tells_the_same_entries_again_is_no_second_run()
    {
        var run = new Run();
        foreach (var node in new[] { "n1", "n2" })
        {
            TellEntry(TellEntry(TellEntry(run, node, 7, "opened"), node, 8, "intent", "promote"), node, 9, "outcome", "promote", "done: db2");
        }

        TellEntry(run, "n2", 12, "closed");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        TellEntry(run, "n2", 11, "intent", "promote");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "this one is a new entry");
    }

    [Test]
    public void A_recovery_that_nobody_closed_is_invalid_while_somebody_leads_and_unknown_otherwise()
    {
        Assert.That(Tell(new Run(), "n1", "opened").Leader("n1", 1, 1).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Tell(new Run(), "n1", "opened").Leader("n1", 1, 1, 50).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    [Test]
    public void No_recovery_is_valid_only_where_none_is_expected()
    {
        Assert.That(new Run().Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(new Run().Judge(new RecoveryLedgerCheck(recoveriesMin: 1)).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    private static Run Tell(Run run, string node, string phase, string step = "", string detail = "") =>
        run.At(10, EventKinds.Recovery, node, ("cluster", "main"), ("recoveryId", 7), ("phase", phase), ("step", step), ("detail", detail));

    private static Run TellEntry(Run run, string node, long index, string phase, string step = "", string detail = "") =>
        Tell(run.At(10, EventKinds.Applied, node, ("index", index), ("term", 1), ("hash", index)), node, phase, step, detail);
}
