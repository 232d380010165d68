namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class WriteP99CheckTests
{
    private readonly WriteP99Check _check = new(TimeSpan.FromMilliseconds(50));

    [Test]
    public void One_slow_write_in_a_hundred_is_within_the_target_and_two_are_not()
    {
        Assert.That(Writes(new Run(), 0, 99, tookMs: 5).Do(OpKind.KvPut, "k", 55_000, 55_900, "slow").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        var finding = Writes(new Run(), 0, 98, tookMs: 5).Do(OpKind.KvPut, "k", 55_000, 55_900, "a").Do(OpKind.KvCas, "k", 56_000, 56_900, "b").Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Figures["writeP99Ms"], Is.EqualTo(900));
    }

    [Test]
    public void Slow_writes_inside_a_fault_and_in_its_grace_do_not_count()
    {
        var run = Writes(new Run(), 0, 100, tookMs: 5).Fault("partition", "n1 | n2, n3", 40_000, 50_000);
        for (var i = 0; i < 20; i++)
        {
            run.Do(OpKind.KvPut, "k", 39_900 + (i * 600), 40_600 + (i * 600), $"in{i}");
        }

        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(run.Judge(_check).Figures["samples"], Is.EqualTo(100));
    }

    [Test]
    public void Reads_refusals_and_writes_without_an_answer_are_no_samples_and_too_few_samples_are_unknown()
    {
        var run = Writes(new Run(), 0, 99, tookMs: 5);
        run.Do(OpKind.KvGet, "k", 55_000, 55_001, null).Do(OpKind.KvCas, "k", 55_000, 55_001, "x", refused: true).Do(OpKind.KvPut, "k", 55_000, 0, "y", OpOutcome.Unknown);
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
    }

    private static Run Writes(Run run, double fromMs, int count, double tookMs)
    {
        for (var i = 0; i < count; i++)
        {
            run.Do(OpKind.KvPut, "k", fromMs + (i * 100), fromMs + (i * 100) + tookMs, $"v{i}");
        }

        return run;
    }
}
