using Verify.Checks.Timelines;

namespace Verify.Reports.Timeline;

/// <summary>Whom a data centre reaches, from the faults alone (not from what any node believes).</summary>
internal static class LinkRow
{
    public static Row Of(RunReading run, string dataCenter)
    {
        var others = run.DataCenters.Where(o => o != dataCenter).ToList();
        var windows = run.Faults.Where(f => (f.IsCut || f.Fault == "slow") && f.Span.LengthUs > 0).ToList();
        var moments = windows.SelectMany(f => new[] { f.Span.FromUs, f.Span.ToUs }).Append(0).Append(run.EndUs).Distinct().Order().ToList();
        var bands = new List<Band>();
        for (var i = 0; i + 1 < moments.Count; i++)
        {
            var (from, to) = (moments[i], moments[i + 1]);
            var state = StateOf(run, dataCenter, others, [.. windows.Where(f => f.Span.FromUs <= from && from < f.Span.ToUs)]);
            if (bands.Count > 0 && bands[^1].Title == state.Title) bands[^1] = bands[^1] with { ToS = to / 1e6 };
            else bands.Add(new(from / 1e6, to / 1e6, state.Style, state.Label, state.Title));
        }

        return new("link", bands);
    }

    private static (BandStyle Style, string Label, string Title) StateOf(RunReading run, string here, List<string> others, List<FaultWindow> active)
    {
        var unheardBy = others.Where(o => active.Any(f => Cuts(run, f, here, o))).ToList();
        var deafTo = others.Where(o => active.Any(f => Cuts(run, f, o, here))).ToList();
        var both = unheardBy.Intersect(deafTo, StringComparer.Ordinal).ToList();
        if (others.Count > 0 && both.Count == others.Count) return (BandStyle.LinkCut, "cut off", $"{here} is cut off from {string.Join(", ", both)}");
        var slowTo = others.Where(o => active.Any(f => IsSlow(run, f, here, o))).ToList();
        var words = new List<string>();
        Say("cut off from", both);
        Say("not heard by", [.. unheardBy.Except(both, StringComparer.Ordinal)]);
        Say("does not hear", [.. deafTo.Except(both, StringComparer.Ordinal)]);
        Say("slow to", slowTo);
        var label = string.Join("; ", words);
        return words.Count == 0 ? (BandStyle.LinkUp, "", $"{here} reaches every data centre") : (BandStyle.LinkPartly, label, $"{here}: {label}");

        void Say(string what, List<string> whom)
        {
            if (whom.Count > 0) words.Add($"{what} {string.Join(", ", whom)}");
        }
    }

    private static bool Cuts(RunReading run, FaultWindow fault, string from, string to) =>
        MembersOf(run, from).Any(a => MembersOf(run, to).Any(b => fault.Cuts(a, b)));

    private static bool IsSlow(RunReading run, FaultWindow fault, string from, string to) =>
        fault is { Fault: "slow", Sides.Count: > 1 }
        && MembersOf(run, from).Any(m => fault.Sides[0].Contains(m, StringComparer.Ordinal))
        && MembersOf(run, to).Any(m => fault.Sides[1].Contains(m, StringComparer.Ordinal));

    private static IEnumerable<string> MembersOf(RunReading run, string dataCenter) => run.NodesIn(dataCenter).Concat(run.ServersIn(dataCenter));
}
