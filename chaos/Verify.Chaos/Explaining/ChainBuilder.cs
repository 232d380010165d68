using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Checks.Timelines;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>Finds the chain of causes of a violation: a backward slice (Weiser 1981) over happens-before from the events in which it shows,
/// then of what is in the slice only what means something: elections, votes, leases, fences, faults, operations, and of those the ones that
/// matter for what was broken.</summary>
internal sealed class ChainBuilder(RunAccount account, CausalHistory history)
{
    private const int LinksMax = 22;
    private static readonly TimeSpan SearchTimeMax = TimeSpan.FromSeconds(20);

    /// <summary>The finding that is worth explaining: a broken promise before an open question, safety before progress.</summary>
    public static Finding? WorstOf(RunAccount account) => account.Findings.Where(f => f.Verdict != Verdict.Valid)
        .OrderByDescending(f => f.Verdict).ThenBy(f => Anchors.ConcernOf(f.Check) == Concern.Progress).ThenBy(f => f.AtUs.Count == 0).FirstOrDefault();

    public Chain Of(Finding finding)
    {
        var concern = Anchors.ConcernOf(finding.Check);
        var failure = finding.Check == "linearizable" ? new LinearizableKvCheck(new SearchLimits { Time = SearchTimeMax, Parallelism = 1 }).FailureIn(account.Ops) : null;
        List<ChainLink> anchors = failure is null ? [.. Anchors.Of(finding, account).Select(LinkOf)] : OperationLinks(failure);
        var links = Selected(concern, anchors);
        links.AddRange(anchors);
        var ordered = links.OrderBy(l => l.AtUs).ThenBy(l => l.IsAnchor).ThenBy(l => l.Place).ToList();
        WithIgnorance(ordered);
        return new(finding, ordered, InfluencesOf(ordered)) { Failure = failure };
    }

    private ChainLink LinkOf(Anchor anchor) => new(anchor.AtUs, anchor.Actor, MarkStyle.Violation, anchor.Text, anchor.Step > 0 ? history.PlaceOfStep(anchor.Step) : history.PlaceOf(anchor.Actor, anchor.AtUs))
    {
        IsAnchor = true, Event = anchor.Event, Op = anchor.Op,
    };

    /// <summary>Each operation of the smallest failing part, where it was answered; the last one says why there is no order.</summary>
    private List<ChainLink> OperationLinks(KvFailure failure)
    {
        const int OperationsMax = 9;
        var ops = failure.Smallest.OrderBy(o => AtOf(o)).ThenBy(o => o.Id).ToList();
        var links = ops.TakeLast(OperationsMax).Select(op =>
        {
            var known = op.Outcome == OpOutcome.Unknown || op.ReturnedUs == long.MaxValue;
            var by = account.Parties.Any(p => p.Name == op.By) ? op.By : ClientTrack(op);
            var text = known ? $"client {op.Client} {KvContradiction.Words(op)}; nobody tells it how that ended" : $"{op.By} answers client {op.Client}: it {KvContradiction.Words(op)} (asked at {account.TimeText(op.CalledUs)})";
            return new ChainLink(AtOf(op), by, MarkStyle.Operation, text, history.PlaceOf(by, AtOf(op))) { IsAnchor = true, Op = op };
        }).ToList();
        if (links.Count > 0) links[^1] = links[^1] with { Style = MarkStyle.Violation, Text = $"{links[^1].Text}: {KvContradiction.Of(failure)}" };
        return links;

        long AtOf(Op op) => op.ReturnedUs == long.MaxValue ? op.CalledUs : op.ReturnedUs;
    }

    public static string ClientTrack(Op op) => $"client {op.Client}";

