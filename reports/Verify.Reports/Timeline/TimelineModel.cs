using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Timeline;

/// <summary>A stretch of time on a lane.</summary>
public sealed record Band(double FromS, double ToS, string Style, string Label, string Title);

/// <summary>One row of a lane: a name and its bands.</summary>
public sealed record Row(string Name, IReadOnlyList<Band> Bands);

/// <summary>What an application's clients of a data centre saw in one slice of time.</summary>
public sealed record Slice(double FromS, double ToS, int Ok, int Refused, int Unknown);

/// <summary>Everything of one data centre over the time of a run.</summary>
public sealed record Lane(string DataCenter, IReadOnlyList<Row> Rows, IReadOnlyList<Slice> Slices);

/// <summary>A moment worth a line through all lanes.</summary>
public sealed record Mark(double AtS, string Label, string Title);

/// <summary>The time line of one run: a lane per data centre, on one time axis, with the faults behind. Pure: events and operations in,
/// rows and bands out; the page only draws.</summary>
public sealed record TimelineModel(double EndS, IReadOnlyList<Lane> Lanes, IReadOnlyList<Band> Faults, IReadOnlyList<Mark> Marks, int WritesPerSliceMax, double SliceS)
{
    private const int SlicesMax = 120;

    public static TimelineModel Of(RunRecord run)
    {
        var end = Math.Max(1, Math.Max(run.Events.Select(e => e.AtUs).DefaultIfEmpty(0).Max(), run.Ops.Where(o => o.ReturnedUs < long.MaxValue).Select(o => o.ReturnedUs).DefaultIfEmpty(0).Max()) / 1e6);
        var slice = Math.Max(0.5, Math.Ceiling(end / SlicesMax * 2) / 2);
        var dataCenters = run.Nodes.Values.Concat(run.Servers.Values).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        var lanes = dataCenters.Select(dc => LaneOf(run, dc, end, slice)).ToList();
        var most = lanes.SelectMany(l => l.Slices).Select(s => s.Ok + s.Refused + s.Unknown).DefaultIfEmpty(0).Max();
        return new(end, lanes, FaultsOf(run, end), MarksOf(run), Math.Max(1, most), slice);
    }

    private static Lane LaneOf(RunRecord run, string dataCenter, double end, double slice)
    {
        var rows = new List<Row>();
        foreach (var node in run.Nodes.Where(n => n.Value == dataCenter).Select(n => n.Key).Order(StringComparer.Ordinal))
        {
            rows.Add(new($"{node} role", Roles(run, node, end)));
            rows.Add(new($"{node} leader lease", Held(run, EventKinds.LeaderLease, node, end, "lease", e => $"leader lease, term {e["term"]}")));
            rows.Add(new($"{node} guardian", Guardian(run, node, end)));
        }

        foreach (var server in run.Servers.Where(s => s.Value == dataCenter).Select(s => s.Key).Order(StringComparer.Ordinal)) rows.Add(new($"{server} writable", Writable(run, server, end)));
        return new(dataCenter, rows, Slices(run, dataCenter, end, slice));
    }

    private static List<Band> Roles(RunRecord run, string node, double end)
    {
        var bands = new List<Band>();
        var (since, style, label, title) = (-1.0, "", "", "");
        void Close(double at)
        {
            if (since >= 0 && at > since) bands.Add(new(since, at, style, label, title));
            since = -1;
        }

        foreach (var e in run.Events.Where(e => e.Subject == node))
        {
            var at = e.AtUs / 1e6;
            switch (e.Kind)
            {
                case EventKinds.RoleChanged:
                    Close(at);
                    (since, style) = (at, e["role"] switch { "Leader" => "leader", "Candidate" or "PreCandidate" => "candidate", _ => "follower" });
                    label = style == "leader" ? $"leader t{e["term"]}" : "";
                    title = $"{node}: {e["role"]} in term {e["term"]}{(e["leader"].Length > 0 ? $", leader {e["leader"]}" : "")}";
                    break;
                case EventKinds.NodeDown:
                    Close(at);
                    (since, style, label, title) = (at, "down", e["how"], $"{node} down ({e["how"]})");
                    break;
                case EventKinds.NodeUp or EventKinds.Started when style == "down":
                    Close(at);
                    (since, style, label, title) = (at, "follower", "", $"{node} up again");
                    break;
                case EventKinds.Halted:
                    Close(at);
                    (since, style, label, title) = (at, "down", "halted", $"{node} halted: {e["reason"]}");
                    break;
            }
        }

        Close(end);
        return bands;
    }

    private static List<Band> Held(RunRecord run, string kind, string node, double end, string style, Func<RunEvent, string> title)
    {
        var bands = new List<Band>();
        RunEvent? begun = null;
        foreach (var e in run.Events.Where(e => e.Subject == node))
        {
            var isEnd = e.Kind == EventKinds.NodeDown || (e.Kind == kind && e["held"] != "true");
            if (begun is not null && (isEnd || e.Kind == kind))
            {
                bands.Add(new(begun.AtUs / 1e6, e.AtUs / 1e6, style, "", title(begun)));
                begun = null;
            }

            if (e.Kind == kind && e["held"] == "true") begun = e;
        }

        if (begun is not null) bands.Add(new(begun.AtUs / 1e6, end, style, "", title(begun)));
        return bands;
    }

