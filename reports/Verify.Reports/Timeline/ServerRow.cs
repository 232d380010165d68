using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Timeline;

/// <summary>When a MySQL server took writes of ordinary users, and when it was down.</summary>
internal static class ServerRow
{
    public static Row Of(RunReading run, string server)
    {
        var seen = run.Facts.ObservationsAreExact ? "" : " (as sampled)";
        var writable = run.Writable.Where(w => w.Who == server && w.Span.LengthUs > 0).Select(w => new Band(
            w.Span.FromUs / 1e6, w.Span.ToUs / 1e6, BandStyle.Writable, "writable",
            $"{server} takes writes from {FigureText.Seconds(w.Span.FromUs / 1e6)} s {(w.IsOpen ? "on" : $"to {FigureText.Seconds(w.Span.ToUs / 1e6)} s")}{seen}"));
        return new($"{server} writable", [.. writable.Concat(Down(run, server)).OrderBy(b => b.FromS)])
        {
            Thin = RunReading.ShareOf(server, run.WritableOverlaps),
        };
    }

    private static IEnumerable<Band> Down(RunReading run, string server)
    {
        RunEvent? down = null;
        foreach (var e in run.About(server))
        {
            if (e.Kind == EventKinds.ServerDown) down ??= e;
            if (e.Kind != EventKinds.ServerUp || down is null) continue;
            yield return Made(down, e.AtUs);
            down = null;
        }

        if (down is not null) yield return Made(down, run.EndUs);

        Band Made(RunEvent from, long toUs) => new(from.AtUs / 1e6, toUs / 1e6, BandStyle.Down, from["how"], $"{server} down ({from["how"]})");
    }
}
