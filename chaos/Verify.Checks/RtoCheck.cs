using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>From the fault that took the primary away (a kill, a freeze of the process or of its disk, or a cut from the majority) to the first insert that another
/// server acknowledged takes at most the bound: what clients call the RTO.</summary>
/// <remarks>A fault that went by before the bound, with the old primary serving again, asked for no failover and is not judged.</remarks>
public sealed class RtoCheck(TimeSpan bound) : ICheck
{
    public string Name => "rtoWithin";

    public Finding Judge(RunFacts facts)
    {
        var losses = Losses(facts).Select(l => Judged(l.Server, l.Span, facts)).ToArray();
        var verdict = losses.Select(l => l.Verdict).DefaultIfEmpty(Verdict.Unknown).Max();
        var took = losses.Where(l => l.TookUs is not null).Select(l => l.TookUs!.Value).ToArray();
        return new Finding(
            Name, verdict, "another server acknowledges a write within the bound after the primary was taken away",
            losses.Length == 0 ? "no fault took the primary away" : string.Join("; ", losses.Select(l => l.Observed)), Durations.Ms(bound))
        {
            AtUs = losses.Where(l => l.Verdict == Verdict.Invalid).Select(l => l.FromUs).ToArray(),
            Figures = Durations.Figures(
                [("primaryLosses", losses.Length), .. took.Length > 0 ? new[] { ("rtoMs", Durations.ToMs(took.Max())) } : []]),
        };
    }

    private readonly record struct Loss(long FromUs, Verdict Verdict, string Observed, long? TookUs = null);

    private static IEnumerable<(string Server, Span Span)> Losses(RunFacts facts)
    {
        var faults = FaultWindow.Of(facts);
        var writable = WritableSpans.Of(facts);
        bool WasPrimary(string server, long atUs) =>
            string.Equals(WritableSpans.PrimaryAt(atUs, facts, writable), server, StringComparison.Ordinal);

        return facts.Servers.Keys.Order(StringComparer.Ordinal)
            .SelectMany(server => Isolation.OfServer(server, facts, faults)
                .Concat(faults.Where(f => f.Fault is "kill" or "pause" or "stallDisk" && f.Hits(server)).Select(f => f.Span))
                .Where(span => WasPrimary(server, span.FromUs))
                .Select(span => (server, span)))
            .OrderBy(l => l.span.FromUs);
    }

    private Loss Judged(string server, Span loss, RunFacts facts)
    {
        var inserts = facts.History.Ops.Where(o => o.Kind == OpKind.SqlInsert && o.CalledUs >= loss.FromUs).ToArray();
        var acks = inserts.Where(o => o.Outcome == OpOutcome.Ok).OrderBy(o => o.ReturnedUs).ThenBy(o => o.Id).ToArray();
        bool IsOld(Op o) => string.Equals(o.Value, server, StringComparison.Ordinal);
        var first = acks.FirstOrDefault(o => !IsOld(o));
        var oldServedAgain = acks.Any(o => IsOld(o) && o.CalledUs > loss.ToUs && (first is null || o.ReturnedUs < first.ReturnedUs));

        if (first is not null && !oldServedAgain)
        {
            var tookUs = first.ReturnedUs - loss.FromUs;
            return new Loss(
                loss.FromUs, tookUs <= bound.Us() ? Verdict.Valid : Verdict.Invalid,
                $"{first.Value} acknowledged its first write {Durations.Ms(tookUs)} after {server} was taken away", tookUs);
        }

        var lastedUs = Math.Min(loss.ToUs, facts.EndUs) - loss.FromUs;
        return inserts.Length == 0
            ? new Loss(loss.FromUs, Verdict.Unknown, $"no client tried to write after {server} was taken away")
            : lastedUs > bound.Us()
                ? new Loss(loss.FromUs, Verdict.Invalid, $"no other server acknowledged a write in the {Durations.Ms(lastedUs)} that {server} was away")
                : new Loss(loss.FromUs, Verdict.Unknown, $"{server} was away for {Durations.Ms(lastedUs)} only, less than the bound");
    }
}
