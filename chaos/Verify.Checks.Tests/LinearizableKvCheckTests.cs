using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class LinearizableKvCheckTests
{
    private readonly LinearizableKvCheck _check = new(TimeSpan.FromSeconds(10));

    [Test]
    public void Writes_and_reads_in_order_are_valid()
    {
        var run = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvGet, "a", 3, 4, "x").Do(OpKind.KvDelete, "a", 5, 6, null)
            .Do(OpKind.KvGet, "a", 7, 8, null).Do(OpKind.KvCas, "a", 9, 10, "y", expected: null).Do(OpKind.KvGet, "b", 3, 4, null);
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_stale_read_is_invalid_and_three_lines_show_it()
    {
        var run = new Run().Do(OpKind.KvPut, "b", 1, 2, "z").Do(OpKind.KvPut, "a", 1, 2, "old").Do(OpKind.KvGet, "a", 3, 4, "old")
            .Do(OpKind.KvPut, "a", 5, 6, "new").Do(OpKind.KvGet, "a", 7, 8, "old", by: "n1").Do(OpKind.KvPut, "a", 9, 10, "later");
        var finding = run.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Observed, Does.Contain("key 'a'").And.Contain("3 calls are enough"));
        Assert.That(finding.Evidence, Does.Contain("get a → 'old' by n1").And.Contain("put a = 'new'").And.Not.Contain("later"));
        Assert.That(finding.AtUs, Is.EqualTo(new long[] { 8_000 }));
    }

    [Test]
    public void A_lost_write_is_invalid() =>
        Assert.That(new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvGet, "a", 3, 4, null).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_write_without_an_answer_may_have_happened_late_or_never_but_not_before_its_call()
    {
        Run With(double readMs) => new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvPut, "a", 10, 0, "maybe", OpOutcome.Unknown)
            .Do(OpKind.KvGet, "a", readMs, readMs + 1, "maybe");
        Assert.That(With(50).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(With(50).Do(OpKind.KvGet, "a", 20, 21, "x").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(With(50).Do(OpKind.KvGet, "a", 60, 61, "x").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "seen, then gone");
        Assert.That(With(5).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "seen before it was called");
    }

    /// <summary>Swarm fleet 3430: one key, nine clients, a full disk; 35 writes without an answer made the search run out of memory.</summary>
    [Test]
    public void Writes_without_an_answer_that_nobody_saw_cost_nothing_and_hide_nothing()
    {
        Run With()
        {
            var run = new Run();
            for (var i = 0; i < 60; i++) run.Do(OpKind.KvPut, "a", 1 + (i * 0.01), 0, $"unseen {i}", OpOutcome.Unknown);
            for (var i = 0; i < 400; i++) run.Do(OpKind.KvPut, "a", 10 + i, 10.9 + i, $"v{i}").Do(OpKind.KvPut, "a", 10.1 + i, 10.8 + i, $"w{i}").Do(OpKind.KvGet, "a", 10.2 + i, 10.7 + i, $"v{i}");
            return run;
        }

        var small = new LinearizableKvCheck(new SearchLimits { Time = TimeSpan.FromSeconds(10), CacheWordsMax = 1 << 18 });
        Assert.That(With().Judge(small).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(With().Do(OpKind.KvGet, "a", 500, 501, "v7").Judge(small).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_write_that_nobody_saw_may_be_what_refused_a_comparison()
    {
        Run With(double calledMs) => new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvPut, "a", calledMs, 0, "unseen", OpOutcome.Unknown)
            .Do(OpKind.KvCas, "a", 10, 11, "y", OpOutcome.Ok, expected: "x", refused: true);
        Assert.That(With(5).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(With(20).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "it was called after the refusal");
    }

    [Test]
    public void A_write_that_certainly_failed_must_not_be_seen() =>
        Assert.That(
            new Run().Do(OpKind.KvPut, "a", 1, 2, "x", OpOutcome.Failed).Do(OpKind.KvGet, "a", 3, 4, "x").Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [TestCase(OpOutcome.Ok)]
    [TestCase(OpOutcome.Failed)]
    public void A_refused_compare_and_set_is_an_observation_however_it_is_filed(OpOutcome outcome)
    {
        var wronglyRefused = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvCas, "a", 3, 4, "y", outcome, expected: "x", refused: true);
        Assert.That(wronglyRefused.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        var rightlyRefused = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvCas, "a", 3, 4, "y", outcome, expected: "w", refused: true);
        Assert.That(rightlyRefused.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_refusal_for_a_value_that_was_written_twice_says_nothing_because_the_store_compares_indexes()
    {
        var run = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvPut, "a", 3, 4, "x")
            .Do(OpKind.KvCas, "a", 5, 6, "y", expected: "x", refused: true).Do(OpKind.KvGet, "a", 7, 8, "x");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void A_compare_and_set_that_succeeds_twice_is_invalid()
    {
        var run = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvCas, "a", 3, 9, "y", expected: "x").Do(OpKind.KvCas, "a", 3, 9, "z", expected: "x");
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void Without_an_observation_or_without_time_it_is_unknown()
    {
        Assert.That(new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        Assert.That(new Run().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));
        var run = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvGet, "a", 3, 4, "x");
        Assert.That(run.Judge(new LinearizableKvCheck(new SearchLimits { CacheWordsMax = 2 })).Verdict, Is.EqualTo(Verdict.Unknown));
    }
}
