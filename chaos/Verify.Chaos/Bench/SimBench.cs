using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Chaos.Bench;

/// <summary>How fast simulated time passes in the dc-fencing world, judging of the history included.</summary>
internal sealed class SimBench : IBench
{
    private const string ScenarioName = "dc-fencing";
    private const double GoalSpeed = 300;
    private const ulong FirstSeed = 1;

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var (scenario, _) = ScenarioFiles.Read(ScenarioName);
        var cores = Environment.ProcessorCount;
        var rounds = options.RoundsOr(5, 2);
        var length = options.Length(4, 2);
        say("sim: warming up");
        Measure(scenario, cores, options.Length(10, 3), FirstSeed, cancel);
        var figures = new List<Figure>();
        foreach (var jobs in cores > 1 ? new[] { cores, 1 } : [1])
        {
            var speeds = new List<double>();
            var perCpu = new List<double>();
            var runs = new List<double>();
            for (var round = 1; round <= rounds; round++)
            {
                var seen = Measure(scenario, jobs, length, FirstSeed + ((ulong)round * 1000), cancel);
                speeds.Add(seen.Speed);
                perCpu.Add(seen.SpeedPerCpu);
                runs.Add(seen.RunsPerSecond);
                say(string.Create(CultureInfo.InvariantCulture,
                    $"sim: jobs {jobs}, round {round}/{rounds}: {seen.Speed:0}x wall, {seen.SpeedPerCpu:0}x CPU time, {seen.RunsPerSecond:0.0} runs/s{(seen.Bad > 0 ? $", {seen.Bad} runs NOT valid" : "")}"));
            }

            var name = $"{ScenarioName}, jobs {jobs}";
            var speed = Spread.Of(speeds);
            var isGoal = jobs == cores;
            figures.Add(new("sim", $"simulated s per wall s, {name}", "x", speed)
            {
                PerSecond = Spread.Of(runs).Median, Goal = isGoal ? $">= {GoalSpeed:0}" : "", ReachesGoal = isGoal ? speed.Median >= GoalSpeed : null,
            });
            figures.Add(new("sim", $"simulated s per CPU s of this process, {name}", "x", Spread.Of(perCpu)));
        }

        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    /// <summary>Each thread takes the next seed until the time is over, and counts its own time, so that the last run of a slower
    /// thread does not count as idleness of the others.</summary>
    private static Round Measure(Scenario scenario, int jobs, TimeSpan length, ulong firstSeed, CancellationToken cancel)
    {
        var taken = -1;
        var gate = new Lock();
        var (speed, runsPerSecond, virtualSeconds, bad) = (0.0, 0.0, 0.0, 0);
        var cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
        void Work()
        {
            var clock = Stopwatch.StartNew();
            var (mine, runs, wrong) = (0.0, 0, 0);
            while (clock.Elapsed < length && !cancel.IsCancellationRequested)
            {
                var run = SimulatedRun.Play(scenario, firstSeed + (ulong)Interlocked.Increment(ref taken), new());
                mine += run.RunSeconds;
                runs++;
                if (run.Verdict != Verdict.Valid) wrong++;
            }

            var seconds = clock.Elapsed.TotalSeconds;
            lock (gate) (speed, runsPerSecond, virtualSeconds, bad) = (speed + (mine / seconds), runsPerSecond + (runs / seconds), virtualSeconds + mine, bad + wrong);
        }

        var threads = Enumerable.Range(0, jobs).Select(_ => new Thread(Work) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        cancel.ThrowIfCancellationRequested();
        var cpuSeconds = (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalSeconds;
        return new(speed, virtualSeconds / cpuSeconds, runsPerSecond, bad);
    }

    private sealed record Round(double Speed, double SpeedPerCpu, double RunsPerSecond, int Bad);
}