    private List<ChainLink> Selected(Concern concern, List<ChainLink> anchors)
    {
        if (anchors.Count == 0) return [];
        var end = anchors.Max(a => a.AtUs);
        var focus = anchors.SelectMany(a => new[] { a.Actor, a.Event?["instance"] ?? "", a.Op?.Value ?? "" }).Where(n => n.Length > 0).ToHashSet(StringComparer.Ordinal);
        var taken = anchors.Select(a => a.Event).ToHashSet();
        var candidates = new List<(ChainLink Link, double Weight)>();
        foreach (var e in Changes(account.Events.Where(e => e.AtUs <= end)))
        {
            if (taken.Contains(e)) continue;
            var weight = EventWords.Weight(e, concern);
            if (weight <= 0) continue;
            var place = account.Parties.Any(p => p.Name == e.Subject) ? PlaceOf(e) : -1;
            if (!IsInSlice(e, place, anchors, concern)) continue;
            if (focus.Contains(e.Subject)) weight += 10;
            candidates.Add((new(e.AtUs, ActorOf(e), EventWords.Style(e), TextOf(e), place) { Event = e }, weight - Age(e.AtUs, end)));
        }

        candidates = FromRoot(candidates);
        return [.. candidates.OrderByDescending(c => c.Weight).ThenByDescending(c => c.Link.AtUs).Take(Math.Max(6, LinksMax - anchors.Count)).Select(c => c.Link)];
    }

    /// <summary>Whoever led when the first fault came is where the story begins, however long ago it was elected; what was before is no part of it.</summary>
    private static List<(ChainLink Link, double Weight)> FromRoot(List<(ChainLink Link, double Weight)> candidates)
    {
        var firstFault = candidates.Where(c => c.Link.Event?.Kind == EventKinds.FaultBegun).Select(c => c.Link.AtUs).DefaultIfEmpty(0).Min();
        var root = candidates.FindLastIndex(c => c.Link.Event is { Kind: EventKinds.RoleChanged } e && e["role"] == "Leader" && c.Link.AtUs <= firstFault);
        if (root < 0) return candidates;
        candidates[root] = (candidates[root].Link, 75);
        return [.. candidates.Skip(root).Concat(candidates.Take(root).Where(c => c.Link.Style == MarkStyle.Fault || c.Link.Event?.Kind == EventKinds.NodeDown))];
    }

    private static double Age(long atUs, long endUs) => Math.Min(20, Math.Log2(1 + ((endUs - atUs) / 1e5)) * 2);

