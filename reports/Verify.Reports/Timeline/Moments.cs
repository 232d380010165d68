using Verify.Checks;
using Verify.Checks.Timelines;

namespace Verify.Reports.Timeline;

/// <summary>The sequence of a failover: T0 is the first fault, and what followed is numbered in the order in which it happened. In a run
/// without fencing the order itself is the evidence: the promotion comes before the closing, or the closing never comes.</summary>
internal static class Moments
{
    public static IReadOnlyList<Moment> Of(RunReading run)
    {
        if (run.Steps.Count == 0) return [];
        var (fault, begun) = run.Steps[0];
        var t0 = fault.Span.FromUs;
        var found = new List<(long AtUs, string What)> { (t0, $"{fault.Fault} begins: {begun["resolved"]}") };
        AddLeaders(run, t0, found);
        AddServers(run, t0, found);
        var recoveries = run.Facts.Events.Where(e => e.AtUs >= t0 && e.Kind == EventKinds.Recovery).ToList();
        Add(recoveries.Find(e => e["phase"] == "opened"), e => $"{e.Subject} opens a recovery");
        Add(recoveries.Find(e => e["phase"] == "closed"), e => $"{e.Subject} closes the recovery");
        Add(run.Facts.Events.FirstOrDefault(e => e.AtUs >= t0 && e.Kind == EventKinds.RecoverySkipped), e => $"{e.Subject} begins no recovery of {e["instance"]}: {e["code"]}");
        var ended = run.Facts.Events.Where(e => e.Kind == EventKinds.FaultEnded).ToList();
        if (ended.Count > 0) found.Add((ended[^1].AtUs, ended.Count == 1 ? $"{ended[^1]["fault"]} ends" : "the last fault ends"));
        Add(run.Facts.Events.FirstOrDefault(e => e.Kind == EventKinds.Phase && e["name"] == "settled"), _ => "the fleet is whole again");
        return [.. found.OrderBy(f => f.AtUs).Select((f, i) => new Moment($"T{i}", f.AtUs / 1e6, (f.AtUs - t0) / 1e6, f.What))];

        void Add(RunEvent? e, Func<RunEvent, string> what)
        {
            if (e is not null) found.Add((e.AtUs, what(e)));
        }
    }

    private static void AddLeaders(RunReading run, long t0, List<(long AtUs, string What)> found)
    {
        var old = run.LeaderClaims.FirstOrDefault(c => c.Span.Contains(t0));
        if (old.Who is not null && !old.IsOpen) found.Add((old.Span.ToUs, $"{old.Who} lets its leader lease go"));
        var next = run.LeaderClaims.FirstOrDefault(c => c.Span.FromUs > t0);
        if (next.Who is not null) found.Add((next.Span.FromUs, $"{next.Who} leads in term {next.Term}"));
    }

    private static void AddServers(RunReading run, long t0, List<(long AtUs, string What)> found)
    {
        var old = run.Writable.FirstOrDefault(w => w.Span.Contains(t0));
        if (old.Who is not null && !old.IsOpen) found.Add((old.Span.ToUs, $"{old.Who} takes no more writes"));
        var next = run.Writable.FirstOrDefault(w => w.Span.FromUs > t0 && w.Who != old.Who);
        if (next.Who is null) return;
        found.Add((next.Span.FromUs, $"{next.Who} takes writes"));
        var first = run.Facts.History.Ops
            .Where(o => o.Kind == OpKind.SqlInsert && o.Outcome == OpOutcome.Ok && o.Value == next.Who && o.CalledUs >= t0)
            .OrderBy(o => o.ReturnedUs).FirstOrDefault();
        if (first is not null) found.Add((first.ReturnedUs, $"first write accepted by {next.Who}"));
    }
}
