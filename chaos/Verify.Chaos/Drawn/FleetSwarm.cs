using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Chaos.Drawn;

/// <summary>Drawn fleets, one per seed, played as scenarios in simulation.</summary>
internal sealed class FleetSwarm(Action<string>? tell = null) : ISwarm
{
    public string Name => "fleet";

    public string Story => "1 to 6 nodes over 1 to 5 data centres with 0 to 5 MySQL servers, network, disks, clocks, workload and faults drawn from the seed; "
        + "judged by the expectations that the drawn faults leave";

    public SwarmTrial Play(ulong seed)
    {
        var drawn = DrawnScenario.Of(seed);
        tell?.Invoke(drawn.Print());
        var run = SimulatedRun.Play(drawn.Scenario, seed, new() { World = drawn.Options });
        foreach (var finding in run.Findings) tell?.Invoke($"{finding.Verdict,-8} {finding.Check,-18} {finding.Observed} (bound: {finding.Bound})\n{finding.Evidence}");
        return new SwarmTrial(run.Verdict, Found(run), drawn.Print(), HashOf(run),
            [("operations", run.Ops.Count), ("faults", run.Events.Count(e => e.Kind == EventKinds.FaultBegun)), ("simulated s", (long)run.RunSeconds)]);
    }

    private static Discovery? Found(RunRecord run)
    {
        var worst = run.Findings.Where(f => f.Verdict == run.Verdict && f.Verdict != Verdict.Valid).ToArray();
        return worst.Length == 0 ? null : new(worst[0].Check, string.Join("; ", worst.Select(f => f.Observed)));
    }

    private static ulong HashOf(RunRecord run) =>
        ulong.TryParse(run.TraceHash, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var hash) ? hash : 0;
}