    /// <summary>Only what changed something: a lease that is renewed, a sample that says the same again, are no news.</summary>
    private static IEnumerable<RunEvent> Changes(IEnumerable<RunEvent> events)
    {
        var last = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var down = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var e in events)
        {
            if (e.Kind is EventKinds.NodeDown or EventKinds.ServerDown or EventKinds.Halted) down.Add(e.Subject);
            if (e.Kind is EventKinds.NodeUp or EventKinds.ServerUp && !down.Remove(e.Subject)) continue; // the fleet comes up
            var state = e.Kind switch
            {
                EventKinds.Writable => e["writable"],
                EventKinds.WriteLease => e["held"],
                EventKinds.LeaderLease => $"{e["held"]}/{e["term"]}",
                EventKinds.QuorumSeen => e["inQuorum"],
                EventKinds.VerdictReached => e["diagnosis"],
                EventKinds.RoleChanged => $"{e["role"]}/{e["term"]}/{e["leader"]}",
                _ => null,
            };
            if (state is not null)
            {
                var about = $"{e.Kind} {e.Subject} {e["instance"]}";
                if (last.TryGetValue(about, out var before) && before == state) continue;
                last[about] = state;
            }

            yield return e;
        }
    }

    /// <summary>It happened before one of the anchors; a fault hits whoever it names, and what should have come about but did not has no past.</summary>
    private bool IsInSlice(RunEvent e, int place, List<ChainLink> anchors, Concern concern)
    {
        if (history.IsEmpty || concern == Concern.Progress || e.Kind is EventKinds.FaultBegun or EventKinds.FaultEnded) return true;
        return place >= 0 && anchors.Exists(a => a.Place < 0 || history.HappensBefore(place, a.Place));
    }

    private int PlaceOf(RunEvent e)
    {
        var exact = e.Step > 0 ? history.PlaceOfStep(e.Step) : -1;
        return exact >= 0 && history.At(exact).Actor == e.Subject ? exact : history.PlaceOf(e.Subject, e.AtUs);
    }

    private string ActorOf(RunEvent e)
    {
        if (account.Parties.Any(p => p.Name == e.Subject)) return e.Subject;
        var first = e["resolved"].Split([' ', ',', '|', '>', '[', ']'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(w => account.Parties.Any(p => p.Name == w || p.Place == w));
        return account.Parties.FirstOrDefault(p => p.Name == first)?.Name ?? account.Parties.FirstOrDefault(p => p.Place == first)?.Name ?? e.Subject;
    }

    private string TextOf(RunEvent e)
    {
        if (e.Kind != EventKinds.FaultBegun || history.IsEmpty) return EventWords.Of(e);
        var window = FaultWindow.Of(account.Facts()).FirstOrDefault(f => f.Step == e.Subject && f.Span.FromUs == e.AtUs);
        var held = history.Messages.Where(m => m.IsHeld && IsParty(m.From) && IsParty(m.To) && window is { IsCut: true } && window.Span.Contains(m.AtUs) && window.Cuts(m.From, m.To)).ToList();
        if (held.Count == 0) return EventWords.Of(e);
        var pairs = held.GroupBy(m => (m.From, m.To)).OrderByDescending(g => g.Count()).Take(2).Select(g => $"{g.Count()} from {g.Key.From} to {g.Key.To}, the first sent at {account.TimeText(g.First().SentUs)}");
        return $"{EventWords.Of(e)}; it holds {held.Count} messages ({string.Join("; ", pairs)})";
    }

    private bool IsParty(string name) => account.Parties.Any(p => p.Name == name);

    /// <summary>What an anchor's actor could not know: links on others that did not happen before it, and when it last heard of them.</summary>
    private void WithIgnorance(List<ChainLink> links)
    {
        if (history.IsEmpty) return;
        for (var i = 0; i < links.Count; i++)
        {
            var link = links[i];
            if (link.Style != MarkStyle.Violation || link.Place < 0) continue;
            var unknown = Enumerable.Range(0, i).Where(j => links[j].Place >= 0 && links[j].Actor != link.Actor && links[j].Style != MarkStyle.Fault && !history.HappensBefore(links[j].Place, link.Place)).ToList();
            if (unknown.Count == 0) continue;
            var whom = links[unknown[^1]].Actor;
            var heard = history.Knows(link.Place, whom);
            links[i] = link with
            {
                Text = $"{link.Text}. {link.Actor} could know nothing of {string.Join(", ", unknown.Select(j => $"({j + 1})"))}: what it knew of {whom} is from {(heard >= 0 ? account.TimeText(history.At(heard).AtUs) : "before the beginning")}",
            };
        }
    }

    /// <summary>For each link and each other actor: the first message that can have carried the latest news of that actor here.</summary>
    private List<Influence> InfluencesOf(List<ChainLink> links)
    {
        var found = new List<Influence>();
        for (var to = 0; to < links.Count; to++)
        {
            if (links[to].Place < 0) continue;
            var since = Enumerable.Range(0, to).Where(j => links[j].Actor == links[to].Actor && links[j].Place >= 0).Select(j => links[j].Place).DefaultIfEmpty(-1).Max();
            foreach (var from in Enumerable.Range(0, to).Where(j => links[j].Place >= 0 && links[j].Actor != links[to].Actor).GroupBy(j => links[j].Actor, StringComparer.Ordinal).Select(g => g.Last()))
            {
                if (!history.HappensBefore(links[from].Place, links[to].Place) || history.HappensBefore(links[from].Place, since)) continue;
                var message = history.FirstNews(links[from].Place, links[to].Place);
                if (message is { } m) found.Add(new(from, to, m));
            }
        }

        return found;
    }
}
