using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>From a fault that ends the leader's lease to the next leader's lease takes at most the bound.</summary>
/// <remarks>A fault ends a lease when it hit the holder by name or cut it off from the majority, and the lease ended while the
/// fault lasted; of several such faults the latest. A lease that ended for no such reason is counted, not judged. A fault through
/// which the leader kept its lease left the cluster without a leader for no time at all: where faults did nothing else, that is
/// valid, and said. Where no fault met a leader it is "unknown".</remarks>
public sealed class ElectionCheck(TimeSpan bound) : ICheck
{
    public string Name => "electionWithin";

    public Finding Judge(RunFacts facts)
    {
        var faults = FaultWindow.Of(facts);
        var claims = LeaderClaims.Of(facts, faults);
        var elections = new List<(FaultWindow Cause, NamedSpan Lost, NamedSpan? Next)>();
        var unprovoked = 0;
        foreach (var claim in claims.Where(c => !c.IsOpen))
        {
            if (CauseOf(claim, facts, faults) is not { } cause)
            {
                unprovoked++;
                continue;
            }

            var next = claims.Where(c => c.Span.FromUs >= cause.Span.FromUs && IsNext(c, claim)).Select(c => (NamedSpan?)c).FirstOrDefault();
            elections.Add((cause, claim, next));
        }

        var took = elections.Where(e => e.Next is not null).Select(e => e.Next!.Value.Span.FromUs - e.Cause.Span.FromUs).ToArray();
        var kept = faults.Select(f => claims.FirstOrDefault(c => c.Span.FromUs <= f.Span.FromUs && c.Span.ToUs >= f.Span.ToUs && f.Span.LengthUs > 0))
            .Where(c => c.Who is not null).Select(c => c.Who).Distinct(StringComparer.Ordinal).ToArray();
        var verdict = elections.Select(e => Judge(e.Cause, e.Next, facts)).DefaultIfEmpty(kept.Length > 0 ? Verdict.Valid : Verdict.Unknown).Max();
        var observed = elections.Count == 0
            ? "no fault ended a leader's lease" + (kept.Length > 0 ? $"; {string.Join(", ", kept)} led throughout" : "")
            : string.Join("; ", elections.Select(e => e.Next is { } n
                ? $"{n.Who} led {Durations.Ms(n.Span.FromUs - e.Cause.Span.FromUs)} after '{e.Cause.Step}' took {e.Lost.Who} away"
                : $"nobody led after '{e.Cause.Step}' took {e.Lost.Who} away"));
        var figures = new List<(string, double)> { ("elections", elections.Count), ("unprovokedLeaseLosses", unprovoked) };
        if (took.Length > 0)
        {
            figures.Add(("electionMsMax", Durations.ToMs(took.Max())));
            figures.Add(("electionMsMedian", Durations.ToMs(Durations.Percentile(took, 50))));
        }

        return new Finding(
            Name, verdict, "a new leader holds its lease within the bound after a fault took the old one away", observed, Durations.Ms(bound))
        {
            AtUs = elections.Where(e => Judge(e.Cause, e.Next, facts) == Verdict.Invalid).Select(e => e.Cause.Span.FromUs).ToArray(),
            Figures = Durations.Figures(figures),
        };
    }

    /// <summary>A later term's leader, or the same one that has its lease back.</summary>
    private static bool IsNext(NamedSpan candidate, NamedSpan lost) =>
        candidate.Term > lost.Term
        || (candidate.Term == lost.Term && candidate.Span.FromUs >= lost.Span.ToUs && string.Equals(candidate.Who, lost.Who, StringComparison.Ordinal));

    private Verdict Judge(FaultWindow cause, NamedSpan? next, RunFacts facts)
    {
        var tookUs = (next?.Span.FromUs ?? facts.EndUs) - cause.Span.FromUs;
        return tookUs > bound.Us() ? Verdict.Invalid : next is null ? Verdict.Unknown : Verdict.Valid;
    }

    private static FaultWindow? CauseOf(NamedSpan claim, RunFacts facts, IReadOnlyList<FaultWindow> faults) =>
        faults.LastOrDefault(f => f.Span.Contains(claim.Span.ToUs) && f.Span.FromUs >= claim.Span.FromUs
            && (f.IsCut
                ? Isolation.OfNode(claim.Who, facts, faults).Any(s => s.Contains(f.Span.FromUs) && s.Contains(claim.Span.ToUs))
                : f.Fault is not "slow" && f.Hits(claim.Who)));
}
