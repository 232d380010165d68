using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;

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

        var wrong = PorcupineCorpus.Wrong();
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
        var flipped = PorcupineCorpus.Cases().Where(c => c.IsLinearizable && c.File.StartsWith("jepsen/", StringComparison.Ordinal)).Any(c =>
        {
            var lines = PorcupineCorpus.Text(c.File).Split('\n');
            var answered = lines.Where((line, i) => !line.Contains(":invoke", StringComparison.Ordinal) || IsAnswered(lines, i));
            return new HistoryJudge("cas", new SearchLimits()).Judge(string.Join('\n', answered), c.File).Verdict == Verdict.Invalid;
        });
        Assert.That(flipped, "else the corpus could not see a recorder that drops open calls");
    }

    [Test]
    public void For_every_illegal_log_of_the_corpus_a_part_is_shown_of_which_nothing_can_honestly_be_left_out()
    {
        foreach (var (file, _) in PorcupineCorpus.Cases().Where(c => !c.IsLinearizable && c.File.StartsWith("jepsen/", StringComparison.Ordinal)))
        {
            var calls = EtcdLog.Read(PorcupineCorpus.Text(file), file);
            var verdict = new HistoryJudge("cas", new SearchLimits()).Judge(PorcupineCorpus.Text(file), file);
            Assert.That(verdict.IsSmallestMinimal, file);
            Assert.That(verdict.Smallest, Has.Count.InRange(1, calls.Count), file);
        }
    }

    private static bool IsAnswered(string[] lines, int call)
    {
        var process = lines[call].Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries)[3];
        var next = lines.Skip(call + 1).FirstOrDefault(l => l.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(3) == process);
        return next is not null && !next.Contains(":info", StringComparison.Ordinal);
    }
}
