using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Chaos.Drawn;

/// <summary>Drawn fleets, one per seed, played as scenarios in simulation.</summary>
internal sealed class FleetSwarm(Action<string>? tell = null) : IFalsifiable
{
    private const long ToldBeforeUs = 3_000_000;

    public string Name => "fleet";

    public string Story => "1 to 6 nodes over 1 to 5 data centres with 0 to 5 MySQL servers, network, disks, clocks, workload and faults drawn from the seed; "
        + "judged by the expectations that the drawn faults leave";

    public string FalsePromise => "linearizable";
    public string FalseSign => FalseAnswer.About;

    public SwarmTrial Play(ulong seed) => Play(seed, facts => facts);

    public SwarmTrial PlayFalsified(ulong seed) => Play(seed, facts =>
        facts with { History = facts.History with { Ops = [.. facts.History.Ops, FalseAnswer.To(facts.History.Ops, facts.EndUs)] } });

    private SwarmTrial Play(ulong seed, Func<RunFacts, RunFacts> account)
    {
        var drawn = DrawnScenario.Of(seed);
        tell?.Invoke(drawn.Print());
        var run = SimulatedRun.Play(drawn.Scenario, seed, drawn.RunOptions with { Account = account });
        foreach (var finding in run.Findings) tell?.Invoke($"{finding.Verdict,-8} {finding.Check,-18} {finding.Observed} (bound: {finding.Bound})\n{finding.Evidence}");
        if (tell is not null) TellWhatLedThere(run);
        return new SwarmTrial(run.Verdict, Found(run), drawn.Print(), HashOf(run),
            [("operations", run.Ops.Count), ("simulated s", (long)run.RunSeconds), .. Faults(run),
            .. run.MarkCounts.Select(m => ($"{MarkCatalog.Prefix}{m.Key}", m.Value)), .. run.FaultPointHits.Select(h => ($"fault point {h.Key}", h.Value))]);
    }

    /// <summary>What everybody said in the last seconds before the first moment that a check objects to.</summary>
    private void TellWhatLedThere(RunRecord run)
    {
        var moments = run.Findings.Where(f => f.Verdict == Verdict.Invalid).SelectMany(f => f.AtUs).ToArray();
        if (moments.Length == 0) return;
        var atUs = moments.Min();
        foreach (var e in run.Events.Where(e => e.Kind != EventKinds.Applied && e.AtUs <= atUs && e.AtUs >= atUs - ToldBeforeUs))
            tell!(string.Create(CultureInfo.InvariantCulture, $"{e.AtUs / 1e6,10:0.000000} s  {e.Subject}: {Explaining.EventWords.Of(e)}"));
    }

    /// <summary>How often each fault was done, and in how many of these it left a number that proves its effect.</summary>
    private static IEnumerable<(string Name, long Count)> Faults(RunRecord run)
    {
        foreach (var ended in run.Events.Where(e => e.Kind == EventKinds.FaultEnded))
        {
            yield return ($"{ended["fault"]} done", 1);
            if (ended.Number("proof") > 0) yield return ($"{ended["fault"]} proven", 1);
        }

        foreach (var begun in run.Events.Where(e => e.Kind == EventKinds.FaultBegun && e["effect"].StartsWith("not done", StringComparison.Ordinal)))
            yield return ($"{begun["fault"]} found nobody", 1);
    }

    internal static Discovery? Found(RunRecord run)
    {
        var worst = run.Findings.Where(f => f.Verdict == run.Verdict && f.Verdict != Verdict.Valid).ToArray();
        return worst.Length == 0 ? null : new(worst[0].Check, string.Join("; ", worst.Select(f => f.Observed)));
    }

    internal static ulong HashOf(RunRecord run) =>
        ulong.TryParse(run.TraceHash, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var hash) ? hash : 0;
}
