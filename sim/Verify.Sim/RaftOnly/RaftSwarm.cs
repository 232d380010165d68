using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>Who takes part in a schedule without being part of it.</summary>
public sealed record SwarmWatch
{
    /// <summary>Told of every event in words, for people who read a failing schedule.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Picks among the messages that are due; null: they arrive as they were sent, or overtake each other at a drawn rate.</summary>
    public IActorScheduler? Actors { get; init; }

    /// <summary>Each candidate comes with its receiver's state. It costs time, and only learning looks at it.</summary>
    internal bool TellsStates => Actors is LearningActors;

    /// <summary>Sees which node met what in which state.</summary>
    public Timeline? Timeline { get; init; }

    /// <summary>At its end the account of a clean schedule is falsified: two nodes that do not exist are said to lead one term. For canaries: whoever judges
    /// schedules must report it as <see cref="FalsePromise"/>, in words that name <see cref="FalseNode"/>.</summary>
    public bool IsFalsified { get; init; }
    public const string FalsePromise = "MoreThanOneLeader";

    /// <summary>The second of the two.</summary>
    public const string FalseNode = "n1000";

    /// <summary>Called just before this step.</summary>
    public int StopAtStep { get; init; } = -1;
    public Action? Stopped { get; init; }

    /// <summary>Writes down what is done; or what is done instead of anything drawn.</summary>
    internal SwarmScheduleRecorder? Recorder { get; init; }
    internal SwarmSchedule? Schedule { get; init; }
    internal ScheduledChoices? Scheduled { get; init; }

    /// <summary>What the network draws from; null: what everybody does.</summary>
    internal IChoiceSource? NetworkChoices { get; init; }
}

/// <summary>A swarm of short, hostile schedules over the production Raft core and nothing else: no bytes, no tasks, thousands per
/// second. Every promise of Raft is watched while a schedule runs. It is the quick net below the full simulator, which
/// carries real frames and takes longer.</summary>
public static class RaftSwarm
{
    /// <summary>Runs one schedule to its end or to its first violation.</summary>
    /// <param name="tell">Told of every event in words, for people who read a failing schedule.</param>
    public static RaftSwarmResult Run(RaftSwarmOptions options, IChoiceSource choices, Action<string>? tell = null) =>
        Run(options, choices, new SwarmWatch { Tell = tell });

    /// <summary>Runs one schedule to its end or to its first violation.</summary>
    public static RaftSwarmResult Run(RaftSwarmOptions options, IChoiceSource choices, SwarmWatch watch) => new SwarmRun(options, choices, watch).Run();

    /// <summary>The schedule of a seed: its options are drawn first, then everything that happens.</summary>
    /// <param name="strategy">Made in this way; null: drawn, like everything else.</param>
    public static RaftSwarmResult Run(ulong seed, Action<string>? tell = null, SwarmStrategy? strategy = null) =>
        Run(seed, strategy, choices => new SwarmWatch { Tell = tell });

    /// <summary>The schedule of a seed, with somebody who picks among the messages or looks on.</summary>
    /// <param name="watch">Made from the schedule's choices.</param>
    public static RaftSwarmResult Run(ulong seed, SwarmStrategy? shape, Func<IChoiceSource, SwarmWatch> watch)
    {
        ArgumentNullException.ThrowIfNull(watch);
        var choices = new SeededChoices(seed);
        return Run(RaftSwarmOptions.Draw(choices, shape), choices, watch(choices));
    }

    /// <summary>The schedule of a seed, written down: deeds can be left out of it.</summary>
    /// <param name="watch">Made from the schedule's choices.</param>
    public static (RaftSwarmResult Result, SwarmSchedule Schedule) Record(ulong seed, SwarmStrategy? shape, Func<IChoiceSource, SwarmWatch> watch)
    {
        ArgumentNullException.ThrowIfNull(watch);
        var choices = new SeededChoices(seed);
        var options = RaftSwarmOptions.Draw(choices, shape);
        var recorder = new SwarmScheduleRecorder(choices);
        var by = watch(choices);
        if (by.Actors is { } actors) by = by with { Actors = new NotedPicks(actors, recorder) };
        var result = Run(options, recorder, by with { Recorder = recorder });
        return (result, recorder.Schedule(options, seed));
    }

