using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

[TestFixture]
internal sealed class PorcupineCorpusTests
{
    [Test]
    public void Every_history_of_the_corpus_gets_the_verdict_that_is_known_for_it()
    {
        var cases = PorcupineCorpus.Cases();
        Assert.That(cases, Has.Count.GreaterThanOrEqualTo(50));
        Assert.That(cases.Count(c => c.IsLinearizable), Is.GreaterThan(5).And.LessThan(cases.Count - 5), "both verdicts occur");

        var wrong = cases.Where(c => PorcupineCorpus.Judge(c.File, new SearchLimits()) != (c.IsLinearizable ? Verdict.Valid : Verdict.Invalid))
            .Select(c => c.File).ToArray();
        Assert.That(wrong, Is.Empty);
    }

    [Test, Category("Speed")]
    public void The_whole_corpus_is_judged_in_less_than_two_seconds()
    {
        var cases = PorcupineCorpus.Cases();
        PorcupineCorpus.Judge(cases[0].File, new SearchLimits()); // compiles the code
        var took = CpuTime.Of(() =>
        {
            foreach (var (file, _) in cases)
            {
                PorcupineCorpus.Judge(file, new SearchLimits());
            }
        });
        TestContext.Out.WriteLine($"{cases.Count} histories in {took.TotalMilliseconds:0} ms");
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public void A_search_without_time_says_unknown_and_never_valid()
    {
        var verdicts = PorcupineCorpus.Cases().Where(c => c.IsLinearizable)
            .Select(c => PorcupineCorpus.Judge(c.File, new SearchLimits { CacheWordsMax = 20 })).Distinct();
        Assert.That(verdicts, Is.EqualTo(new[] { Verdict.Unknown }));
    }

    [Test]
    public void Forgetting_the_calls_that_nobody_answered_flips_a_known_verdict()
    {
        var limits = new SearchLimits();
        var flipped = PorcupineCorpus.Cases().Where(c => c.IsLinearizable && c.File.StartsWith("jepsen/", StringComparison.Ordinal)).Any(c =>
        {
            var calls = PorcupineCorpus.Etcd(File.ReadAllLines(Path.Combine(SharedData.Folder("porcupine"), c.File)));
            var answered = calls.Where(call => !call.IsOptional).ToList();
            return new PartitionedSearch<int, RegisterCall>(new RegisterModel(), limits).Judge([new("register", answered)]).Verdict == Verdict.Invalid;
        });
        Assert.That(flipped, "else the corpus could not see a recorder that drops open calls");
    }
}
