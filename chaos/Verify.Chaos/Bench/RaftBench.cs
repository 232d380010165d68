using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Bench;

/// <summary>How many hostile schedules of the production Raft core are played per second, every promise watched.</summary>
internal sealed class RaftBench : IBench
{
    private const ulong FirstSeed = 50_000_000;
    private const ulong SeedsPerRound = 10_000_000;

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var cores = Environment.ProcessorCount;
        var rounds = options.RoundsOr(5, 2);
        var steps = new RaftSwarmOptions().Steps;
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
            figures.Add(new("raft", $"schedules of {steps} steps per second and thread, {threads} threads", "/s", spread) { PerSecond = spread.Median * threads });
            figures.Add(new("raft", $"schedules per CPU s of this process, {threads} threads", "/s", Spread.Of(perCpu)));
        }

        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    private static SwarmExploration Explore(ulong firstSeed, TimeSpan length, int threads)
    {
        var found = RaftSwarm.Explore(firstSeed, (long)SeedsPerRound, length, threads, TimeProvider.System);
        return found.FirstFailingSeed is { } seed
            ? throw new HarnessException($"the Raft core broke a promise in seed {seed}: {found.Violation}. Speed is of no interest until that is explained")
            : found;
    }
}
