using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>A swarm of short, hostile schedules over the production Raft core and nothing else: no bytes, no tasks, thousands per
/// second. Every promise of Raft is watched while a schedule runs. It is the quick net below the full simulator, which
/// carries real frames and takes longer.</summary>
public static class RaftSwarm
{
    /// <summary>Runs one schedule to its end or to its first violation.</summary>
    /// <param name="tell">Told of every event in words, for people who read a failing schedule.</param>
    public static RaftSwarmResult Run(RaftSwarmOptions options, IChoiceSource choices, Action<string>? tell = null) =>
        new SwarmRun(options, choices, tell).Run();

    /// <summary>The schedule of a seed: its options are drawn first, then everything that happens.</summary>
    /// <param name="strategy">Made in this way; null: drawn, like everything else.</param>
    public static RaftSwarmResult Run(ulong seed, Action<string>? tell = null, SwarmStrategy? strategy = null)
    {
        var choices = new SeededChoices(seed);
        return Run(RaftSwarmOptions.Draw(choices, strategy), choices, tell);
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
