using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Scenarios;

namespace Verify.Chaos.Bench;

/// <summary>How fast simulated time passes with whole nodes, faults and every check: five nodes in three data centres, three servers,
/// 100 client operations per simulated second; runs of ten simulated seconds; and what it costs to keep the whole trace.</summary>
internal sealed class SimBench : IBench
{
    private const double GoalSpeed = 1_000;
    private const double FloorSpeed = 300;
    private const double GoalShortRuns = 100;
    private const double GoalOpsPerSecond = 100;
    private const double GoalRecordingFactor = 1.5;
    private const ulong FirstSeed = 1;
    private const ulong SeedsPerRound = 1_000;
    private static readonly string[] Names = ["bench-sim", "bench-short", "dc-fencing"];

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var cores = Environment.ProcessorCount;
        var rounds = options.RoundsOr(5, 2);
        var length = options.Length(4, 2);
        var figures = new List<Figure>();
        foreach (var name in Names)
        {
            var scenario = Read(name);
            say($"sim: {name}: warming up");
            SimRounds.Measure(scenario, cores, options.Length(8, 3), FirstSeed, isRecording: false, cancel);
            foreach (var jobs in cores > 1 ? new[] { cores, 1 } : [1])
            {
                var seen = new List<SimRound>();
                for (var round = 1; round <= rounds; round++)
                {
                    seen.Add(SimRounds.Measure(scenario, jobs, length, FirstSeed + ((ulong)round * SeedsPerRound), isRecording: false, cancel));
                    say($"sim: {name}, jobs {jobs}, round {round}/{rounds}: {Words(seen[^1])}");
                }

                figures.AddRange(FiguresOf(name, jobs, seen));
            }
        }

        figures.Add(Recording(options, rounds, say, cancel));
        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    /// <summary>A scenario of the bench (embedded, so that the program finds it wherever it is started) or of the library.</summary>
    internal static Scenario Read(string name)
    {
        using var stream = typeof(SimBench).Assembly.GetManifestResourceStream($"bench/{name}.yaml");
        if (stream is null) return ScenarioFiles.Read(name).Scenario;
        using var reader = new StreamReader(stream);
        return ScenarioFiles.Parse(reader.ReadToEnd(), $"scenarios/bench/{name}.yaml");
    }

    private static IEnumerable<Figure> FiguresOf(string name, int jobs, List<SimRound> seen)
    {
        var speed = Spread.Of([.. seen.Select(r => r.SpeedPerCore)]);
        var runs = Spread.Of([.. seen.Select(r => r.RunsPerSecondPerCore)]);
        var isFleet = name == Names[0];
        yield return new("sim", $"simulated s per wall s and core, {name}, {jobs} cores busy", "x", speed)
        {
            PerSecond = runs.Median,
            Goal = isFleet ? $">= {GoalSpeed:0} (floor {FloorSpeed:0}{(speed.Median >= FloorSpeed ? "" : ": MISSED")})" : "",
            ReachesGoal = isFleet ? speed.Median >= GoalSpeed : null,
        };
        yield return new("sim", $"simulated s per CPU s of this process, {name}, {jobs} cores busy", "x", Spread.Of([.. seen.Select(r => r.SpeedPerCpu)]));
        if (name == Names[1])
            yield return new("sim", $"runs of {seen[0].SecondsPerRun:0.0} simulated s per s and core, {jobs} cores busy", "/s", runs) { Goal = $">= {GoalShortRuns:0}", ReachesGoal = runs.Median >= GoalShortRuns };
        if (jobs != 1 || name == Names[2]) yield break;
        var ops = Spread.Of([.. seen.Select(r => r.OpsPerSimulatedSecond)]);
        yield return new("sim", $"client operations answered per simulated s, {name}", "/s", ops) { Goal = $">= {GoalOpsPerSecond:0}", ReachesGoal = ops.Median >= GoalOpsPerSecond };
        yield return new("sim", $"events per simulated s, {name}", "/s", Spread.Of([.. seen.Select(r => r.EventsPerSimulatedSecond)]));
        yield return new("sim", $"wall time per event, all that is around it included, {name}", "us", Spread.Of([.. seen.Select(r => r.MicrosPerEvent)]));
        yield return new("sim", $"garbage per event, {name}", "B", Spread.Of([.. seen.Select(r => r.BytesPerEvent)]));
        yield return new("sim", $"runs that were not valid, {name}", "runs", Spread.Of([.. seen.Select(r => (double)r.Bad)]));
    }

    /// <summary>The same seeds with and without the whole trace kept, in turn, in changing order.</summary>
    private static Figure Recording(BenchOptions options, int rounds, Action<string> say, CancellationToken cancel)
    {
        var scenario = Read(Names[1]);
        var seedsPerRound = options.Quick ? 6 : 15;
        var factors = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var seed = FirstSeed + ((ulong)round * SeedsPerRound);
            double Seconds(bool isRecording) => SimRounds.Play(scenario, seed, seedsPerRound, isRecording, cancel).TotalSeconds;
            var isPlainFirst = round % 2 == 0;
            var first = Seconds(isRecording: !isPlainFirst);
            var second = Seconds(isRecording: isPlainFirst);
            factors.Add(isPlainFirst ? second / first : first / second);
            say(string.Create(CultureInfo.InvariantCulture, $"sim: recording, round {round + 1}/{rounds}: {factors[^1]:0.00} times the CPU time"));
        }

        var spread = Spread.Of(factors);
        return new("sim", $"CPU time with the whole trace kept / without, the same {seedsPerRound} seeds of {Names[1]}", "x", spread)
        {
            Goal = $"<= {GoalRecordingFactor:0.0}", ReachesGoal = spread.Median <= GoalRecordingFactor,
        };
    }

    private static string Words(SimRound round) => string.Create(CultureInfo.InvariantCulture,
        $"{round.SpeedPerCore:0}x wall per core, {round.SpeedPerCpu:0}x CPU time, {round.RunsPerSecondPerCore:0.0} runs/s per core, {round.OpsPerSimulatedSecond:0} ops/s, {round.EventsPerSimulatedSecond:0} events/s, {round.MicrosPerEvent:0.00} us per event{(round.Bad > 0 ? $", {round.Bad} runs NOT valid (first: seed {round.FirstBadSeed})" : "")}");
}
