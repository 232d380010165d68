using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Bench;

/// <summary>How many hostile schedules of the production Raft core are played per second, every promise watched.</summary>
internal sealed class RaftBench : IBench
{
    private const double GoalPerCore = 5_000;
    private const double NightSeconds = 8 * 3600;
    private const double NightCores = 2;
    private const double GoalPerNight = 5_000_000;
    private const ulong FirstSeed = 50_000_000;
    private const ulong SeedsPerRound = 10_000_000;

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var cores = Environment.ProcessorCount;
        var rounds = options.RoundsOr(5, 2);
        say("raft: warming up");
        Explore(FirstSeed, options.Length(2, 1), cores);
        var figures = new List<Figure>();
        foreach (var threads in cores > 1 ? new[] { cores, 1 } : [1])
        {
            var perCore = new List<double>();
            var perCpu = new List<double>();
            for (var round = 1; round <= rounds; round++)
            {
                cancel.ThrowIfCancellationRequested();
                var cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
                var found = Explore(FirstSeed + ((ulong)round * SeedsPerRound), options.Length(3, 1.5), threads);
                perCpu.Add(found.Schedules / (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalSeconds);
                perCore.Add(found.SchedulesPerSecond / threads);
                say(string.Create(CultureInfo.InvariantCulture,
                    $"raft: threads {threads}, round {round}/{rounds}: {found.SchedulesPerSecond:0} schedules/s, {perCore[^1]:0} per thread, {perCpu[^1]:0} per CPU s"));
            }

            var spread = Spread.Of(perCore);
            figures.Add(new("raft", $"drawn schedules (200 steps, one in five 500; faults, members, snapshots) per second and core, {threads} cores busy", "/s", spread) { PerSecond = spread.Median * threads });
            figures.Add(new("raft", $"schedules per CPU s of this process, {threads} cores busy", "/s", Spread.Of(perCpu)));
            if (threads == cores) figures.Add(Night(spread));
        }

        figures.AddRange(FixedLength(options, rounds, say, cancel));
        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    /// <summary>What eight hours on two cores amount to at the speed that was measured with all cores busy.</summary>
    private static Figure Night(Spread perCore)
    {
        double[] values = [perCore.Min, perCore.Median, perCore.Max];
        var spread = Spread.Of([.. values.Select(v => v * NightCores * NightSeconds / 1e6)]);
        return new("raft", $"million drawn schedules in 8 hours on {NightCores:0} cores, from the figure above", "M", spread)
        {
            Goal = $">= {GoalPerNight / 1e6:0}", ReachesGoal = spread.Median * 1e6 >= GoalPerNight,
        };
    }

    /// <summary>Schedules of exactly 200 steps with the rest drawn as usual, on one core.</summary>
    private static IEnumerable<Figure> FixedLength(BenchOptions options, int rounds, Action<string> say, CancellationToken cancel)
    {
        const int Steps = 200;
        const ulong FirstOfThese = 900_000_000;
        var perSecond = new List<double>();
        var perCpu = new List<double>();
        var seed = FirstOfThese;
        for (var round = 1; round <= rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            var cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
            var clock = Stopwatch.StartNew();
            var schedules = 0L;
            for (; clock.Elapsed < options.Length(3, 1.5); schedules++, seed++)
            {
                if (RaftSwarm.Run(seed, Steps) is { IsClean: false } failed)
                    throw new HarnessException($"the Raft core broke a promise in seed {seed} of {Steps} steps: {failed.Violation}. Speed is of no interest until that is explained");
            }

            perSecond.Add(schedules / clock.Elapsed.TotalSeconds);
            perCpu.Add(schedules / (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalSeconds);
            say(string.Create(CultureInfo.InvariantCulture, $"raft: {Steps} steps exactly, round {round}/{rounds}: {perSecond[^1]:0} schedules/s on one core, {perCpu[^1]:0} per CPU s"));
        }

        var spread = Spread.Of(perSecond);
        yield return new("raft", $"drawn schedules of {Steps} steps per CPU s of this process", "/s", Spread.Of(perCpu));
        yield return new("raft", $"drawn schedules of {Steps} steps per second, 1 core busy", "/s", spread) { Goal = $">= {GoalPerCore:0}", ReachesGoal = spread.Median >= GoalPerCore };
    }

    private static SwarmExploration Explore(ulong firstSeed, TimeSpan length, int threads)
    {
        var found = RaftSwarm.Explore(firstSeed, (long)SeedsPerRound, length, threads, TimeProvider.System);
        return found.FirstFailingSeed is { } seed
            ? throw new HarnessException($"the Raft core broke a promise in seed {seed}: {found.Violation}. Speed is of no interest until that is explained")
            : found;
    }
}
