using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>A primary whose data centre is cut off from the majority stops accepting writes within the bound: it acknowledges
/// no insert later than that, and it is not writable later than that, until the cut ends or it is opened again.</summary>
/// <remarks>The isolation is computed from the cuts alone (<see cref="Isolation"/>). A cut that ended before the bound with the primary still
/// writable proves nothing, and is "unknown".</remarks>
public sealed class FencedWithinCheck(TimeSpan bound) : ICheck
{
    public string Name => "fencedWithin";

    public Finding Judge(RunFacts facts)
    {
        var faults = FaultWindow.Of(facts);
        var writable = WritableSpans.Of(facts);
        var cases = facts.Servers.Keys.Order(StringComparer.Ordinal)
            .SelectMany(server => Isolation.OfServer(server, facts, faults)
                .Where(span => string.Equals(WritableSpans.PrimaryAt(span.FromUs, facts, writable), server, StringComparison.Ordinal))
                .Select(span => Case(server, span, facts, writable)))
            .OrderBy(c => c.Isolated.FromUs)
            .ToArray();
        var verdict = cases.Select(c => c.Verdict).DefaultIfEmpty(Verdict.Unknown).Max();
        var fencedUs = cases.Select(c => c.FencedUs - c.Isolated.FromUs).Where(us => us is not null).DefaultIfEmpty(null).Max();
        var observed = cases.Length == 0
            ? "no primary was ever isolated from the majority of the nodes"
            : string.Join("; ", cases.Select(c => c.Observed));

        var figures = new List<(string, double)>
        {
            ("isolations", cases.Length), ("acksAfterBound", cases.Sum(c => c.LateAcks.Count)), ("acksAfterFence", cases.Sum(c => c.AcksAfterFence)),
            ("acksBeforeFence", cases.Sum(c => c.AcksBeforeFence)),
        };
        if (fencedUs is { } us)
        {
            figures.Add(("fencingMs", Durations.ToMs(us)));
        }

        return new Finding(
            Name, verdict, "an isolated primary acknowledges no write, and is not writable, later than the bound after its isolation",
            observed, Durations.Ms(bound))
        {
            AtUs = cases.Where(c => c.Verdict == Verdict.Invalid).SelectMany(c => c.ViolationsUs).Order().Take(100).ToArray(),
            Evidence = string.Join('\n', cases.SelectMany(c => c.LateAcks).Take(20).Select(o => OpText.Of(o))),
            Figures = Durations.Figures(figures),
        };
    }

    private sealed record IsolationCase(Span Isolated, Verdict Verdict, string Observed)
    {
        public long? FencedUs { get; init; }
        public IReadOnlyList<Op> LateAcks { get; init; } = [];
        public int AcksAfterFence { get; init; }
        public int AcksBeforeFence { get; init; }
        public IReadOnlyList<long> ViolationsUs { get; init; } = [];
    }

    private IsolationCase Case(string server, Span cut, RunFacts facts, IReadOnlyList<NamedSpan> writable)
    {
        // From here on it may be writable again by right: the cut has ended, or a newer decision opened it.
        var untilUs = facts.Events.Where(e => e.Is(EventKinds.Opened) && e.AtUs > cut.FromUs && e.AtUs < cut.ToUs
                && string.Equals(facts.Server(e["instance"]), server, StringComparison.Ordinal))
            .Select(e => e.AtUs).DefaultIfEmpty(cut.ToUs).Min();
        var deadlineUs = cut.FromUs + bound.Us();
        var own = writable.Where(w => string.Equals(w.Who, server, StringComparison.Ordinal)).ToArray();
        var late = own.Select(w => new Span(Math.Max(w.Span.FromUs, deadlineUs), Math.Min(w.Span.ToUs, untilUs)))
            .Where(s => facts.ObservationsAreExact ? s.LengthUs > 0 : s.LengthUs >= 0 && s.ToUs > deadlineUs)
            .ToArray();
        var fencedUs = facts.Events.FirstOrDefault(e => e.AtUs >= cut.FromUs && e.AtUs <= untilUs && ClosesIt(e, server))?.AtUs;
        if (own.All(w => !w.Span.Contains(cut.FromUs)) && facts.ObservationsAreExact)
        {
            fencedUs = cut.FromUs; // it was closed already
        }

        var acks = facts.History.Ops.Where(o => o.Kind == OpKind.SqlInsert && o.Outcome == OpOutcome.Ok
            && string.Equals(o.Value, server, StringComparison.Ordinal) && o.ReturnedUs > cut.FromUs && o.ReturnedUs <= untilUs).ToArray();
        var lateAcks = acks.Where(o => o.ReturnedUs > deadlineUs).ToArray();
        var afterFence = acks.Where(o => o.CalledUs > fencedUs).ToArray();

        var verdict = late.Length > 0 || lateAcks.Length > 0 || afterFence.Length > 0 ? Verdict.Invalid
            : fencedUs is null || fencedUs > deadlineUs ? Verdict.Unknown
            : Verdict.Valid;
        var state = fencedUs is { } at ? $"closed {Durations.Ms(at - cut.FromUs)} after its isolation" : "was not seen closed";
        return new IsolationCase(
            cut, verdict,
            $"{server} {state}, {lateAcks.Length} writes acknowledged after the bound, {afterFence.Length} called and acknowledged after its closing")
        {
            FencedUs = fencedUs,
            LateAcks = [.. lateAcks.Union(afterFence).OrderBy(o => o.ReturnedUs).ThenBy(o => o.Id)],
            AcksAfterFence = afterFence.Length,
            AcksBeforeFence = acks.Length - afterFence.Length,
            ViolationsUs = [.. late.Select(s => s.FromUs), .. lateAcks.Union(afterFence).Select(o => o.ReturnedUs)],
        };
    }

    private static bool ClosesIt(RunEvent e, string server) =>
        string.Equals(e.Subject, server, StringComparison.Ordinal)
        && (e.Is(EventKinds.ServerDown) || (e.Is(EventKinds.Writable) && !e.IsTrue("writable")));
}
