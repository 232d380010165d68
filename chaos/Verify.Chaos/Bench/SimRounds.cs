using System.Diagnostics;
using Verify.Chaos.Simulated;
using Verify.Checks;
using Verify.Scenarios;

namespace Verify.Chaos.Bench;

/// <summary>What one round of simulated runs amounted to.</summary>
/// <param name="SpeedPerCore">Simulated seconds per wall second of each busy thread, the mean of them.</param>
internal sealed record SimRound(
    double SpeedPerCore, double SpeedPerCpu, double RunsPerSecondPerCore, double OpsPerSimulatedSecond, double EventsPerSimulatedSecond,
    double MicrosPerEvent, double BytesPerEvent, double SecondsPerRun, int Bad, ulong? FirstBadSeed);

/// <summary>Plays seeds of one scenario for a while and counts.</summary>
internal static class SimRounds
{
    /// <summary>Each thread takes the next seed until the time is over, and counts its own time, so that the last run of a slower
    /// thread does not count as idleness of the others.</summary>
    public static SimRound Measure(Scenario scenario, int jobs, TimeSpan length, ulong firstSeed, bool isRecording, CancellationToken cancel)
    {
        var taken = -1;
        var gate = new Lock();
        var sum = new Tally();
        var cpuBefore = CpuTime();
        var bytesBefore = GC.GetTotalAllocatedBytes();
        void Work()
        {
            var clock = Stopwatch.StartNew();
            var mine = new Tally();
            while (clock.Elapsed < length && !cancel.IsCancellationRequested) mine.Add(scenario, firstSeed + (ulong)Interlocked.Increment(ref taken), isRecording);
            mine.WallSeconds = clock.Elapsed.TotalSeconds;
            lock (gate) sum.Add(mine);
        }

        var threads = Enumerable.Range(0, jobs).Select(_ => new Thread(Work) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        cancel.ThrowIfCancellationRequested();
        var cpuSeconds = (CpuTime() - cpuBefore).TotalSeconds;
        var bytes = GC.GetTotalAllocatedBytes() - bytesBefore;
        return new(
            sum.SpeedSum / jobs, sum.SimulatedSeconds / cpuSeconds, sum.RunsPerSecondSum / jobs, sum.Answered / sum.SimulatedSeconds, sum.Events / sum.SimulatedSeconds,
            sum.WallSeconds * 1e6 / sum.Events, (double)bytes / sum.Events, sum.SimulatedSeconds / sum.Runs, sum.Bad, sum.FirstBadSeed);
    }

    /// <summary>The CPU time of these seeds, one after the other, judged.</summary>
    public static TimeSpan Play(Scenario scenario, ulong firstSeed, int seeds, bool isRecording, CancellationToken cancel)
    {
        var before = CpuTime();
        var tally = new Tally();
        for (var i = 0; i < seeds && !cancel.IsCancellationRequested; i++) tally.Add(scenario, firstSeed + (ulong)i, isRecording);
        cancel.ThrowIfCancellationRequested();
        return CpuTime() - before;
    }

    private static TimeSpan CpuTime()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    /// <summary>What one thread, or all of them, have played.</summary>
    private sealed class Tally
    {
        public double SimulatedSeconds { get; private set; }
        public double WallSeconds { get; set; }
        public double SpeedSum { get; private set; }
        public double RunsPerSecondSum { get; private set; }
        public long Events { get; private set; }
        public long Answered { get; private set; }
        public int Runs { get; private set; }
        public int Bad { get; private set; }
        public ulong? FirstBadSeed { get; private set; }

        public void Add(Scenario scenario, ulong seed, bool isRecording)
        {
            var events = 0L;
            var run = SimulatedRun.Play(scenario, seed, new() { World = new() { KeepWholeTrace = isRecording }, Ended = world => events = world.Trace.Events });
            Runs++;
            SimulatedSeconds += run.RunSeconds;
            Events += events;
            Answered += run.Ops.Count(op => op.Outcome == OpOutcome.Ok);
            if (run.Verdict == Verdict.Valid) return;
            Bad++;
            FirstBadSeed ??= seed;
        }

        public void Add(Tally thread)
        {
            SimulatedSeconds += thread.SimulatedSeconds;
            WallSeconds += thread.WallSeconds;
            SpeedSum += thread.SimulatedSeconds / thread.WallSeconds;
            RunsPerSecondSum += thread.Runs / thread.WallSeconds;
            Events += thread.Events;
            Answered += thread.Answered;
            Runs += thread.Runs;
            Bad += thread.Bad;
            FirstBadSeed ??= thread.FirstBadSeed;
        }
    }
}
