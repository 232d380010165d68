using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>The Raft swarm under the strategies, and guided by what its schedules showed.</summary>
public sealed class RaftStrategyTests
{
    private static string[] Names() => [.. Strategies.Names];

    private static RaftSwarmResult Play(string strategy, ulong seed) =>
        RaftSwarm.Run(seed, null, choices => new SwarmWatch { Actors = Strategies.Parse(strategy)(choices) });

    [TestCaseSource(nameof(Names))]
    public void The_core_keeps_every_promise_and_gets_work_done(string strategy)
    {
        var (elections, commits) = (0, 0);
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var result = Play(strategy, seed);
            Assert.That(result.IsClean, Is.True, $"seed {seed}: {result.Violation}");
            if (seed <= 10) Assert.That(Play(strategy, seed).TraceHash, Is.EqualTo(result.TraceHash), $"seed {seed}");
            elections += result.Elections;
            commits += result.Commits;
        }

        Assert.That((elections > 60, commits > 60), Is.EqualTo((true, true)), $"{elections} elections, {commits} commits");
    }

    [Test]
    public void A_recorded_schedule_replays_without_its_strategy_to_the_last_choice()
    {
        for (var seed = 1UL; seed <= 30; seed++)
        {
            var dice = new DiceChoices(seed);
            var record = new RecordingChoices(dice);
            var first = RaftSwarm.Run(RaftSwarmOptions.Draw(record), record, new SwarmWatch { Actors = new RecordedPicks(Strategies.Parse("prioritization:3")(dice), record) });
            var replay = new ReplayedChoices(record.Recorded);
            var second = RaftSwarm.Run(RaftSwarmOptions.Draw(replay), replay, new SwarmWatch { Actors = new RandomActors(replay) });
            Assert.That(second.TraceHash, Is.EqualTo(first.TraceHash), $"seed {seed}");
            replay.AssertConsumed();
        }
    }

    [Test]
    public void Looking_on_changes_nothing()
    {
        for (var seed = 1UL; seed <= 30; seed++)
        {
            var watched = RaftSwarm.Run(seed, null, _ => new SwarmWatch { Timeline = new Timeline(new PatternSet()) });
            Assert.That(watched.TraceHash, Is.EqualTo(RaftSwarm.Run(seed).TraceHash), $"seed {seed}");
        }
    }

    [Test]
    public void A_guided_session_is_the_same_twice_keeps_what_is_new_and_mutates_it()
    {
        static (ulong Hash, Feedback Feedback) Session()
        {
            var feedback = new Feedback([Strategy.Parse("fifo"), Strategy.Parse("pos")]);
            var hash = 0UL;
            for (var seed = 0UL; seed < 200; seed++)
            {
                hash = (hash * 31) ^ feedback.Play(seed, (choices, actors, timeline) =>
                    RaftSwarm.Run(RaftSwarmOptions.Draw(choices), choices, new SwarmWatch { Actors = actors, Timeline = timeline })).TraceHash;
            }

            return (hash, feedback);
        }

        var (first, feedback) = Session();
        Assert.That(Session().Hash, Is.EqualTo(first));
        Assert.That(feedback.KeptCount, Is.GreaterThan(20));
        Assert.That(feedback.Mutations, Is.InRange(80, 190));
        Assert.That(feedback.Seen.Count, Is.GreaterThan(1_000));
    }

    [Test]
    public void A_mutation_keeps_the_beginning_and_draws_the_rest()
    {
        var parent = Enumerable.Range(0, 100).Select(i => new Choice(ChoiceKind.Value, 1_000, i)).ToArray();
        var source = new MutatedChoices(parent, new Verify.Node.Seam.Dice(5), kept: 60, changes: 0);
        var values = Enumerable.Range(0, 100).Select(_ => source.Next(ChoiceKind.Value, 1_000)).ToArray();
        Assert.That(values[..60], Is.EqualTo(Enumerable.Range(0, 60)));
        Assert.That(values[60..], Is.Not.EqualTo(Enumerable.Range(60, 40)));

        source = new MutatedChoices(parent, new Verify.Node.Seam.Dice(5), kept: 100, changes: 3);
        var changed = Enumerable.Range(0, 100).Count(i => source.Next(ChoiceKind.Value, 1_000) != i);
        Assert.That(changed, Is.InRange(1, 3));
    }

    [Test]
    public void Sets_of_patterns_join_and_travel_as_text()
    {
        var (one, other) = (new PatternSet(), new PatternSet());
        for (var i = 0UL; i < 100; i++) one.Add(i * 7919);
        for (var i = 50UL; i < 150; i++) other.Add(i * 7919);
        one.Join(PatternSet.FromText(other.ToText()));
        Assert.That(one.Count, Is.EqualTo(150));
        Assert.That(() => PatternSet.FromText("AAAA"), Throws.TypeOf<FormatException>());
    }
}
