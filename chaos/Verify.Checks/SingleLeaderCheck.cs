using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>At most one node becomes leader in a term (Ongaro and Ousterhout 2014, figure 3, "Election Safety"), and no two nodes
/// hold a leader lease at the same time. What counts as holding, also for frozen and killed nodes: <see cref="LeaderClaims"/>.</summary>
/// <param name="livePrecision">How exactly the live world can tell when an event happened. An overlap that is not longer is "unknown"
/// there. In simulation time is exact and any overlap is a violation.</param>
public sealed class SingleLeaderCheck(TimeSpan livePrecision) : ICheck
{
    public SingleLeaderCheck()
        : this(TimeSpan.FromMilliseconds(20))
    {
    }

    public string Name => "singleLeader";

    public Finding Judge(RunFacts facts)
    {
        var elected = facts.Events.Where(e => e.Is(EventKinds.RoleChanged) && e["role"] is "Leader").ToArray();
        var rivals = elected.GroupBy(e => e.Number("term")).OrderBy(g => g.Key)
            .Where(g => g.Select(e => e.Subject).Distinct(StringComparer.Ordinal).Count() > 1)
            .ToArray();
        var claims = LeaderClaims.Of(facts, FaultWindow.Of(facts));
        var overlaps = Overlap.Among(claims);
        var longestUs = overlaps.Select(o => o.LengthUs).DefaultIfEmpty(0).Max();
        var toleratedUs = facts.ObservationsAreExact ? 0 : livePrecision.Us();

        var verdict = rivals.Length > 0 || longestUs > toleratedUs ? Verdict.Invalid
            : longestUs > 0 || elected.Length == 0 || claims.Count == 0 ? Verdict.Unknown
            : Verdict.Valid;
        var observed = elected.Length == 0 || (claims.Count == 0 && rivals.Length == 0) ? "no leader was seen"
            : $"{elected.Length} elections, {rivals.Length} terms with two leaders, longest overlap of two leases {Durations.Ms(longestUs)}";
        var evidence = rivals
            .Select(g => $"term {g.Key}: " + string.Join(", ", g.Select(e => $"{e.Subject} at {OpText.Seconds(e.AtUs)}")))
            .Concat(overlaps.Select(o => $"{Describe(o.First)} and {Describe(o.Second)}: {Durations.Ms(o.LengthUs)} together"));
        return new Finding(
            Name, verdict, "at most one leader per term, and never two leader leases at once", observed, $"overlap {Durations.Ms(toleratedUs)}")
        {
            AtUs = rivals.Select(g => g.Last().AtUs).Concat(overlaps.Select(o => o.FromUs)).Order().ToArray(),
            Evidence = string.Join('\n', evidence.Take(20)),
            Figures = Durations.Figures(("elections", elected.Length), ("longestLeaseOverlapUs", longestUs), ("termsWithTwoLeaders", rivals.Length)),
        };
    }

    private static string Describe(NamedSpan claim) =>
        $"{claim.Who} (term {claim.Term}) {OpText.Seconds(claim.Span.FromUs)} – {OpText.Seconds(claim.Span.ToUs)}";
}
