using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>At most one MySQL server accepts writes of ordinary users at any time, but for a window that the scenario allows.
/// What counts as writable in the exact and in the sampled world: <see cref="WritableSpans"/>.</summary>
public sealed class SinglePrimaryCheck(TimeSpan window) : ICheck
{
    public string Name => "singlePrimary";

    public Finding Judge(RunFacts facts)
    {
        var spans = WritableSpans.Of(facts);
        var overlaps = Overlap.Among(spans);
        var tooLong = overlaps.Where(o => o.LengthUs > window.Us()).ToArray();
        var longestUs = overlaps.Select(o => o.LengthUs).DefaultIfEmpty(0).Max();
        var servers = spans.Select(s => s.Who).Distinct(StringComparer.Ordinal).ToArray();

        var verdict = tooLong.Length > 0 ? Verdict.Invalid : servers.Length == 0 ? Verdict.Unknown : Verdict.Valid;
        var observed = servers.Length == 0
            ? "no server was ever seen writable"
            : $"{servers.Length} servers were writable in turn ({string.Join(", ", servers)}), two at once for {Durations.Ms(longestUs)} at most";
        return new Finding(Name, verdict, "at most one writable primary at any time", observed, Durations.Ms(window))
        {
            AtUs = tooLong.Select(o => o.FromUs).ToArray(),
            Evidence = string.Join('\n', tooLong.Take(20).Select(o =>
                $"{Describe(o.First)} and {Describe(o.Second)}: {Durations.Ms(o.LengthUs)} together")),
            Figures = Durations.Figures(("longestOverlapUs", longestUs), ("writableServers", servers.Length)),
        };
    }

    private static string Describe(NamedSpan span) =>
        $"{span.Who} writable {OpText.Seconds(span.Span.FromUs)} – {OpText.Seconds(span.Span.ToUs)}";
}
