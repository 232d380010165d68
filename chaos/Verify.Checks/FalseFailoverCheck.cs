using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>No recovery is opened for a primary that takes writes and that a majority of the nodes can reach: one broken link is no dead
/// server (orchestrator's "holistic" failure detection). Judged by the faults alone, not by what any node saw.</summary>
/// <remarks>A failover is false only when all was well for <paramref name="lookback"/> before it was opened: what nodes saw a moment ago
/// may still count for them. A node that was down, frozen, or on a slow link then is not counted on.</remarks>
/// <param name="lookback">Longer than an observation counts and a probe takes.</param>
public sealed class FalseFailoverCheck(TimeSpan lookback) : ICheck
{
    public FalseFailoverCheck()
        : this(TimeSpan.FromSeconds(4))
    {
    }

    public string Name => "noFalseFailover";

    public Finding Judge(RunFacts facts)
    {
        var faults = FaultWindow.Of(facts);
        var writable = WritableSpans.Of(facts);
        var opened = facts.Events.Where(e => e.Is(EventKinds.Recovery) && e["phase"] is "opened")
            .DistinctBy(e => (e["cluster"], e["recoveryId"])).ToArray();
        var wrong = opened.Where(e => IsFalse(e, facts, faults, writable)).ToArray();
        return new Finding(
            Name, wrong.Length > 0 ? Verdict.Invalid : Verdict.Valid, "no recovery is opened for a primary that takes writes and that a majority reaches",
            opened.Length == 0 ? "no recovery was opened" : $"{opened.Length} recoveries, {wrong.Length} of them for a primary that lived", "0 false")
        {
            AtUs = wrong.Select(e => e.AtUs).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(e => $"recovery {e["recoveryId"]}, {OpText.Seconds(e.AtUs)}: {e.Subject} opened it: {e["detail"]}")),
            Figures = Durations.Figures(("recoveries", opened.Length), ("falseFailovers", wrong.Length)),
        };
    }

    /// <summary>An operator wished it ("db1: GracefulMasterTakeover by somebody; …"): that is no verdict on the primary.</summary>
    private static bool IsAskedFor(RunEvent opened) => opened["detail"].Split(';')[0].Contains(" by ", StringComparison.Ordinal);

    private bool IsFalse(RunEvent opened, RunFacts facts, IReadOnlyList<FaultWindow> faults, IReadOnlyList<NamedSpan> writable)
    {
        if (IsAskedFor(opened)) return false;
        var before = new Span(Math.Max(0, opened.AtUs - lookback.Us()), opened.AtUs);
        var server = facts.Server(opened["detail"].Split(": ")[0]);
        if (!facts.Servers.ContainsKey(server)) return false;
        var tookWrites = writable.Any(w => string.Equals(w.Who, server, StringComparison.Ordinal) && w.Span.FromUs <= before.FromUs
            && (facts.ObservationsAreExact ? w.Span.ToUs >= before.ToUs : w.Span.ToUs >= before.ToUs - WritableSpans.SilenceUsMax));
        if (!tookWrites) return false;
        var active = faults.Where(f => f.Span.OverlapUs(before) >= 0).ToArray();
        if (active.Any(f => !f.IsCut && f.Hits(server))) return false;
        var reaching = facts.Nodes.Keys.Count(node => active.All(f => f.IsCut ? !f.Cuts(node, server) && !f.Cuts(server, node) : !f.Hits(node)));
        return reaching * 2 > facts.Nodes.Count;
    }
}
