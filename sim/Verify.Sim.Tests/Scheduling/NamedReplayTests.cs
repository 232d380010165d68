using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Sim.Tests.Scheduling;

/// <summary>Recorded choices, found again by their names: also after unrelated code has changed.</summary>
public sealed class NamedReplayTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Test]
    public void A_world_that_is_recorded_is_the_same_world()
    {
        var plain = Race(42, new DiceChoices(42), named: null);
        var recorded = Race(42, new DiceChoices(42), new ChoiceRecording());
        Assert.That(recorded, Is.EqualTo(plain));
    }

    [Test]
    public void Recorded_choices_give_the_same_run_whatever_the_seed_draws()
    {
        var recording = new ChoiceRecording();
        var recorded = Race(42, new DiceChoices(42), recording);
        var replay = new NamedReplay(recording.Choices, seed: 42);
        var replayed = Race(42, new DiceChoices(4711), replay);
        Assert.That(replayed, Is.EqualTo(recorded));
        Assert.That((replay.Departure, replay.Missing, replay.LeftOver), Is.EqualTo(((ReplayDeparture?)null, 0, 0)));
    }

    [Test]
    public void An_additional_choice_somewhere_else_moves_every_draw_of_the_seed_and_none_of_the_replay()
    {
        var recording = new ChoiceRecording();
        var recorded = Race(42, new DiceChoices(42), recording);
        // The code has changed: the harness draws something at the beginning, which nobody drew when the run was recorded.
        var moved = Race(42, new DiceChoices(42), named: null, additional: 3);
        Assert.That(moved.Order, Is.Not.EqualTo(recorded.Order), "otherwise this shows nothing");
        var replay = new NamedReplay(recording.Choices, seed: 42);
        var replayed = Race(42, new DiceChoices(42), replay, additional: 3);
        Assert.That(replayed.Order, Is.EqualTo(recorded.Order), "the same failure again");
        Assert.That((replay.Missing, replay.LeftOver), Is.EqualTo((3, 0)), replay.Summary);
        Assert.That(replay.Departure!.ToString(), Does.Contain("departs at choice").And.Contain("asked for Value of 1000 for 'harness main' in an event of harness, number 0").And.Contain("recorded  "));
    }

    [Test]
    public void A_replay_in_order_stops_where_the_one_by_names_goes_on()
    {
        var source = new RecordingChoices(new DiceChoices(42));
        Race(42, source, named: null);
        var departure = Assert.Throws<SimWorldException>(() => Race(42, new ReplayedChoices(source.Recorded), named: null, additional: 3))!;
        Assert.That(departure.InnerException, Is.InstanceOf<ReplayDepartureException>());
    }

    [Test]
    public void A_record_that_ends_early_is_told_and_goes_on_with_draws_of_the_seed()
    {
        var recording = new ChoiceRecording();
        Race(42, new DiceChoices(42), recording);
        var replay = new NamedReplay([.. recording.Choices.Take(recording.Choices.Count / 2)], seed: 42);
        var once = Race(42, new DiceChoices(1), replay);
        Assert.That(replay.Departure!.ToString(), Does.Contain("(the record ends here)"));
        Assert.That(replay.Missing, Is.Positive);
        Assert.That(Race(42, new DiceChoices(2), new NamedReplay([.. recording.Choices.Take(recording.Choices.Count / 2)], seed: 42)), Is.EqualTo(once), "what is missing follows from the seed and the name alone");
    }

    [Test]
    public void Each_event_knows_the_step_that_asked_for_it()
    {
        using var world = SimWorld.FromSeed(7, new SimOptions { KeepWholeTrace = true });
        var (asking, answering) = (0L, 0L);
        var host = world.AddHost("a", "east");
        world.Start();
        world.Run(
            async () =>
            {
                asking = world.Step;
                await host.CallAsync(() =>
                {
                    answering = world.Step;
                    return ValueTask.FromResult(1);
                });
                await Task.Delay(TimeSpan.FromMilliseconds(5), world.WorldTime);
            },
            Limit);
        var events = world.Trace.Lines.Where(l => l.Kind == TraceKind.Event).ToArray();
        var call = events.Single(e => e.What == "a call");
        var answer = events.Single(e => e.What == "harness answer");
        var timer = events.Single(e => e.What == "harness timer");
        Assert.That((call.Actor, call.Cause, call.Step), Is.EqualTo(("a", asking, answering)));
        Assert.That((answer.Actor, answer.Cause), Is.EqualTo(("harness", answering)));
        Assert.That(timer.Cause, Is.EqualTo(answer.Step), "the answer's event armed it");
        Assert.That(events[0].Cause, Is.Zero, "nobody inside the world asked for the story");
    }

    [Test]
    public void A_watched_step_is_announced_just_before_it_happens()
    {
        using var world = SimWorld.FromSeed(7);
        var seen = -1L;
        world.AtStep(20, () => seen = world.Step);
        world.Run(
            async () =>
            {
                for (var i = 0; i < 40; i++) await world.Turn();
            },
            Limit);
        Assert.That(seen, Is.EqualTo(19));
    }

    /// <summary>Three hosts whose timers fall due together, again and again: who comes first is drawn, and so is how late a timer is.</summary>
    private static (string Order, ulong Hash) Race(ulong seed, IChoiceSource choices, INamedChoices? named, int additional = 0)
    {
        const int Rounds = 30;
        var order = new System.Text.StringBuilder();
        using var world = new SimWorld(new SimOptions { TimerLatenessMax = TimeSpan.FromMicroseconds(10), SimultaneousWithin = TimeSpan.FromMicroseconds(30) }, choices, new RandomActors(choices), named);
        foreach (var name in new[] { "a", "b", "c" })
        {
            world.AddHost(name, "east", async host =>
            {
                for (var i = 0; i < Rounds; i++)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(10), host.Seam.Time);
                    order.Append(host.Name);
                }
            });
        }

        world.Start();
        world.Run(
            async () =>
            {
                for (var i = 0; i < additional; i++) world.Choices.Next(ChoiceKind.Value, 1_000);
                await Task.Delay(TimeSpan.FromSeconds(1), world.WorldTime);
            },
            Limit);
        Assert.That(order.Length, Is.EqualTo(3 * Rounds), $"seed {seed}");
        return (order.ToString(), world.Trace.Hash);
    }
}
