using Verify.Chaos.Commands;
using Verify.Chaos.Output;
using Verify.Chaos.Traces;
using Verify.Checks;
using Verify.Sim;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Traces;

/// <summary>Traces of whole runs: written, read, replayed, compared.</summary>
public sealed class RecordedTraceTests
{
    private static readonly Lazy<RecordedTrace> Seed3 = new(() => Target(3).Playable.Play(new() { Records = true }).Trace!);
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = ChaosProgram.NewFolder("trace");

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void What_is_written_is_read_again_to_the_last_choice()
    {
        var trace = Seed3.Value;
        var file = Path.Combine(_folder, TraceFile.Name);
        TraceFile.Write(file, trace);
        var read = TraceFile.Read(_folder);
        Assert.That(read.Header with { Options = null, Timing = null }, Is.EqualTo(trace.Header with { Options = null, Timing = null }));
        Assert.That(read.Header.Options, Is.EqualTo(trace.Header.Options));
        Assert.That(read.Header.Timing, Is.EqualTo(trace.Header.Timing));
        Assert.That(read.Events, Is.EqualTo(trace.Events));
        Assert.That(read.Bytes, Is.EqualTo(trace.Bytes));
        Assert.That(read.Choices.Select(c => c with { Micros = 0 }), Is.EqualTo(trace.Choices.Select(c => c with { Micros = 0 })));
        Assert.That(read.Sayings.Select(TraceText.Line), Is.EqualTo(trace.Sayings.Select(TraceText.Line)));
        Assert.That(trace.Events.Count, Is.GreaterThan(10_000));
        Assert.That(TraceDifference.Of(trace, read), Is.Null);
    }

    [Test]
    public void Every_arrival_is_caused_by_a_step_of_its_sender_or_of_the_network()
    {
        var trace = Seed3.Value;
        var arrivals = trace.Events.Where(e => e.Name.EndsWith(" data", StringComparison.Ordinal)).ToArray();
        Assert.That(arrivals, Is.Not.Empty);
        Assert.That(arrivals.All(e => e.Cause > 0 && e.Cause < e.Step), Is.True);
        var bySender = arrivals.Count(e => trace.EventOf(e.Cause)!.Value.Actor == e.Name.Split(' ')[2]);
        Assert.That(bySender, Is.GreaterThan(arrivals.Length * 9 / 10), "the others were cut, or wait behind what was sent before");
    }

    [Test]
    public void A_trace_is_replayed_by_the_names_of_its_choices_as_the_same_run()
    {
        var target = PlayTarget.OfTrace(Seed3.Value);
        var named = new NamedReplay(Seed3.Value.Choices, seed: 999);
        var played = target.Playable.Play(new() { Named = named });
        Assert.That((played.Hash, named.Departure, named.LeftOver), Is.EqualTo((Seed3.Value.Header.TraceHash, (ReplayDeparture?)null, 0)));
    }

    [Test]
    public void A_failure_is_replayed_though_the_code_draws_something_more_than_it_did()
    {
        var recorded = PlayTarget.Of("dc-fencing", 1, "", "random", fencingOff: true).Playable.Play(new() { Records = true });
        Assert.That(recorded.Verdict, Is.EqualTo(Verdict.Invalid));
        var trace = recorded.Trace!;
        var play = (ScenarioPlay)PlayTarget.OfTrace(trace).Playable;
        var named = new NamedReplay(trace.Choices, trace.Header.Seed);
        // "Unrelated code" has changed: a choice more at the beginning.
        var changed = play with { Options = play.Options with { Begun = world => world.AtStep(50, () => world.Choices.Next(ChoiceKind.Value, 77)), Named = () => named } };
        var run = Verify.Chaos.Simulated.SimulatedRun.Play(changed.Scenario, changed.Seed, changed.Options);
        Assert.That(run.Findings.Where(f => f.Verdict == Verdict.Invalid).Select(f => f.Check), Does.Contain(trace.Header.Check));
        Assert.That((named.Missing, named.LeftOver), Is.EqualTo((1, 0)), named.Summary);
        Assert.That(named.Departure!.ToString(), Does.Contain("asked for Value of 77"));
    }

    [Test]
    public void Two_runs_differ_first_in_something_that_is_said_in_words()
    {
        var other = Target(4).Playable.Play(new() { Records = true }).Trace!;
        var difference = TraceDifference.Of(Seed3.Value, other)!;
        Assert.That(difference.Words, Does.StartWith("They first differ in ").And.Contain("Before, in both:").And.Contain("From there, first:").And.Contain("From there, second:"));
        var late = Seed3.Value with { Events = [.. Seed3.Value.Events.Take(500), Seed3.Value.Events[500] with { Name = "n1 timer", Actor = "n1" }, .. Seed3.Value.Events.Skip(501)], Choices = [], Bytes = [] };
        var planted = TraceDifference.Of(Seed3.Value, late)!;
        Assert.That((planted.Step, planted.Words.Split('\n')[0]), Is.EqualTo((501L, planted.Words.Split('\n')[0])));
        Assert.That(planted.Words, Does.Contain("first differ in step 501").Or.Contain("sent or wrote in step"));
    }

    [TestCase("", "is empty")]
    [TestCase("{\"format\":\"other\"}", "no trace of verify-chaos")]
    [TestCase("{\"format\":\"verify-trace\",\"version\":9}", "version 9")]
    [TestCase("{\"format\":\"verify-trace\",\"version\":1,\"program\":\"p\",\"commit\":\"c\",\"world\":\"scenario\",\"played\":\"x\",\"seed\":1}", "cut off")]
    public void A_file_that_is_no_whole_trace_is_refused_with_its_line(string text, string why)
    {
        File.WriteAllText(Path.Combine(_folder, TraceFile.Name), text);
        Assert.That(() => TraceFile.Read(_folder), Throws.TypeOf<HarnessFolderException>().With.Message.Contains(why));
    }

    [Test]
    public void A_cluster_schedule_leaves_a_trace_that_plays_it_again()
    {
        var recorded = PlayTarget.Of("cluster", 11, "", "random", fencingOff: false).Playable.Play(new() { Records = true });
        TraceFile.Write(Path.Combine(_folder, TraceFile.Name), recorded.Trace!);
        var read = TraceFile.Read(_folder);
        var whole = (ClusterPlay)PlayTarget.OfTrace(read).Playable;
        var drawn = whole with { Schedule = whole.Schedule with { Deeds = null, Clients = null } };
        Assert.That(drawn.Play(new()).Hash, Is.EqualTo(recorded.Hash), "the seed, as it is drawn");
        Assert.That(whole.Play(new() { Named = new(read.Choices, read.Header.Seed) }).Hash, Is.EqualTo(recorded.Hash), "the list of deeds, with the choices by their names");
        Assert.That(whole.Schedule.Deeds, Is.Not.Empty);
    }

    private static PlayTarget Target(ulong seed) => PlayTarget.Of("leader-kill", seed, "", "random", fencingOff: false);
}
