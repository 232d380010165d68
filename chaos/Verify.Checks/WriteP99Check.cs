using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>99 % of the acknowledged KV writes outside fault windows took at most the bound (nearest rank).</summary>
/// <param name="samplesMin">Fewer writes say nothing: unknown.</param>
/// <param name="grace">How long after the end of a fault its consequences are still forgiven. A fault without an end (a kill that
/// nothing undoes) is forgiven for this long after its beginning.</param>
public sealed class WriteP99Check(TimeSpan bound, int samplesMin, TimeSpan grace) : ICheck
{
    public WriteP99Check(TimeSpan bound)
        : this(bound, samplesMin: 100, TimeSpan.FromSeconds(2))
    {
    }

    public string Name => "writeP99Within";

    public Finding Judge(RunFacts facts)
    {
        var healedUs = facts.PhaseUs("healed") ?? facts.EndUs;
        var windows = FaultWindow.Of(facts)
            .Select(f => new Span(f.Span.FromUs, (f.Fault is "kill" && f.Span.ToUs >= healedUs ? f.Span.FromUs : f.Span.ToUs) + grace.Us()))
            .ToArray();
        var tookUs = facts.History.Ops
            .Where(o => o.Kind is OpKind.KvPut or OpKind.KvCas or OpKind.KvDelete && o.Outcome == OpOutcome.Ok && !o.CasRefused)
            .Where(o => windows.All(w => w.OverlapUs(new Span(o.CalledUs, o.ReturnedUs)) < 0))
            .Select(o => o.ReturnedUs - o.CalledUs)
            .ToArray();
        if (tookUs.Length < samplesMin)
        {
            return Made(Verdict.Unknown, $"only {tookUs.Length} acknowledged writes outside fault windows, {samplesMin} are needed", tookUs);
        }

        var p99 = Durations.Percentile(tookUs, 99);
        return Made(p99 <= bound.Us() ? Verdict.Valid : Verdict.Invalid, $"p99 {Durations.Ms(p99)} over {tookUs.Length} writes", tookUs);
    }

    private Finding Made(Verdict verdict, string observed, long[] tookUs) =>
        new(Name, verdict, "99 % of the acknowledged KV writes outside fault windows are within the bound", observed, Durations.Ms(bound))
        {
            Figures = Durations.Figures(tookUs.Length == 0
                ? [("samples", 0)]
                : [
                    ("samples", tookUs.Length), ("writeP50Ms", Durations.ToMs(Durations.Percentile(tookUs, 50))),
                    ("writeP99Ms", Durations.ToMs(Durations.Percentile(tookUs, 99))),
                ]),
        };
}
