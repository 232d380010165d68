using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;

namespace Verify.Checks.Tests.Recorded;

[TestFixture]
internal sealed class HistoryJudgeTests
{
    private static IEnumerable<TestCaseData> HandWritten() =>
        from model in new[] { "register", "cas", "kv", "lock", "counter" }
        from verdict in new[] { Verdict.Valid, Verdict.Invalid, Verdict.Unknown }
        select new TestCaseData(model, verdict);

    [TestCaseSource(nameof(HandWritten))]
    public void A_history_written_by_hand_gets_its_verdict(string model, Verdict verdict)
    {
        var file = $"{model}-{NdjsonFile.Word(verdict)}.edn";
        var text = File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "testdata", "histories", file));
        var judged = new HistoryJudge(model, new SearchLimits()).Judge(text, file);
        TestContext.Out.WriteLine($"{text}\n{judged.Verdict}: {judged.Observed}\n{string.Join('\n', judged.Smallest)}");
        Assert.That(judged.Verdict, Is.EqualTo(verdict), judged.Observed);
        Assert.That(judged.Smallest, verdict == Verdict.Invalid ? Is.Not.Empty : Is.Empty);
        if (verdict == Verdict.Valid)
        {
            var starved = new HistoryJudge(model, new SearchLimits { CacheWordsMax = 2 }).Judge(text, file);
            Assert.That(starved.Verdict, Is.EqualTo(Verdict.Unknown), "a search without memory knows nothing");
        }
    }

    [Test]
    public void A_vector_with_tags_comments_and_a_nemesis_is_read_as_well()
    {
        const string Text = """
            ; jepsen
            [#jepsen.history.Op{:index 0, :time 1, :process :nemesis, :type :info, :f :start, :value ["n1" #{"n2"}]}
             {:process 0, :type :invoke, :f :write, :value 3, :time 5N} #_ {:dropped true}
             {:process 0, :type :ok, :f :write, :value 3, :error nil}
             {:process 1, :type :invoke, :f :read} {:process 1, :type :ok, :f :read, :value 4}]
            """;
        var judged = Judge(Text);
        Assert.That((judged.Verdict, judged.Calls, judged.Model), Is.EqualTo((Verdict.Invalid, 2, "cas")));
        Assert.That(judged.Smallest, Is.EqualTo(new[] { "line 5: process 1 read → 4" }));
    }

    [Test]
    public void Keys_of_jepsen_independent_are_judged_apart()
    {
        const string Text = """
            {:process 0, :type :invoke, :f :write, :value [7 1]} {:process 0, :type :ok, :f :write, :value [7 1]}
            {:process 1, :type :invoke, :f :read, :value [8 nil]} {:process 1, :type :ok, :f :read, :value [8 nil]}
            {:process 1, :type :invoke, :f :cas, :value [7 [1 2]]} {:process 1, :type :ok, :f :cas, :value [7 [1 2]]}
            """;
        var judged = Judge(Text);
        Assert.That((judged.Verdict, judged.Parts), Is.EqualTo((Verdict.Valid, 2)));
    }

    [Test]
    public void With_an_initial_value_a_read_of_it_is_valid_and_a_read_of_nil_says_nothing()
    {
        string Read(string value) => $"{{:process 1, :type :invoke, :f :read}} {{:process 1, :type :ok, :f :read, :value {value}}}";
        Assert.That(Judge(Read("0"), initial: "0").Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Judge(Read("0")).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Judge(Read("nil"), initial: "0").Verdict, Is.EqualTo(Verdict.Unknown));
    }

    [Test]
    public void An_etcd_log_may_have_tabs_or_blanks_noise_and_reads_that_timed_out()
    {
        const string Text = """
            INFO  jepsen.core - Setting up
            INFO  jepsen.util - 0	:invoke	:write	1
            INFO jepsen.util -  1   :invoke   :read   nil
            INFO  jepsen.util - :nemesis	:info	:start	nil
            INFO  jepsen.util - 1	:fail	:read	:timed-out
            INFO  jepsen.util - 0	:info	:write	:timed-out
            INFO  jepsen.util - 2	:invoke	:cas	[1 2]
            INFO  jepsen.util - 2	:fail	:cas	[1 2]
            INFO  jepsen.util - 3	:invoke	:read	nil
            INFO  jepsen.util - 3	:ok	:read	1
            """;
        var judged = Judge(Text);
        Assert.That((judged.Verdict, judged.Calls, judged.OpenCalls), Is.EqualTo((Verdict.Valid, 4, 1)));
        Assert.That(Judge(Text + "\nINFO  jepsen.util - 2\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 2\t:fail\t:cas\t[1 2]").Verdict, Is.EqualTo(Verdict.Invalid), "a refusal is an observation");
    }

    [Test]
    public void A_log_without_a_call_is_unknown() =>
        Assert.That(Judge("INFO  jepsen.core - etcd cluster failed to start\n").Verdict, Is.EqualTo(Verdict.Unknown));

    [TestCase("cas", "{:process 0, :type :invoke, :f :append, :key \"a\", :value \"x\"}", "line 1: ':append' is no call of the model 'cas'")]
    [TestCase("auto", "\n{:process 0, :type :ok, :f :read, :value 1}", "line 2: process 0 has no call that could end here")]
    [TestCase("auto", "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :invoke, :f :read}", "line 2: process 0 calls although its call on line 1 has no answer")]
    [TestCase("auto", "{:process 0, :type :invoke, :f :cas, :value 3}{:process 0, :type :ok, :f :cas, :value 3}", "line 1: ':cas' needs [from to], and not 3")]
    [TestCase("auto", "{:process 0, :f :read}", "line 1: ':type' is missing")]
    [TestCase("auto", "{:process 0,\n :type :invoke, :f", "line 1: a map needs a value for every key|the file ends inside")]
    [TestCase("auto", "INFO  jepsen.util - 4\t:invoke\t:swap\t3", "line 1: 'INFO  jepsen.util - 4\t:invoke\t:swap\t3' is not understood")]
    [TestCase("auto", "hello", "line 1: this is no history")]
    [TestCase("lock", "{\"id\":1}", "line 1: history.ndjson holds KV operations; judge it with --model kv")]
    public void What_cannot_be_read_is_refused_with_its_line_and_the_remedy(string model, string text, string expected)
    {
        var refusal = Assert.Throws<RunFileException>(() => new HistoryJudge(model, new SearchLimits()).Judge(text, "h"));
        Assert.That(expected.Split('|').Any(e => refusal!.Message.Contains(e, StringComparison.Ordinal)), refusal!.Message);
    }

    [Test]
    public void Our_own_history_is_judged_as_in_a_run()
    {
        var run = new Run().Do(OpKind.KvPut, "a", 1, 2, "x").Do(OpKind.KvPut, "a", 3, 4, "y").Do(OpKind.KvGet, "a", 5, 6, "x");
        var text = new StringWriter();
        HistoryFile.Write(text, run.Facts().History);
        var judged = Judge(text.ToString());
        Assert.That((judged.Verdict, judged.Format, judged.Smallest.Count, judged.IsSmallestMinimal), Is.EqualTo((Verdict.Invalid, "history.ndjson", 3, true)));
    }

    [Test]
    public void Fifty_clients_that_append_to_ten_keys_are_judged_in_time_valid_or_not()
    {
        var honest = AppendLog(seed: 3, wrong: false);
        Assert.That(Judge(honest, seconds: 20).Verdict, Is.EqualTo(Verdict.Valid));
        var judged = Judge(AppendLog(seed: 3, wrong: true), seconds: 20);
        Assert.That(judged.Verdict, Is.EqualTo(Verdict.Invalid));
        TestContext.Out.WriteLine($"{judged.Observed}\n{string.Join('\n', judged.Smallest)}");
    }

    private static HistoryVerdict Judge(string text, string initial = "nil", double seconds = 10) =>
        new HistoryJudge("auto", new SearchLimits { Time = TimeSpan.FromSeconds(seconds) }, initial).Judge(text, "h");

    /// <summary>Fifty clients all the time inside a call, in the shape of Porcupine's c50 files; the wrong one loses an append.</summary>
    private static string AppendLog(int seed, bool wrong)
    {
        var dice = new Random(seed);
        var lines = new List<string>();
        var store = Enumerable.Repeat("", 10).ToArray();
        var open = new (string F, int Key, string Value, string Answer, bool IsDone)?[50];
        for (var n = 0; n < 6_000; n++)
        {
            var p = dice.Next(50);
            if (open[p] is null)
            {
                var (f, key) = (dice.Next(20) switch { 0 => "put", < 10 => "append", _ => "get" }, dice.Next(10));
                open[p] = (f, key, f == "get" ? "" : $"x {p} {n} y", "", false);
                lines.Add($"{{:process {p}, :type :invoke, :f :{f}, :key \"{key}\", :value {(f == "get" ? "nil" : $"\"{open[p]!.Value.Value}\"")}}}");
                continue;
            }

            var call = open[p]!.Value;
            if (!call.IsDone)
            {
                var isLost = wrong && n is > 3_000 and < 3_050 && call.F == "append";
                store[call.Key] = call.F == "put" ? call.Value : call.F == "append" && !isLost ? store[call.Key] + call.Value : store[call.Key];
                open[p] = call with { Answer = call.F == "get" ? store[call.Key] : call.Value, IsDone = true };
            }
            else
            {
                lines.Add($"{{:process {p}, :type :ok, :f :{call.F}, :key \"{call.Key}\", :value \"{call.Answer}\"}}");
                open[p] = null;
            }
        }

        return string.Join('\n', lines);
    }
}
