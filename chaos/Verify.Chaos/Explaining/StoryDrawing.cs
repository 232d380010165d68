using Verify.Checks;
using Verify.Checks.Timelines;
using Verify.Reports.Model;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>A chain of causes as a page: the chain in front, everything else of the same stretch of time faintly behind it.</summary>
internal static class StoryDrawing
{
    private const int FaintMessagesMax = 260, FaintMarksMax = 320, ClientsMax = 3, TracksMax = 11;

    private const string Method =
        "The chain is a backward slice over happens-before (an event comes after what its own process did before, and after the message or timer that caused it) from the events in which the "
        + "violation shows, and of the slice only what means something: elections, votes, leases, fences, recoveries, faults, operations. Clients are not processes of the slice: one does not know "
        + "what another saw. What a link could not know is said where it matters. The slice shows what can have led here; that it had to, only a smaller schedule shows (shrink).";

    private const string NoTraceMethod =
        "This run left no trace of causes (it was played live, or recorded without one): the chain is chosen by time and by what matters for the broken promise, not by happens-before.";

    public static SpaceTimeStory Of(RunAccount account, CausalHistory history, Chain chain)
    {
        var tracks = TracksOf(account, chain);
        var lines = chain.Links.Select((l, i) => new ChainLine(i + 1, l.AtUs, l.Actor, l.Style, l.Text)).ToList();
        var (from, to) = lines.Count == 0 ? (0, 0) : (lines.Min(l => l.AtUs), lines.Max(l => l.AtUs));
        var names = tracks.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var facts = account.Facts();
        return new SpaceTimeStory
        {
            Title = account.Title, VerdictWord = account.Verdict.Word(), FailureClass = account.FailureClass,
            Promise = chain.Finding.Predicate, Observed = chain.Finding.Observed, Bound = chain.Finding.Bound, Evidence = chain.Finding.Evidence,
            Unit = account.Unit, Tracks = tracks, Chain = lines, Method = account.Steps.Count > 0 ? Method : NoTraceMethod, Commands = account.Commands,
            Bars = [.. Roles(account).Where(b => names.Contains(b.Track)), .. Spans(account, facts), .. Operations(account, chain)],
            Faults = [.. FaultWindow.Of(facts).Select(f => Band(account, f, tracks))],
            Arrows = Arrows(account, history, chain, names, from, to),
            Marks = FaintMarks(account, chain, names, from, to),
        };
    }

    private static List<Track> TracksOf(RunAccount account, Chain chain)
    {
        var shown = chain.Links.Select(l => l.Actor).ToHashSet(StringComparer.Ordinal);
        var isAboutServers = Anchors.ConcernOf(chain.Finding.Check) is Concern.Servers or Concern.Progress;
        var parties = account.Parties.Where(p => p.Kind == TrackKind.Node || shown.Contains(p.Name) || isAboutServers).ToList();
        if (parties.Count > TracksMax) parties = [.. parties.Where(p => shown.Contains(p.Name)).Take(TracksMax)];
        var clients = chain.Operations.Select(ChainBuilder.ClientTrack).Concat(shown.Where(s => s.StartsWith("client ", StringComparison.Ordinal)))
            .Concat(chain.Links.Where(l => l.Op is not null).Select(l => ChainBuilder.ClientTrack(l.Op!))).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(ClientsMax)
            .Select(c => new Track(c, PlaceOf(account, c), TrackKind.Client));
        return [.. parties.OrderBy(p => p.Kind).ThenBy(p => p.Name, StringComparer.Ordinal), .. clients];
    }

    private static string PlaceOf(RunAccount account, string client) => account.Ops.FirstOrDefault(o => ChainBuilder.ClientTrack(o) == client)?.DataCenter ?? "";

    /// <summary>Everything that lasts on nodes and servers.</summary>
    public static IEnumerable<Bar> Lasting(RunAccount account, RunFacts facts) => Roles(account).Concat(Spans(account, facts));

    /// <summary>Who led or stood when, and who was down.</summary>
    private static IEnumerable<Bar> Roles(RunAccount account)
    {
        foreach (var party in account.Parties)
        {
            (RunEvent Since, BarStyle Style, string Label)? open = null;
            foreach (var e in account.Events.Where(e => e.Subject == party.Name))
            {
                (BarStyle Style, string Label)? next = e.Kind switch
                {
                    EventKinds.RoleChanged => e["role"] switch
                    {
                        "Leader" => (BarStyle.Leader, $"leads term {e["term"]}"),
                        "Candidate" => (BarStyle.Candidate, $"stands in term {e["term"]}"),
                        _ => ((BarStyle)(-1), ""),
                    },
                    EventKinds.NodeDown or EventKinds.ServerDown or EventKinds.Halted => (BarStyle.Down, $"down{(e["how"].Length > 0 ? $" ({e["how"]})" : "")}"),
                    EventKinds.NodeUp or EventKinds.ServerUp or EventKinds.Started => ((BarStyle)(-1), ""),
                    _ => null,
                };
                if (next is null || (open is { } same && (same.Style, same.Label) == next.Value)) continue;
                if (open is { } was) yield return BarOf(account, party.Name, was.Since.AtUs, e.AtUs, was.Style, was.Label);
                open = (int)next.Value.Style < 0 ? null : (e, next.Value.Style, next.Value.Label);
            }

            if (open is { } last) yield return BarOf(account, party.Name, last.Since.AtUs, account.EndUs, last.Style, last.Label);
        }
    }

