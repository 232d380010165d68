using Verify.Checks;
using Verify.Checks.Timelines;
using Verify.Reports.Model;

namespace Verify.Reports.Timeline;

/// <summary>A recorded run, read once with the time lines that the checks use, so that the picture and the verdict cannot disagree about
/// who led, who took writes and what was cut.</summary>
/// <param name="Steps">The fault windows with the events that began them, in order.</param>
internal sealed record RunReading(
    RunFacts Facts, IReadOnlyList<FaultWindow> Faults, IReadOnlyList<(FaultWindow Window, RunEvent Begun)> Steps,
    IReadOnlyList<NamedSpan> Writable, IReadOnlyList<NamedSpan> LeaderClaims)
{
    public static RunReading Of(RunRecord run)
    {
        var events = run.Events.OrderBy(e => e.AtUs).ToList();
        var answered = run.Ops.Where(o => o.ReturnedUs < long.MaxValue).Select(o => o.ReturnedUs);
        var facts = new RunFacts
        {
            History = new(run.Ops),
            Events = events,
            Nodes = run.Nodes,
            Servers = run.Servers,
            ObservationsAreExact = run.World == "sim",
            EndUs = events.Select(e => e.AtUs).Concat(answered).DefaultIfEmpty(0).Max(),
        };
        var faults = FaultWindow.Of(facts);
        var begun = events.Where(e => e.Kind == EventKinds.FaultBegun);
        var steps = faults.Zip(begun).Where(s => s.Second["resolved"].Length > 0).ToList();
        return new(facts, faults, steps, WritableSpans.Of(facts), Checks.Timelines.LeaderClaims.Of(facts, faults));
    }

    /// <summary>Two servers that took writes at once.</summary>
    public IReadOnlyList<Overlap> WritableOverlaps { get; } = Overlap.Among(Writable);

    /// <summary>Two leader leases held at once.</summary>
    public IReadOnlyList<Overlap> LeaseOverlaps { get; } = Overlap.Among(LeaderClaims);

    public long EndUs => Facts.EndUs;

    public IReadOnlyList<string> DataCenters =>
        [.. Facts.Nodes.Values.Concat(Facts.Servers.Values).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public IEnumerable<string> NodesIn(string dataCenter) => In(Facts.Nodes, dataCenter);

    public IEnumerable<string> ServersIn(string dataCenter) => In(Facts.Servers, dataCenter);

    public IEnumerable<RunEvent> About(string subject) => Facts.Events.Where(e => e.Subject == subject);

    /// <summary>The part that this node or server has in overlaps, as thin bands.</summary>
    public static IReadOnlyList<Band> ShareOf(string who, IReadOnlyList<Overlap> overlaps) =>
        [.. overlaps.Where(o => o.First.Who == who || o.Second.Who == who).Select(o => new Band(
            o.FromUs / 1e6, (o.FromUs + o.LengthUs) / 1e6, BandStyle.Overlap, "", $"{o.First.Who} and {o.Second.Who} at once for {FigureText.Us(o.LengthUs)}"))];

    private static IEnumerable<string> In(IReadOnlyDictionary<string, string> places, string dataCenter) =>
        places.Where(p => p.Value == dataCenter).Select(p => p.Key).Order(StringComparer.Ordinal);
}
