using Verify.Checks;

namespace Verify.Chaos.Bench;

/// <summary>Where the time of one failover went, in seconds; the parts add up to the whole.</summary>
/// <param name="Detected">Until the leader calls the primary dead.</param>
/// <param name="Decided">From there until the recovery stands in the ledger of a majority.</param>
internal sealed record FailoverPhases(double Detected, double Decided, double Fenced, double Promoted, double Opened, double Written)
{
    /// <summary>From the opening to the end of the step that makes the other replicas follow; beside the sum, because it can end after the
    /// client's first write. With semi-sync no write is acknowledged before one of them follows. Null when the step did not end.</summary>
    public double? Repointed { get; init; }

    /// <summary>From what the nodes wrote of themselves; null when a part is missing there.</summary>
    public static FailoverPhases? Read(IReadOnlyList<RunEvent> events, long diedUs, long writtenUs, string successor)
    {
        var span = events.Where(e => e.AtUs >= diedUs && e.AtUs <= writtenUs).ToList();
        var opened = span.FirstOrDefault(e => e.Kind == EventKinds.Recovery && e["phase"] == "opened")?.AtUs;
        var called = span.LastOrDefault(e => e.Kind == EventKinds.VerdictReached && e.AtUs <= opened && e["diagnosis"].StartsWith("Dead", StringComparison.Ordinal))?.AtUs;
        var fenced = Outcome(span, "FenceOldPrimary");
        var promoted = Outcome(span, "Promote");
        var writable = span.FirstOrDefault(e => e.Kind == EventKinds.Opened && e["instance"] == successor)?.AtUs;
        if (opened is not { } o || called is not { } c || fenced is not { } f || promoted is not { } p || writable is not { } w) return null;
        var after = events.Where(e => e.AtUs >= w).ToList();
        return new((c - diedUs) / 1e6, (o - c) / 1e6, (f - o) / 1e6, (p - f) / 1e6, (w - p) / 1e6, (writtenUs - w) / 1e6)
        {
            Repointed = (Outcome(after, "RepointReplicas") - w) / 1e6,
        };
    }

    private static long? Outcome(List<RunEvent> span, string step) =>
        span.FirstOrDefault(e => e.Kind == EventKinds.Recovery && e["phase"] == "outcome" && e["step"] == step
            && e["detail"].StartsWith("done", StringComparison.Ordinal))?.AtUs;
}
