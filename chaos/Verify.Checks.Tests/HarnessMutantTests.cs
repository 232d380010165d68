#if VERIFY_MUTANTS
using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;
using Verify.Checks.Tests.Linearizability;
using Verify.Raft;

namespace Verify.Checks.Tests;

/// <summary>Bugs planted in the checks themselves, in the test build: the corpus and the hand-written histories see them.</summary>
[TestFixture, NonParallelizable]
internal sealed class HarnessMutantTests
{
    private const string WriteThatNobodyAnswered = "{:process 0, :type :invoke, :f :write, :value 1}{:process 0, :type :info, :f :write, :value 1}{:process 1, :type :invoke, :f :read}{:process 1, :type :ok, :f :read, :value 1}";

    [TearDown]
    public void Disarm() => Mutant.Armed = null;

    [Test]
    public void T2_a_checker_that_says_valid_when_time_or_memory_is_out_is_seen()
    {
        Verdict Starved() => new HistoryJudge("cas", new SearchLimits { CacheWordsMax = 2 }).Judge(WriteThatNobodyAnswered, "h").Verdict;
        Assert.That(Starved(), Is.EqualTo(Verdict.Unknown));
        Mutant.Armed = "T2";
        Assert.That((Starved(), Mutant.Hits > 0), Is.EqualTo((Verdict.Valid, true)));
    }

    [Test]
    public void T5_a_recorder_that_drops_what_nobody_answered_is_seen()
    {
        Verdict Judged() => new HistoryJudge("cas", new SearchLimits()).Judge(WriteThatNobodyAnswered, "h").Verdict;
        Assert.That(Judged(), Is.EqualTo(Verdict.Valid));
        Mutant.Armed = "T5";
        Assert.That((Judged(), Mutant.Hits > 0), Is.EqualTo((Verdict.Invalid, true)));
    }

    [Test]
    public void T5_flips_verdicts_of_the_corpus()
    {
        Assert.That(PorcupineCorpus.Wrong(), Is.Empty);
        Mutant.Armed = "T5";
        var wrong = PorcupineCorpus.Wrong();
        TestContext.Out.WriteLine($"{wrong.Length} flipped: {string.Join(", ", wrong)}");
        Assert.That(wrong, Is.Not.Empty);
    }
}
#endif
