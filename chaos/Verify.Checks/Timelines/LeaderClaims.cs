namespace Verify.Checks.Timelines;

/// <summary>When which node claimed to lead with a valid lease. A claim begins with leaderLease held=true and ends with
/// held=false, another role, a halt, a restart, the node's death or the end of the run.</summary>
/// <remarks>A frozen process (fault "pause") claims nothing: it cannot act, and nobody can ask it. Its claim ends where the freeze
/// begins. When it thaws with the lease still in its hands, the claim begins again only when it acts on it before it lets go:
/// it says held=true again, drives a recovery, or answers a KV operation that was called after the thaw. The moment that it
/// needs to look at its clock is not held against it; acting without looking is. The same goes for a process that was not frozen but
/// did not run (a machine with too much to do): it says since when its lease had run out (lateUs), and is believed unless it acted
/// in that time. Of a node that was killed the world says it: it heard of the death so long after the signal.</remarks>
public static class LeaderClaims
{
    public static IReadOnlyList<NamedSpan> Of(RunFacts facts, IReadOnlyList<FaultWindow> faults) =>
        facts.Nodes.Keys.Order(StringComparer.Ordinal)
            .SelectMany(node => OfNode(node, facts).SelectMany(claim => WithoutFreezes(claim, facts, faults)))
            .OrderBy(c => c.Span.FromUs).ThenBy(c => c.Who, StringComparer.Ordinal)
            .ToArray();

    private static IEnumerable<NamedSpan> OfNode(string node, RunFacts facts)
    {
        (long FromUs, long Term)? held = null;
        foreach (var e in facts.Events)
        {
            if (e.Is(EventKinds.Applied) || !string.Equals(e.Subject, node, StringComparison.Ordinal))
            {
                continue;
            }

            var term = e.Number("term");
            var begins = e.Is(EventKinds.LeaderLease) && e.IsTrue("held");
            var isSameClaim = begins && held?.Term == term;
            if (held is { } claim && !isSameClaim && (begins || Ends(e)))
            {
                foreach (var span in UntilTheLapse(new(node, new Span(claim.FromUs, e.AtUs), claim.Term), begins ? 0 : e.Number("lateUs"), facts)) yield return span;
                held = null;
            }

            if (begins && !isSameClaim)
            {
                held = (e.AtUs, term);
            }
        }

        if (held is { } last)
        {
            yield return new NamedSpan(node, new Span(last.FromUs, Math.Max(last.FromUs, facts.EndUs)), last.Term, IsOpen: true);
        }
    }

    /// <summary>After this event its node does not claim to lead any more.</summary>
    public static bool Ends(RunEvent e) => e.Kind switch
    {
        EventKinds.LeaderLease => !e.IsTrue("held"),
        EventKinds.RoleChanged => e["role"] is not "Leader",
        EventKinds.NodeDown or EventKinds.NodeUp or EventKinds.Started or EventKinds.Halted => true,
        _ => false,
    };

    private static IEnumerable<NamedSpan> UntilTheLapse(NamedSpan claim, long lateUs, RunFacts facts)
    {
        var lapseUs = Math.Max(claim.Span.FromUs, claim.Span.ToUs - lateUs);
        yield return claim with { Span = new Span(claim.Span.FromUs, lapseUs) };
        if (lateUs > 0 && FirstActUs(claim, lapseUs, facts) is { } actUs) yield return claim with { Span = new Span(actUs, claim.Span.ToUs) };
    }

    private static IEnumerable<NamedSpan> WithoutFreezes(NamedSpan claim, RunFacts facts, IReadOnlyList<FaultWindow> faults)
    {
        var from = claim.Span.FromUs;
        foreach (var freeze in faults.Where(f => f.Fault is "pause" && f.Hits(claim.Who) && f.Span.OverlapUs(claim.Span) >= 0))
        {
            if (freeze.Span.FromUs > from)
            {
                yield return claim with { Span = new Span(from, freeze.Span.FromUs), IsOpen = false };
            }

            if (FirstActUs(claim, freeze.Span.ToUs, facts) is not { } actUs)
            {
                yield break;
            }

            from = Math.Max(from, actUs);
        }

        yield return claim with { Span = new Span(from, claim.Span.ToUs) };
    }

    private static long? FirstActUs(NamedSpan claim, long thawUs, RunFacts facts)
    {
        bool IsInside(long atUs) => thawUs <= atUs && atUs < claim.Span.ToUs;
        var acts = facts.Events
            .Where(e => IsInside(e.AtUs) && string.Equals(e.Subject, claim.Who, StringComparison.Ordinal)
                && (e.Is(EventKinds.Recovery) || e.Is(EventKinds.Acting) || (e.Is(EventKinds.LeaderLease) && e.IsTrue("held"))))
            .Select(e => e.AtUs);
        var answers = facts.History.Ops
            .Where(o => o.Kind != OpKind.SqlInsert && o.Outcome == OpOutcome.Ok && o.CalledUs >= thawUs && IsInside(o.ReturnedUs)
                && string.Equals(o.By, claim.Who, StringComparison.Ordinal))
            .Select(o => o.ReturnedUs);
        return acts.Concat(answers).Select(at => (long?)at).Min();
    }
}