    /// <summary>Plays a written schedule: the same run when nothing was left out.</summary>
    public static RaftSwarmResult Play(SwarmSchedule schedule, SwarmWatch watch, bool hasActors = false)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        ArgumentNullException.ThrowIfNull(watch);
        var choices = new ScheduledChoices(schedule);
        return Run(schedule.Options, choices, watch with
        {
            Schedule = schedule, Scheduled = choices, Actors = hasActors && !schedule.IsByLetter ? new RandomActors(choices) : null,
            NetworkChoices = schedule.IsByLetter ? Quiet(schedule) : null,
        });
    }

    /// <summary>The same schedule with each message named that arrives: so it still arrives when something else is left out. What is lost, doubled
    /// and late is then no choice any more, but follows from who hands over what.</summary>
    public static SwarmSchedule ByLetter(SwarmSchedule schedule, bool hasActors = false)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        if (schedule.IsByLetter) return schedule;
        var choices = new ScheduledChoices(schedule);
        var recorder = new SwarmScheduleRecorder(choices, isByLetter: true);
        Run(schedule.Options, recorder, new SwarmWatch
        {
            Schedule = schedule, Scheduled = choices, Recorder = recorder, NetworkChoices = choices, Actors = hasActors ? new RandomActors(choices) : null,
        });
        return recorder.Schedule(schedule.Options, schedule.Seed) with { IsByLetter = true };
    }

    private static ScheduledChoices Quiet(SwarmSchedule schedule) => new(schedule with { First = [], Deeds = [] });

    /// <summary>Which message a strategy picked is written down; what it drew for that is not.</summary>
    private sealed class NotedPicks(IActorScheduler actors, SwarmScheduleRecorder recorder) : IActorScheduler
    {
        public int Pick(ReadOnlySpan<Candidate> enabled)
        {
            var picked = actors.Pick(enabled);
            if (enabled.Length > 1) recorder.Note(ChoiceKind.Actor, enabled.Length, picked);
            return picked;
        }
    }

    /// <summary>The schedule of a seed with this many steps; everything else is drawn as usual.</summary>
    public static RaftSwarmResult Run(ulong seed, int steps)
    {
        var choices = new SeededChoices(seed);
        return Run(RaftSwarmOptions.Draw(choices) with { Steps = steps }, choices);
    }

    /// <summary>Runs one schedule per seed from <paramref name="seedFrom"/> on, until so many are done, or the time is over, or one
    /// has failed. The failing seed that is reported is the lowest one among those that were run.</summary>
    /// <param name="time">Measures the budget; the schedules themselves have no clock.</param>
    public static SwarmExploration Explore(ulong seedFrom, long schedulesMax, TimeSpan budget, int threads, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        var exploration = new SharedExploration(seedFrom, schedulesMax, budget, time);
        var workers = new Thread[threads];
        for (var i = 0; i < threads; i++)
        {
            workers[i] = new Thread(exploration.Work) { IsBackground = true, Name = $"raft-swarm-{i}" };
            workers[i].Start();
        }
        foreach (var worker in workers) worker.Join();
        return exploration.Result();
    }

    /// <summary>What the threads of one exploration share: the next seed and the sums.</summary>
    private sealed class SharedExploration(ulong seedFrom, long schedulesMax, TimeSpan budget, TimeProvider time)
    {
        private const int BatchSize = 16;
        private readonly Lock _gate = new();
        private readonly long _start = time.GetTimestamp();
        private long _taken;
        private SwarmExploration _sum = new(0, 0, FirstFailingSeed: null, Violation: null);

        public void Work()
        {
            while (TakeBatch(out var first, out var count))
            {
                var batch = new SwarmExploration(0, 0, null, null);
                for (var i = 0; i < count && batch.FirstFailingSeed is null; i++)
                    batch = Plus(batch, first + (ulong)i, Run(first + (ulong)i));
                Add(batch);
            }
        }

        public SwarmExploration Result() => _sum with { Seconds = time.GetElapsedTime(_start).TotalSeconds };

        private bool TakeBatch(out ulong first, out int count)
        {
            lock (_gate)
            {
                var over = _sum.FirstFailingSeed is not null || time.GetElapsedTime(_start) >= budget;
                first = seedFrom + (ulong)_taken;
                count = over ? 0 : (int)Math.Min(BatchSize, schedulesMax - _taken);
                _taken += count;
                return count > 0;
            }
        }

        private static SwarmExploration Plus(SwarmExploration sum, ulong seed, RaftSwarmResult result) => sum with
        {
            Schedules = sum.Schedules + 1,
            Elections = sum.Elections + result.Elections,
            Commits = sum.Commits + result.Commits,
            ReadsGranted = sum.ReadsGranted + result.ReadsGranted,
            Counts = sum.Counts + result.Counts,
            FirstFailingSeed = result.IsClean ? null : seed,
            Violation = result.Violation,
        };

        private void Add(SwarmExploration batch)
        {
            lock (_gate)
            {
                var isFirst = batch.FirstFailingSeed < (_sum.FirstFailingSeed ?? ulong.MaxValue);
                _sum = _sum with
                {
                    Schedules = _sum.Schedules + batch.Schedules,
                    Elections = _sum.Elections + batch.Elections,
                    Commits = _sum.Commits + batch.Commits,
                    ReadsGranted = _sum.ReadsGranted + batch.ReadsGranted,
                    Counts = _sum.Counts + batch.Counts,
                    FirstFailingSeed = isFirst ? batch.FirstFailingSeed : _sum.FirstFailingSeed,
                    Violation = isFirst ? batch.Violation : _sum.Violation,
                };
            }
        }
    }
}
