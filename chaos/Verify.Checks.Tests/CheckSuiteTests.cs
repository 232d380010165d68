namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class CheckSuiteTests
{
    [Test]
    public void The_worst_verdict_wins_and_every_finding_is_kept()
    {
        var judgement = new CheckSuite([new Says(Verdict.Valid), new Says(Verdict.Invalid), new Says(Verdict.Unknown)]).Judge(new Run().Facts());
        Assert.That(judgement.Findings, Has.Count.EqualTo(3));
        Assert.That(judgement.Worst, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_check_that_breaks_is_unknown_and_hides_nothing()
    {
        var judgement = new CheckSuite([new Breaks(), new Says(Verdict.Valid)]).Judge(new Run().Facts());
        Assert.That(judgement.Findings.Select(f => f.Verdict), Is.EqualTo(new[] { Verdict.Unknown, Verdict.Valid }));
        Assert.That(judgement.Findings[0].Observed, Does.Contain("no such luck"));
        Assert.That(new CheckSuite([new Breaks(), new Says(Verdict.Invalid)]).Judge(new Run().Facts()).Worst, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void No_checks_are_no_pass() => Assert.That(new CheckSuite([]).Judge(new Run().Facts()).Worst, Is.EqualTo(Verdict.Unknown));

    private sealed class Says(Verdict verdict) : ICheck
    {
        public string Name => "says";
        public Finding Judge(RunFacts facts) => new(Name, verdict, "", "", "");
    }

    private sealed class Breaks : ICheck
    {
        public string Name => "breaks";
        public Finding Judge(RunFacts facts) => throw new InvalidOperationException("no such luck");
    }
}