    private static Bar BarOf(RunAccount account, string who, long from, long to, BarStyle style, string label) =>
        new(who, from, to, style, label, $"{who} {label}, {account.TimeText(from)} to {account.TimeText(to)}");

    private static IEnumerable<Bar> Spans(RunAccount account, RunFacts facts)
    {
        foreach (var claim in LeaderClaims.Of(facts, FaultWindow.Of(facts)))
            yield return BarOf(account, claim.Who, claim.Span.FromUs, claim.Span.ToUs, BarStyle.LeaderLease, $"holds the leader lease of term {claim.Term}");
        foreach (var span in WritableSpans.Of(facts))
            yield return BarOf(account, span.Who, span.Span.FromUs, span.Span.ToUs, BarStyle.Writable, "takes writes");
        foreach (var party in account.Parties.Where(p => p.Kind == TrackKind.Node))
        {
            RunEvent? since = null;
            foreach (var e in account.Events.Where(e => e.Kind == EventKinds.WriteLease && e.Subject == party.Name))
            {
                if (e["held"] == "true") since ??= e;
                else if (since is not null)
                {
                    yield return BarOf(account, party.Name, since.AtUs, e.AtUs, BarStyle.WriteLease, $"holds the write lease of {since["instance"]}");
                    since = null;
                }
            }

            if (since is not null) yield return BarOf(account, party.Name, since.AtUs, account.EndUs, BarStyle.WriteLease, $"holds the write lease of {since["instance"]}");
        }
    }

    private static IEnumerable<Bar> Operations(RunAccount account, Chain chain)
    {
        var wrong = chain.Links.LastOrDefault(l => l is { Style: MarkStyle.Violation, Op: not null })?.Op;
        return chain.Operations.Concat(chain.Links.Select(l => l.Op).OfType<Op>()).Distinct().Select(op => new Bar(ChainBuilder.ClientTrack(op), op.CalledUs,
            op.ReturnedUs == long.MaxValue ? account.EndUs : op.ReturnedUs, op == wrong ? BarStyle.WrongOperation : BarStyle.Operation, KvContradiction.Words(op),
            $"client {op.Client} {KvContradiction.Words(op)}, {account.TimeText(op.CalledUs)} to {(op.ReturnedUs == long.MaxValue ? "never answered" : account.TimeText(op.ReturnedUs))}{(op.By.Length > 0 ? $", answered by {op.By}" : "")}"));
    }

    private static FaultBand Band(RunAccount account, FaultWindow fault, List<Track> tracks)
    {
        var sides = fault.Sides.OrderBy(s => s.Count).ToList();
        var hit = fault.IsCut && !fault.IsOneWay && sides.Count > 1 ? sides[0] : fault.IsOneWay ? fault.Sides[0] : [.. fault.Sides.SelectMany(s => s)];
        var words = string.Join(fault.IsOneWay ? " > " : " | ", fault.Sides.Select(s => string.Join(", ", s)));
        return new(fault.Span.FromUs, fault.Span.ToUs, $"{fault.Fault} {string.Join(", ", hit)}",
            $"{fault.Step}: {fault.Fault} {words}, {account.TimeText(fault.Span.FromUs)} to {account.TimeText(fault.Span.ToUs)}", [.. hit.Where(h => tracks.Any(t => t.Name == h))]);
    }

    private static List<Arrow> Arrows(RunAccount account, CausalHistory history, Chain chain, HashSet<string> names, long from, long to)
    {
        if (history.IsEmpty) return [];
        var arrows = chain.Influences.DistinctBy(i => (i.Message.SentStep, i.Message.Step)).Select(i => Of(i.Message, ArrowStyle.Chain, $"{Words(i.Message)}: with it news of ({i.FromLink + 1}) can have reached ({i.ToLink + 1})")).ToList();
        var others = history.Messages.Where(m => m.AtUs >= from && m.SentUs <= to && m.From != m.To && names.Contains(m.From) && names.Contains(m.To)).ToList();
        var lost = others.Where(m => m.IsHeld).ToList();
        arrows.AddRange(Thinned(lost, FaintMessagesMax / 4).Select(m => Of(m, ArrowStyle.Lost, $"{Words(m)}: held by a cut")));
        arrows.AddRange(Thinned([.. others.Where(m => !m.IsHeld)], FaintMessagesMax).Select(m => Of(m, ArrowStyle.Faint, Words(m))));
        return arrows;

        Arrow Of(TracedMessage m, ArrowStyle style, string title) => new(m.From, m.SentUs, m.To, m.AtUs, style, title);
        string Words(TracedMessage m) => $"{m.From} to {m.To}, sent {account.TimeText(m.SentUs)}, arrived {account.TimeText(m.AtUs)} ({m.Name}, step {m.Step})";
    }

    private static IEnumerable<TracedMessage> Thinned(List<TracedMessage> messages, int most)
    {
        var every = Math.Max(1, (messages.Count + most - 1) / most);
        for (var i = 0; i < messages.Count; i += every) yield return messages[i];
    }

    private static List<Mark> FaintMarks(RunAccount account, Chain chain, HashSet<string> names, long from, long to)
    {
        var inChain = chain.Links.Select(l => l.Event).ToHashSet();
        return [.. account.Events.Where(e => e.AtUs >= from && e.AtUs <= to && names.Contains(e.Subject) && e.Kind is not (EventKinds.Applied or EventKinds.Phase or SwarmKinds.Synced) && !inChain.Contains(e))
            .Take(FaintMarksMax).Select(e => new Mark(e.Subject, e.AtUs, EventWords.Style(e), 0, $"{account.TimeText(e.AtUs)}: {EventWords.Of(e)}"))];
    }
}
