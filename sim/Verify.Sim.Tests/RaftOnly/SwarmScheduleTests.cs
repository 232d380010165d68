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

    [TestCase(SwarmStrategy.Random)]
    [TestCase(SwarmStrategy.Storm)]
    [TestCase(SwarmStrategy.Priorities)]
    public void A_schedule_that_names_its_messages_mostly_elects_and_commits_as_the_one_it_was_made_of_and_keeps_every_promise(SwarmStrategy shape)
    {
        var alike = 0;
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var schedule = RaftSwarm.Record(seed, shape, _ => new SwarmWatch()).Schedule;
            // The ending is left out: what is under way then arrives in the one and is lost in the other.
            schedule = schedule with { Deeds = [.. schedule.Deeds.Where(d => d.Word != SwarmWord.Revive)] };
            var byLetter = RaftSwarm.ByLetter(schedule);
            var (drawn, named) = (RaftSwarm.Play(schedule, new SwarmWatch()), RaftSwarm.Play(byLetter, new SwarmWatch()));
            Assert.That(byLetter.Deeds.Any(d => d.Word == SwarmWord.Deliver), Is.False, $"seed {seed}");
            Assert.That(named.IsClean, Is.True, $"seed {seed}: {named.Violation}");
            if ((named.Elections, named.Commits, named.Counts) == (drawn.Elections, drawn.Commits, drawn.Counts)) alike++;
        }

        TestContext.Out.WriteLine($"{alike} of 60 alike");
        Assert.That(alike, Is.GreaterThanOrEqualTo(40));
    }

    [Test]
    public void A_message_that_comes_twice_late_or_never_is_a_fault_and_its_repair_undoes_it()
    {
        var repaired = 0;
        for (var seed = 1UL; seed <= 200 && repaired < 20; seed++)
        {
            var schedule = RaftSwarm.ByLetter(RaftSwarm.Record(seed, SwarmStrategy.Random, _ => new SwarmWatch()).Schedule);
            var played = RaftSwarm.Play(schedule, new SwarmWatch());
            if (played.IsClean) Assert.That(played.Repairs.Count, Is.GreaterThanOrEqualTo(played.MessageFaults), "each fault can be undone");
            if (played.Repairs.FirstOrDefault(r => r.Insert is null) is not { } doubled) continue;
            var once = RaftSwarm.Play(schedule with { Deeds = schedule.Deeds.RemoveAt(doubled.Remove) }, new SwarmWatch());
            if (once.MessageFaults < played.MessageFaults) repaired++;
        }

        Assert.That(repaired, Is.EqualTo(20));
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
