using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Timeline;

/// <summary>What one node says of itself: its role and term, its leader lease, and its work as guardian of a server.</summary>
internal static class NodeRows
{
    public static Row Role(RunReading run, string node)
    {
        var bands = new List<Band>();
        (long SinceUs, Band Band)? open = null;
        Band? beforeFreeze = null;
        foreach (var e in run.About(node))
        {
            var next = RoleAfter(e, node, open?.Band, ref beforeFreeze);
            if (next is null || (open is { } same && same.Band.Title == next.Title)) continue;
            Close(e.AtUs);
            open = (e.AtUs, next);
        }

        Close(run.EndUs);
        return new($"{node} role", bands) { Thin = OutOfQuorum(run, node) };

        void Close(long atUs)
        {
            if (open is { } o && atUs > o.SinceUs) bands.Add(o.Band with { FromS = o.SinceUs / 1e6, ToS = atUs / 1e6 });
        }
    }

    public static Row LeaderLease(RunReading run, string node) => new(
        $"{node} lease",
        [.. run.LeaderClaims.Where(c => c.Who == node && c.Span.LengthUs > 0).Select(c => new Band(
            c.Span.FromUs / 1e6, c.Span.ToUs / 1e6, BandStyle.LeaderLease, "lease",
            $"{node} holds the leader lease of term {c.Term}, {FigureText.Seconds(c.Span.FromUs / 1e6)} s to {FigureText.Seconds(c.Span.ToUs / 1e6)} s"))])
    {
        Thin = RunReading.ShareOf(node, run.LeaseOverlaps),
    };

    public static Row Guardian(RunReading run, string node)
    {
        var bands = new List<Band>();
        RunEvent? held = null;
        RunEvent? last = null;
        foreach (var e in run.About(node).Where(e => e.Kind is EventKinds.WriteLease or EventKinds.NodeDown or EventKinds.Started or EventKinds.Halted))
        {
            var isHeld = e.Kind == EventKinds.WriteLease && e["held"] == "true";
            if (held is not null && isHeld && e["instance"] == held["instance"])
            {
                last = e;
                continue;
            }

            Close(e.AtUs);
            (held, last) = isHeld ? (e, e) : (null, null);
        }

        Close(run.EndUs);
        return new($"{node} guards", [.. bands, .. Fences(run, node)]);

        void Close(long atUs)
        {
            if (held is null || atUs <= held.AtUs) return;
            var tokens = held["token"] == last!["token"] ? $"token {held["token"]}" : $"tokens {held["token"]} to {last["token"]}";
            bands.Add(new(held.AtUs / 1e6, atUs / 1e6, BandStyle.WriteLease, $"write lease {held["instance"]}", $"{node} holds the write lease of {held["instance"]}, {tokens}"));
        }
    }

    /// <summary>The role after this event; null when it changes none. A frozen process wakes up in the role in which it was frozen.</summary>
    private static Band? RoleAfter(RunEvent e, string node, Band? now, ref Band? beforeFreeze)
    {
        switch (e.Kind)
        {
            case EventKinds.RoleChanged:
                var style = e["role"] switch { "Leader" => BandStyle.Leader, "Candidate" or "PreCandidate" => BandStyle.Candidate, _ => BandStyle.Follower };
                var label = style == BandStyle.Leader ? $"leader, term {e["term"]}" : $"{(style == BandStyle.Follower ? "follower" : "candidate")}, term {e["term"]}";
                return new(0, 0, style, label, $"{node}: {e["role"]} in term {e["term"]}{(e["leader"].Length > 0 ? $", leader {e["leader"]}" : "")}");
            case EventKinds.NodeDown:
                beforeFreeze = e["how"] is "pause" or "stop" ? now : null;
                return new(0, 0, BandStyle.Down, e["how"], $"{node} down ({e["how"]})");
            case EventKinds.Halted:
                return new(0, 0, BandStyle.Down, "halted", $"{node} halted: {e["reason"]}");
            case EventKinds.NodeUp or EventKinds.Started when now?.Style == BandStyle.Down:
                return beforeFreeze ?? new(0, 0, BandStyle.Follower, "follower", $"{node} up again");
            default:
                return null;
        }
    }

    private static List<Band> OutOfQuorum(RunReading run, string node)
    {
        var bands = new List<Band>();
        long? since = null;
        foreach (var e in run.About(node).Where(e => e.Kind is EventKinds.QuorumSeen or EventKinds.NodeDown or EventKinds.Halted))
        {
            var isOut = e.Kind == EventKinds.QuorumSeen && e["inQuorum"] != "true";
            if (isOut) since ??= e.AtUs;
            else Close(e.AtUs);
        }

        Close(run.EndUs);
        return bands;

        void Close(long atUs)
        {
            if (since is { } from && atUs > from) bands.Add(new(from / 1e6, atUs / 1e6, BandStyle.NoQuorum, "", $"{node} sees no quorum"));
            since = null;
        }
    }

    private static IEnumerable<Band> Fences(RunReading run, string node)
    {
        foreach (var about in run.About(node).Where(e => e.Kind == EventKinds.Fencing).GroupBy(e => e["instance"], StringComparer.Ordinal))
        {
            RunEvent? begun = null;
            foreach (var e in about)
            {
                if (e["phase"] == "begun")
                {
                    begun ??= e;
                    continue;
                }

                var from = begun ?? e;
                var outcome = e["phase"] == "done" ? "done" : "failed";
                yield return new(
                    from.AtUs / 1e6, e.AtUs / 1e6, BandStyle.Fencing, outcome == "done" ? "fence" : "fence failed",
                    $"{node} fences {about.Key} ({from["by"]}): {outcome} after {FigureText.Us(e.AtUs - from.AtUs)}");
                begun = null;
            }

            if (begun is not null)
            {
                yield return new(begun.AtUs / 1e6, run.EndUs / 1e6, BandStyle.Fencing, "fencing, not finished", $"{node} began to fence {about.Key} ({begun["by"]}) and did not finish");
            }
        }
    }
}
