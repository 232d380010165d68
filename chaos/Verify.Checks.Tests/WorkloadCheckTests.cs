namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class WorkloadCheckTests
{
    private readonly WorkloadCheck _check = new(answeredMin: 2, [OpKind.KvPut, OpKind.KvCas]);

    [Test]
    public void Enough_answers_of_every_kind_are_valid_and_a_refusal_is_an_answer()
    {
        var run = new Run().Do(OpKind.KvPut, "k", 1, 2, "a").Do(OpKind.KvPut, "k", 3, 4, "b").Do(OpKind.KvCas, "k", 5, 6, "c", expected: "b");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown), "one compare-and-set is missing");
        Assert.That(run.Judge(new WorkloadCheck(4, [OpKind.KvPut, OpKind.KvCas]) { InAll = true }).Verdict, Is.EqualTo(Verdict.Unknown), "three of four");
        Assert.That(run.Judge(new WorkloadCheck(3, [OpKind.KvPut, OpKind.KvCas]) { InAll = true }).Verdict, Is.EqualTo(Verdict.Valid), "together they are enough");
        Assert.That(run.Do(OpKind.KvCas, "k", 7, 8, "d", expected: "x", refused: true).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_harness_that_did_nothing_does_not_pass()
    {
        var finding = new Run().Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(finding.Observed, Does.StartWith("the workload hardly ran"));
        Assert.That(new Run().Judge(new WorkloadCheck(1, [])).Verdict, Is.EqualTo(Verdict.Unknown));
    }
}
