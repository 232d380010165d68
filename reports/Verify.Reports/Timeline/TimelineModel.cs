using Verify.Checks;
using Verify.Checks.Timelines;
using Verify.Reports.Model;

namespace Verify.Reports.Timeline;

/// <summary>The time line of one run: a lane per data centre, on one time axis, with faults and overlaps through all of them. Pure: a
/// record in, rows and bands out; the page only draws. Who led, who took writes and what was cut is read as the checks read it.</summary>
public sealed record TimelineModel
{
    private const double BeforeFaultsS = 2;
    private const int OverlapsMax = 12;
    private const int LabelLengthMax = 60;

    /// <summary>Shortly before the workload begins: the fleet's start-up is not the story.</summary>
    public required double FromS { get; init; }
    public required double EndS { get; init; }
    public required IReadOnlyList<Lane> Lanes { get; init; }
    public required IReadOnlyList<Band> Faults { get; init; }

    /// <summary>Two servers that took writes at once, or two leases held at once.</summary>
    public required IReadOnlyList<Band> Overlaps { get; init; }
    public required IReadOnlyList<Moment> Moments { get; init; }
    public required string WritesName { get; init; }
    public required int WritesPerSliceMax { get; init; }

    public static TimelineModel Of(RunRecord record)
    {
        var run = RunReading.Of(record);
        var begin = run.Facts.Events.FirstOrDefault(e => e.Kind == EventKinds.Phase && e["name"] == "faults")?.AtUs ?? 0;
        var from = Math.Max(0, Math.Floor((begin / 1e6) - BeforeFaultsS));
        var end = Math.Max(from + 1, run.EndUs / 1e6);
        var slices = WriteSlices.For(run, from, end);
        var lanes = run.DataCenters.Select(dc => LaneOf(run, dc, slices, from)).ToList();
        return new()
        {
            FromS = from,
            EndS = end,
            Lanes = lanes,
            Faults = Clipped(FaultsOf(run), from),
            Overlaps = Clipped(OverlapsOf(run), from),
            Moments = [.. Timeline.Moments.Of(run).Where(m => m.AtS >= from)],
            WritesName = slices.Name,
            WritesPerSliceMax = lanes.SelectMany(l => l.Slices).Select(s => s.Total).Append(1).Max(),
        };
    }

    private static Lane LaneOf(RunReading run, string dataCenter, WriteSlices slices, double from)
    {
        var rows = new List<Row>();
        if (run.DataCenters.Count > 1) rows.Add(LinkRow.Of(run, dataCenter));
        foreach (var node in run.NodesIn(dataCenter))
        {
            rows.Add(NodeRows.Role(run, node));
            rows.Add(NodeRows.LeaderLease(run, node));
            if (run.Facts.Servers.Count > 0) rows.Add(NodeRows.Guardian(run, node));
        }

        rows.AddRange(run.ServersIn(dataCenter).Select(s => ServerRow.Of(run, s)));
        return new(dataCenter, [.. rows.Select(r => r with { Bands = Clipped(r.Bands, from), Thin = Clipped(r.Thin, from) })], slices.Of(run, dataCenter));
    }

    private static IEnumerable<Band> FaultsOf(RunReading run) => run.Steps.Select(step =>
    {
        var (window, begun) = step;
        var ended = run.Facts.Events.FirstOrDefault(e => e.Kind == EventKinds.FaultEnded && e.Subject == begun.Subject && e.AtUs >= begun.AtUs);
        var proof = ended is not null && ended.Number("proof") > 0 ? $"; {ended["proof"]} times it bit" : "";
        return new Band(window.Span.FromUs / 1e6, window.Span.ToUs / 1e6, BandStyle.Fault,
            ShortOf($"{window.Fault}: {begun["resolved"]}"), $"{begun.Subject}: {window.Fault} {begun["resolved"]}{proof}");
    });

    /// <summary>The longest ones; a flapping fleet must not cover its own picture.</summary>
    private static IEnumerable<Band> OverlapsOf(RunReading run) =>
        run.WritableOverlaps.Select(o => Made(o, "2 servers writable", "both take writes"))
            .Concat(run.LeaseOverlaps.Select(o => Made(o, "2 leader leases", "both hold a leader lease")))
            .OrderByDescending(b => b.LengthS).Take(OverlapsMax).OrderBy(b => b.FromS);

    private static Band Made(Overlap overlap, string label, string what) => new(
        overlap.FromUs / 1e6, (overlap.FromUs + overlap.LengthUs) / 1e6, BandStyle.Overlap, $"{label}: {FigureText.Us(overlap.LengthUs)}",
        $"{overlap.First.Who} and {overlap.Second.Who} {what} from {FigureText.Seconds(overlap.FromUs / 1e6)} s on, for {FigureText.Us(overlap.LengthUs)}");

    private static string ShortOf(string label) => label.Length <= LabelLengthMax ? label : label[..(LabelLengthMax - 1)] + "…";

    private static List<Band> Clipped(IEnumerable<Band> bands, double from) =>
        [.. bands.Where(b => b.ToS > from).Select(b => b.FromS < from ? b with { FromS = from } : b)];
}
