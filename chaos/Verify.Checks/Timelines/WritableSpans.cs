namespace Verify.Checks.Timelines;

/// <summary>When a write of an ordinary user would have been accepted, per server. A server that is down accepts none.</summary>
/// <remarks>Exact (simulation): from writable=true to writable=false, serverDown or the end. Sampled (live): only what was surely
/// seen, from the first to the last sample that said writable, without what was between; a silence longer than
/// <see cref="SilenceUsMax"/> ends a span, because nobody knows what happened in it.</remarks>
public static class WritableSpans
{
    public const long SilenceUsMax = 1_000_000;

    public static IReadOnlyList<NamedSpan> Of(RunFacts facts) =>
        facts.Servers.Keys.Order(StringComparer.Ordinal)
            .SelectMany(server => facts.ObservationsAreExact ? Exact(server, facts) : Sampled(server, facts))
            .OrderBy(s => s.Span.FromUs).ThenBy(s => s.Who, StringComparer.Ordinal)
            .ToArray();

    /// <summary>The server that was primary at this time: the one that was writable (of several the last to become so), else the
    /// last that was opened, else the first primary.</summary>
    public static string? PrimaryAt(long atUs, RunFacts facts, IReadOnlyList<NamedSpan> writable)
    {
        var open = writable.LastOrDefault(s => s.Span.Contains(atUs) && s.Span.FromUs < atUs);
        if (open.Who is not null)
        {
            return open.Who;
        }

        var opened = facts.Events.LastOrDefault(e => e.Is(EventKinds.Opened) && e.AtUs <= atUs);
        return opened is not null ? facts.Server(opened["instance"]) : facts.FirstPrimary;
    }

    private static IEnumerable<NamedSpan> Exact(string server, RunFacts facts)
    {
        long? since = null;
        foreach (var e in EventsOf(server, facts))
        {
            if (IsOpen(e))
            {
                since ??= e.AtUs;
            }
            else if (since is { } from)
            {
                yield return new NamedSpan(server, new Span(from, e.AtUs));
                since = null;
            }
        }

        if (since is { } last)
        {
            yield return new NamedSpan(server, new Span(last, Math.Max(last, facts.EndUs)), IsOpen: true);
        }
    }

    private static IEnumerable<NamedSpan> Sampled(string server, RunFacts facts)
    {
        Span? seen = null;
        foreach (var e in EventsOf(server, facts))
        {
            var isOpen = IsOpen(e);
            if (seen is { } span && (!isOpen || e.AtUs - span.ToUs > SilenceUsMax))
            {
                yield return new NamedSpan(server, span);
                seen = null;
            }

            if (isOpen)
            {
                seen = new Span(seen?.FromUs ?? e.AtUs, e.AtUs);
            }
        }

        if (seen is { } last)
        {
            yield return new NamedSpan(server, last, IsOpen: facts.EndUs - last.ToUs <= SilenceUsMax);
        }
    }

    private static IEnumerable<RunEvent> EventsOf(string server, RunFacts facts) =>
        facts.Events.Where(e => e.Kind is EventKinds.Writable or EventKinds.ServerDown && string.Equals(e.Subject, server, StringComparison.Ordinal));

    private static bool IsOpen(RunEvent e) => e.Is(EventKinds.Writable) && e.IsTrue("writable");
}
