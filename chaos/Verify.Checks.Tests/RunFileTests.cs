using FsCheck;
using FsCheck.Fluent;

namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class RunFileTests
{
    [Test]
    public void A_history_reads_back_as_it_was_written()
    {
        var facts = new Run().Do(OpKind.KvPut, "clé \"1\"", 1, 2, "x\ny").Do(OpKind.KvGet, "a", 3, 4, null)
            .Do(OpKind.KvCas, "a", 5, 6, "y", expected: "x", refused: true).Do(OpKind.KvCas, "a", 5, 6, "y", OpOutcome.Unknown)
            .Insert(7, 8, "db1").FinalPrimary("db2").FinalRows("db2", "row4", "row1").FinalRows("db1").Facts();
        var read = Read(Write(facts.History));
        Assert.That(read.Ops, Is.EqualTo(facts.History.Ops));
        Assert.That(read.FinalPrimary, Is.EqualTo("db2"));
        Assert.That(read.FinalRows.Keys, Is.EqualTo(new[] { "db1", "db2" }));
        Assert.That(read.FinalRows["db2"], Is.EquivalentTo(new[] { "row1", "row4" }));
        Assert.That(Write(read), Is.EqualTo(Write(facts.History)));
    }

    [Test]
    public void The_line_of_an_operation_is_stable()
    {
        var history = new Run().Do(OpKind.KvCas, "a", 5, 6, "y", expected: "x", by: "n2").Do(OpKind.KvGet, "a", 7, 0, null, OpOutcome.Unknown, by: "").Facts().History;
        Assert.That(Write(history).Split('\n'), Is.EqualTo(new[]
        {
            """{"id":0,"client":0,"dataCenter":"east","kind":"kvCas","key":"a","value":"y","expected":"x","outcome":"ok","calledUs":5000,"returnedUs":6000,"by":"n2"}""",
            """{"id":1,"client":0,"dataCenter":"east","kind":"kvGet","key":"a","outcome":"unknown","calledUs":7000}""",
            """{"final":{"rows":{}}}""",
            "",
        }));
    }

    [FsCheck.NUnit.Property]
    public Property Any_operation_survives_the_file() =>
        Prop.ForAll(Ops().ToArbitrary(), op => Read(Write(new History([op]))).Ops[0] == op);

    [TestCase("""{"id":1}""", "line 2: 'client' is missing")]
    [TestCase("""{"id":1,"colour":"red"}""", "line 2: 'colour' is not known here")]
    [TestCase("not json", "line 2: ")]
    [TestCase("""{"id":1,"client":1,"dataCenter":"e","kind":"kvGrab","key":"k","outcome":"ok","calledUs":1}""", "line 2: 'kvGrab' is not a value of 'kind'; allowed are kvPut, kvGet, kvCas, kvDelete, sqlInsert")]
    [TestCase("""{"id":1,"client":1,"dataCenter":"e","kind":"kvGet","key":"k","outcome":"ok","calledUs":9,"returnedUs":3}""", "line 2: operation 1 returned at 3 µs, before it was called at 9 µs")]
    [TestCase("""{"id":1,"client":99999999999,"dataCenter":"e","kind":"kvGet","key":"k","outcome":"ok","calledUs":9}""", "line 2: ")]
    public void A_bad_line_is_named(string line, string message)
    {
        var good = Write(new Run().Do(OpKind.KvGet, "a", 3, 4, null).Facts().History).Split('\n')[0];
        var wrong = Assert.Throws<RunFileException>(() => Read($"{good}\n{line}\n"))!;
        Assert.That(wrong.Line, Is.EqualTo(2));
        Assert.That(wrong.Message, Does.StartWith("history.ndjson, ").And.Contain(message));
    }

    [Test]
    public void Events_read_back_as_they_were_written_with_sorted_fields()
    {
        var events = new Run().At(1, EventKinds.Applied, "n1", ("term", 1), ("index", 2), ("hash", ulong.MaxValue)).Phase("healed", 2)
            .At(3, EventKinds.NodeUp, "n2").Facts().Events;
        using var text = new StringWriter();
        EventsFile.Write(text, events);
        Assert.That(text.ToString().Split('\n')[0], Is.EqualTo(
            """{"atUs":1000,"step":0,"kind":"applied","subject":"n1","dataCenter":"east","fields":{"hash":"18446744073709551615","index":"2","term":"1"}}"""));
        var read = EventsFile.Read(new StringReader(text.ToString()));
        Assert.That(read.Select(e => (e.AtUs, e.Step, e.Kind, e.Subject, e.DataCenter)), Is.EqualTo(events.Select(e => (e.AtUs, e.Step, e.Kind, e.Subject, e.DataCenter))));
        Assert.That(read.Select(e => e.Fields), Is.EqualTo(events.Select(e => e.Fields)));
        Assert.That(() => EventsFile.Read(new StringReader("{}")), Throws.TypeOf<RunFileException>().With.Message.Contains("line 1: 'atUs' is missing"));
    }

    private static string Write(History history)
    {
        using var text = new StringWriter();
        HistoryFile.Write(text, history);
        return text.ToString();
    }

    private static History Read(string text) => HistoryFile.Read(new StringReader(text));

    private static Gen<Op> Ops() =>
        from numbers in Gen.Choose(0, 1_000_000).ArrayOf(8)
        from texts in ArbMap.Default.GeneratorFor<NonNull<string>>().Where(t => t.Get.All(c => !char.IsSurrogate(c))).ArrayOf(6)
        select new Op
        {
            Id = numbers[0], Client = numbers[1], DataCenter = texts[0].Get, Key = texts[1].Get, By = texts[2].Get, Error = texts[3].Get,
            Value = numbers[2] % 3 == 0 ? null : texts[4].Get, Expected = numbers[3] % 3 == 0 ? null : texts[5].Get,
            Kind = (OpKind)(numbers[4] % 5), Outcome = (OpOutcome)(numbers[5] % 3), CalledUs = numbers[6],
            ReturnedUs = numbers[7] % 4 == 0 ? long.MaxValue : numbers[6] + numbers[7], CasRefused = numbers[7] % 2 == 1,
        };
}
