using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Tests.RaftOnly;

/// <summary>The swarm over the production Raft core: it finds nothing in the right core, repeats itself exactly, and does enough
/// to be worth running.</summary>
public sealed class RaftSwarmTests
{
    private const ulong FirstSeed = 1;

    [Test]
    public void The_core_keeps_every_promise_over_three_thousand_hostile_schedules()
    {
        var found = RaftSwarm.Explore(FirstSeed, 3_000, TimeSpan.FromMinutes(5), threads: 2, TimeProvider.System);
        Assert.That(found.FirstFailingSeed, Is.Null, $"{found.Violation}");
        Assert.That(found.Schedules, Is.GreaterThanOrEqualTo(3_000));
        Assert.That(found.Elections, Is.GreaterThan(found.Schedules), "schedules without elections prove nothing about elections");
        Assert.That(found.Commits, Is.GreaterThan(found.Schedules), "schedules without commits prove nothing about commits");
        Assert.That(found.ReadsGranted, Is.GreaterThan(found.Schedules / 10));
        Assert.That(found.Counts.Changes, Is.GreaterThan(found.Schedules / 10), "changes of the members");
        Assert.That(found.Counts.Snapshots, Is.GreaterThan(found.Schedules / 10), "snapshots");
        Assert.That(found.Counts.Installs, Is.GreaterThan(found.Schedules / 100), "snapshots that took the place of a log");
        Assert.That(found.Counts.Revivals, Is.GreaterThan(found.Schedules / 20), "groups that had to come to life again");
        Report(found);
    }

    [Test, Explicit("two minutes: the long proof, also used for the figure of schedules per second"), Category("Long")]
    public void The_core_keeps_every_promise_over_two_hundred_thousand_hostile_schedules()
    {
        var found = RaftSwarm.Explore(10_000_000, 200_000, TimeSpan.FromMinutes(10), threads: 1, TimeProvider.System);
        Report(found);
        Assert.That(found.FirstFailingSeed, Is.Null, $"{found.Violation}");
        Assert.That(found.Schedules, Is.GreaterThanOrEqualTo(200_000));
    }

    [Test]
    public void The_same_seed_is_the_same_schedule_to_the_last_event()
    {
        for (var seed = FirstSeed; seed < 200; seed++)
            Assert.That(RaftSwarm.Run(seed).TraceHash, Is.EqualTo(RaftSwarm.Run(seed).TraceHash), $"seed {seed}");
    }

    [Test]
    public void Other_seeds_are_other_schedules()
    {
        var hashes = Enumerable.Range(1, 200).Select(seed => RaftSwarm.Run((ulong)seed).TraceHash).Distinct().Count();
        Assert.That(hashes, Is.EqualTo(200));
    }

    [Test]
    public void A_recorded_list_of_choices_replays_the_schedule_and_is_used_up_exactly()
    {
        for (var seed = FirstSeed; seed < 50; seed++)
        {
            var recorder = new RecordedChoices(new SeededChoices(seed));
            var first = RaftSwarm.Run(RaftSwarmOptions.Draw(recorder), recorder);
            var replay = new ReplayedChoices(recorder.Choices);
            var second = RaftSwarm.Run(RaftSwarmOptions.Draw(replay), replay);
            Assert.That(second.TraceHash, Is.EqualTo(first.TraceHash), $"seed {seed}");
            Assert.That(replay.Left, Is.Zero, $"seed {seed} leaves choices over");
        }
    }

    [Test]
    public void A_schedule_can_be_told_in_words()
    {
        var told = new List<string>();
        const ulong SeedOfSeveralVoters = 3;
        var result = RaftSwarm.Run(SeedOfSeveralVoters, told.Add);
        Assert.That(result.TraceHash, Is.EqualTo(RaftSwarm.Run(SeedOfSeveralVoters).TraceHash), "telling must not change what happens");
        Assert.That(told, Has.Some.Contains("VoteRequest"));
        Assert.That(result.Options.Describe(), Does.Contain("ElectionTicks"));
    }

    internal static void Report(SwarmExploration found) => TestContext.Out.WriteLine(
        $"{found.Schedules} schedules in {found.Seconds:F1} s = {found.SchedulesPerSecond:F0}/s; {found.Elections} elections, "
        + $"{found.Commits} commits, {found.ReadsGranted} reads; first failing seed: {found.FirstFailingSeed?.ToString() ?? "none"} {found.Violation}");

    private sealed class RecordedChoices(IChoiceSource source) : IChoiceSource
    {
        public List<(ChoiceKind Kind, int Of, int Choice)> Choices { get; } = [];

        public int Next(ChoiceKind kind, int n)
        {
            if (n <= 1) return 0;
            var choice = source.Next(kind, n);
            Choices.Add((kind, n, choice));
            return choice;
        }
    }

    private sealed class ReplayedChoices(List<(ChoiceKind Kind, int Of, int Choice)> choices) : IChoiceSource
    {
        private int _next;

        public int Left => choices.Count - _next;

        public int Next(ChoiceKind kind, int n)
        {
            if (n <= 1) return 0;
            var (recordedKind, of, choice) = choices[_next++];
            Assert.That((kind, n), Is.EqualTo((recordedKind, of)), $"choice {_next} departs from the recording");
            return choice;
        }
    }
}
