using System.Globalization;
using Verify.Chaos.Bench;
using Verify.Chaos.Drawn;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Scenarios;
using Verify.Sim;
using Verify.Sim.RaftOnly;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Determinism;

/// <summary>Plays a seed of a world for its hash. The worlds: "raft" (a thousand schedules of the bare core per seed), "fleet" (everything
/// drawn from the seed), or a scenario.</summary>
internal static class HashPlayer
{
    public const string Raft = "raft";
    public const string Fleet = "fleet";
    private const ulong SchedulesPerSeed = 1_000;

    /// <param name="traceFile">Where every line of the trace goes as well; null for nowhere.</param>
    /// <exception cref="HarnessException">There is no such world, or it keeps no trace.</exception>
    public static PlayedHash Play(string world, ulong seed, string? traceFile = null)
    {
        if (world == Raft) return PlayRaft(seed, traceFile);
        var (scenario, options) = Of(world, seed);
        var events = 0L;
        var run = SimulatedRun.Play(scenario, seed, options with { TraceFile = traceFile, Ended = world => events = world.Trace.Events });
        return new(world, seed, run.TraceHash, events);
    }

    private static (Scenario Scenario, SimulatedOptions Options) Of(string world, ulong seed)
    {
        if (world != Fleet) return (SimBench.Read(world), new());
        var drawn = DrawnScenario.Of(seed);
        return (drawn.Scenario, drawn.RunOptions);
    }

    private static PlayedHash PlayRaft(ulong seed, string? traceFile)
    {
        var all = new TraceHash();
        var told = new List<string>();
        for (var schedule = seed * SchedulesPerSeed; schedule < (seed + 1) * SchedulesPerSeed; schedule++)
        {
            var hash = RaftSwarm.Run(schedule).TraceHash;
            all.Add(hash);
            if (traceFile is not null) told.Add(string.Create(CultureInfo.InvariantCulture, $"schedule {schedule}: {hash:x16} (tell it: verify-chaos swarm raft --seeds {schedule} --tell)"));
        }

        if (traceFile is not null) File.WriteAllLines(traceFile, told);
        return new(Raft, seed, all.Value.ToString("x16", CultureInfo.InvariantCulture), (long)SchedulesPerSeed);
    }
}