    private static List<Band> Guardian(RunRecord run, string node, double end)
    {
        var bands = Held(run, EventKinds.WriteLease, node, end, "writeLease", e => $"{node} holds the write lease of {e["instance"]}, token {e["token"]}");
        RunEvent? begun = null;
        foreach (var e in run.Events.Where(e => e.Kind == EventKinds.Fencing && e.Subject == node))
        {
            if (e["phase"] == "begun")
            {
                begun ??= e;
            }
            else if (e["phase"] == "done")
            {
                var from = (begun ?? e).AtUs / 1e6;
                bands.Add(new(from, Math.Max(e.AtUs / 1e6, from + 0.02), "fencing", "fence", $"{node} fences {e["instance"]} ({e["by"]}): {(e.AtUs / 1e6) - from:0.000} s"));
                begun = null;
            }
        }

        if (begun is not null) bands.Add(new(begun.AtUs / 1e6, end, "fencing", "fencing…", $"{node} did not finish fencing {begun["instance"]}"));
        return bands;
    }

    private static List<Band> Writable(RunRecord run, string server, double end)
    {
        var bands = new List<Band>();
        var since = -1.0;
        foreach (var e in run.Events.Where(e => e.Subject == server))
        {
            var at = e.AtUs / 1e6;
            var opens = e.Kind == EventKinds.Writable && e["writable"] == "true";
            var closes = e.Kind == EventKinds.ServerDown || (e.Kind == EventKinds.Writable && e["writable"] != "true");
            if (opens && since < 0) since = at;
            if (closes && since >= 0)
            {
                bands.Add(new(since, at, "writable", "writable", $"{server} takes writes from {since:0.000} s to {at:0.000} s"));
                since = -1;
            }

            if (e.Kind == EventKinds.ServerDown) bands.Add(new(at, Up(run, server, e, end), "down", e["how"], $"{server} down ({e["how"]})"));
        }

        if (since >= 0) bands.Add(new(since, end, "writable", "writable", $"{server} takes writes from {since:0.000} s on"));
        return bands;
    }

    private static double Up(RunRecord run, string server, RunEvent down, double end) =>
        run.Events.FirstOrDefault(e => e.Kind == EventKinds.ServerUp && e.Subject == server && e.AtUs >= down.AtUs)?.AtUs / 1e6 ?? end;

    private static List<Slice> Slices(RunRecord run, string dataCenter, double end, double length)
    {
        var count = (int)Math.Ceiling(end / length);
        var counts = new int[count, 3];
        foreach (var op in run.Ops.Where(o => o.DataCenter == dataCenter && o.Kind == OpKind.SqlInsert))
        {
            var at = Math.Min(count - 1, (int)((op.ReturnedUs == long.MaxValue ? op.CalledUs : op.ReturnedUs) / 1e6 / length));
            counts[Math.Max(0, at), op.Outcome switch { OpOutcome.Ok => 0, OpOutcome.Failed => 1, _ => 2 }]++;
        }

        return [.. Enumerable.Range(0, count).Select(i => new Slice(i * length, (i + 1) * length, counts[i, 0], counts[i, 1], counts[i, 2]))];
    }

    private static List<Band> FaultsOf(RunRecord run, double end) =>
        [.. run.Events.Where(e => e.Kind == EventKinds.FaultBegun && e["resolved"].Length > 0).Select(begun =>
        {
            var ended = run.Events.FirstOrDefault(e => e.Kind == EventKinds.FaultEnded && e.Subject == begun.Subject && e.AtUs >= begun.AtUs);
            var isKill = begun["fault"] == "kill" && ended is null;
            var to = ended?.AtUs / 1e6 ?? (isKill ? (begun.AtUs / 1e6) + 0.3 : end);
            return new Band(begun.AtUs / 1e6, to, "fault", $"{begun["fault"]} {begun["resolved"]}", $"{begun.Subject}: {begun["fault"]} {begun["resolved"]}{(ended?["proof"] is { Length: > 0 } proof && proof != "-1" ? $"; {proof} dropped" : "")}");
        })];

    private static List<Mark> MarksOf(RunRecord run)
    {
        var marks = new List<Mark>();
        void First(string label, string title, Func<RunEvent, bool> which)
        {
            if (run.Events.FirstOrDefault(which) is { } e) marks.Add(new(e.AtUs / 1e6, label, $"{e.AtUs / 1e6:0.000} s: {title}"));
        }

        First("detected", "the leader's verdict opened a recovery", e => e.Kind == EventKinds.Recovery && e["phase"] == "opened");
        First("recovered", "the recovery was closed", e => e.Kind == EventKinds.Recovery && e["phase"] == "closed");
        First("healed", "all faults were undone", e => e.Kind == EventKinds.Phase && e["name"] == "healed");
        First("settled", "the fleet was whole again", e => e.Kind == EventKinds.Phase && e["name"] == "settled");
        return marks;
    }
}
