using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>A schedule of the swarm, written down as a list of deeds.</summary>
public sealed class SwarmScheduleTests
{
    [TestCase(SwarmStrategy.Random)]
    [TestCase(SwarmStrategy.Storm)]
    [TestCase(SwarmStrategy.Priorities)]
    [TestCase(SwarmStrategy.Takeover)]
    public void A_written_schedule_is_the_schedule_of_its_seed_to_the_last_event(SwarmStrategy shape)
    {
        for (var seed = 1UL; seed <= 100; seed++)
        {
            var drawn = RaftSwarm.Run(seed, strategy: shape);
            var (recorded, schedule) = RaftSwarm.Record(seed, shape, _ => new SwarmWatch());
            var played = RaftSwarm.Play(schedule, new SwarmWatch());
            Assert.That(recorded.TraceHash, Is.EqualTo(drawn.TraceHash), $"seed {seed}: writing it down must not change it");
            Assert.That(played.TraceHash, Is.EqualTo(drawn.TraceHash), $"seed {seed}: played from the list");
        }
    }

    [Test]
    public void What_a_strategy_picked_is_written_down_too()
    {
        for (var seed = 1UL; seed <= 50; seed++)
        {
            SwarmWatch Watch(IChoiceSource choices) => new() { Actors = new RandomActors(choices) };
            var drawn = RaftSwarm.Run(seed, null, Watch);
            var (recorded, schedule) = RaftSwarm.Record(seed, null, Watch);
            Assert.That(recorded.TraceHash, Is.EqualTo(drawn.TraceHash), $"seed {seed}");
            Assert.That(RaftSwarm.Play(schedule, new SwarmWatch(), hasActors: true).TraceHash, Is.EqualTo(drawn.TraceHash), $"seed {seed}");
        }
    }

    [Test]
    public void A_schedule_without_some_of_its_deeds_is_played_and_keeps_every_promise()
    {
        for (var seed = 1UL; seed <= 100; seed++)
        {
            var schedule = RaftSwarm.Record(seed, null, _ => new SwarmWatch()).Schedule;
            var half = schedule with { Deeds = [.. schedule.Deeds.Where((_, i) => i % 2 == 0)] };
            var played = RaftSwarm.Play(half, new SwarmWatch());
            // Liveness is promised when all deeds of the ending are there; safety always.
            if (played.Violation is { Promise: not "Live" } violation) Assert.Fail($"seed {seed}: {violation}");
        }
    }
}
