using System.Globalization;
using System.Xml.Linq;

namespace Verify.Reports.SpaceTime;

/// <summary>Draws a story: time goes down, a life line per actor, arrows for messages, bars for what lasts, the links of the chain as
/// numbers with their words beside them. Everything else is there, faintly, for whoever points at it.</summary>
internal static class SpaceTimeSvg
{
    private const double ArrowGap = 7;
    public static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public static XElement Draw(SpaceTimeStory story, SpaceTimeLayout layout)
    {
        var svg = new XElement(Svg + "svg",
            new XAttribute("viewBox", $"0 0 {N(SpaceTimeLayout.Width)} {N(layout.Height)}"), new XAttribute("role", "img"),
            new XAttribute("aria-label", $"space-time diagram: {story.Chain.Count} events lead to: {story.Promise} does not hold"));
        svg.Add(Definitions());
        svg.Add(Faults(story, layout), Heads(story, layout));
        svg.Add(story.Bars.Where(b => b.ToUs >= layout.FromUs && b.FromUs <= layout.EndUs).Select(b => BarOf(b, layout)));
        svg.Add(Legible(story.Arrows, layout).Select(a => ArrowOf(a, layout)));
        svg.Add(story.Marks.Where(m => m.Number == 0 && layout.IsInside(m.AtUs)).Select(m => FaintMark(m, layout)));
        svg.Add(layout.Waits().Select(w => Text("wait", SpaceTimeLayout.TimeWidth - 10, w.Y, $"⋮ {story.LengthText(w.LengthUs)}")));
        svg.Add(layout.Lines.Select(l => Link(story, layout, l)));
        return svg;
    }

    private static XElement Definitions() => new(Svg + "defs",
        new XElement(Svg + "pattern", A("id", "hatch"), A("width", "7"), A("height", "7"), A("patternUnits", "userSpaceOnUse"), A("patternTransform", "rotate(45)"),
            new XElement(Svg + "line", A("class", "hatch"), A("x1", "0"), A("y1", "0"), A("x2", "0"), A("y2", "7"))),
        Head("headChain"), Head("headFaint"), Head("headLost"));

    private static XElement Head(string id) => new(Svg + "marker", A("id", id), A("class", id), A("viewBox", "0 0 8 8"), A("refX", "7"), A("refY", "4"),
        A("markerWidth", "7"), A("markerHeight", "7"), A("orient", "auto"), new XElement(Svg + "path", A("d", "M0 0L8 4L0 8z")));

    private static IEnumerable<XElement> Heads(SpaceTimeStory story, SpaceTimeLayout layout)
    {
        foreach (var track in story.Tracks)
        {
            var x = layout.X(track.Name)!.Value;
            var kind = track.Kind.ToString().ToLowerInvariant();
            yield return new(Svg + "line", A("class", $"life {kind}"), A("x1", N(x)), A("x2", N(x)), A("y1", N(SpaceTimeLayout.HeadHeight)), A("y2", N(layout.Bottom)));
            yield return new(Svg + "g", new XElement(Svg + "title", $"{track.Name}, a {kind}{(track.Place.Length > 0 ? $" in {track.Place}" : "")}"),
                Text($"head {kind}", x, 18, Fit(track.Name, layout.TrackWidth, 7.4)), Text("place", x, 32, Fit(track.Place, layout.TrackWidth, 5.6)));
        }
    }

    private static IEnumerable<XElement> Faults(SpaceTimeStory story, SpaceTimeLayout layout)
    {
        foreach (var placed in layout.Faults)
        {
            var height = placed.Bottom - placed.Top;
            var group = new XElement(Svg + "g", new XElement(Svg + "title", placed.Fault.Title));
            foreach (var x in placed.Fault.Tracks.Select(layout.X).OfType<double>())
            {
                group.Add(Rect("faultShade", x - (layout.TrackWidth / 2) + 2, placed.Top, layout.TrackWidth - 4, height));
            }

            group.Add(Rect("fault", placed.X, placed.Top, SpaceTimeLayout.FaultLane - 3, height));
            if (height > 40) group.Add(Rotated("faultLabel", placed.X + 10.5, placed.Top + 5, Fit(placed.Fault.Label, height - 10, 5.6)));
            yield return group;
        }
    }

    private static XElement? BarOf(Bar bar, SpaceTimeLayout layout)
    {
        if (layout.X(bar.Track) is not { } x) return null;
        var (top, bottom) = (layout.Y(bar.FromUs), layout.Y(bar.ToUs));
        var (left, width) = bar.Style switch
        {
            BarStyle.LeaderLease => (x + 5, 5.0),
            BarStyle.WriteLease => (x + 12, 5.0),
            BarStyle.Operation or BarStyle.WrongOperation => (x - 6, 12.0),
            _ => (x - 18, 13.0),
        };
        var style = Css(bar.Style.ToString());
        var height = Math.Max(3, bottom - top);
        var group = new XElement(Svg + "g", new XElement(Svg + "title", bar.Title), Rect(style, left, top, width, height));
        if (width > 12.5 && height > 44) group.Add(Rotated($"barLabel on-{style}", left + 9.5, top + 5, Fit(bar.Label, height - 10, 5.2)));
        return group;
    }

    private static XElement? ArrowOf(Arrow arrow, SpaceTimeLayout layout)
    {
        if (layout.X(arrow.From) is not { } x1 || layout.X(arrow.To) is not { } x2) return null;
        var (y1, y2) = (layout.Y(arrow.SentUs), layout.Y(arrow.ArrivedUs));
        var style = arrow.Style.ToString().ToLowerInvariant();
        if (arrow.Style == ArrowStyle.Lost)
        {
            var (x, y) = (x1 + ((x2 - x1) * 0.55), y1 + ((y2 - y1) * 0.55));
            return new(Svg + "g", new XElement(Svg + "title", arrow.Title),
                Line("arrow lost", x1, y1, x, y), Line("cross", x - 3.5, y - 3.5, x + 3.5, y + 3.5), Line("cross", x - 3.5, y + 3.5, x + 3.5, y - 3.5));
        }

        var inset = arrow.Style == ArrowStyle.Chain ? 9 * Math.Sign(x2 - x1) : 0;
        var line = Line($"arrow {style}", x1, y1, x2 - inset, y2);
        line.Add(A("marker-end", arrow.Style == ArrowStyle.Chain ? "url(#headChain)" : "url(#headFaint)"));
        return new(Svg + "g", new XElement(Svg + "title", arrow.Title), line);
    }

    /// <summary>Of arrows that would lie upon each other the first; those of the chain all, and on top.</summary>
    private static IEnumerable<Arrow> Legible(IReadOnlyList<Arrow> arrows, SpaceTimeLayout layout)
    {
        var last = new SortedDictionary<(string, string, ArrowStyle), double>();
        foreach (var arrow in arrows.Where(a => a.Style != ArrowStyle.Chain && (layout.IsInside(a.SentUs) || layout.IsInside(a.ArrivedUs))).OrderBy(a => a.SentUs))
        {
            var (pair, y) = ((arrow.From, arrow.To, arrow.Style), layout.Y(arrow.SentUs));
            if (last.TryGetValue(pair, out var before) && y - before < ArrowGap) continue;
            last[pair] = y;
            yield return arrow;
        }

        foreach (var arrow in arrows.Where(a => a.Style == ArrowStyle.Chain)) yield return arrow;
    }

    private static XElement? FaintMark(Mark mark, SpaceTimeLayout layout) => layout.X(mark.Track) is not { } x ? null
        : new(Svg + "g", new XElement(Svg + "title", mark.Title),
            new XElement(Svg + "circle", A("class", $"dot {Css(mark.Style.ToString())}"), A("cx", N(x)), A("cy", N(layout.Y(mark.AtUs))), A("r", "2.6")));

    private static XElement Link(SpaceTimeStory story, SpaceTimeLayout layout, PlacedLine placed)
    {
        var style = Css(placed.Line.Style.ToString());
        var group = new XElement(Svg + "g", A("class", $"link {style}"), A("id", $"link-{placed.Line.Number}"),
            new XElement(Svg + "title", $"{story.TimeText(placed.Line.AtUs)}: {placed.Line.Text}"),
            Line("guide", SpaceTimeLayout.TimeWidth - 6, placed.Y, layout.WordsLeft + 2, placed.Y),
            Text("time", SpaceTimeLayout.TimeWidth - 10, placed.Y + 4, story.TimeText(placed.Line.AtUs)),
            new XElement(Svg + "circle", A("class", "number"), A("cx", N(placed.X)), A("cy", N(placed.Y)), A("r", "9.5")),
            Text("numberText", placed.X, placed.Y + 3.6, placed.Line.Number.ToString(CultureInfo.InvariantCulture)),
            Text("wordsNumber", layout.WordsLeft + 16, placed.Y + 4, placed.Line.Number.ToString(CultureInfo.InvariantCulture)));
        for (var i = 0; i < placed.Words.Count; i++)
        {
            group.Add(Text("words", layout.WordsLeft + 24, placed.Y + 4 + (i * SpaceTimeLayout.LineHeight), placed.Words[i]));
        }

        return group;
    }

    private static string Fit(string text, double width, double characterWidth)
    {
        var most = Math.Max(1, (int)(width / characterWidth));
        return text.Length <= most ? text : $"{text[..Math.Max(0, most - 1)]}…";
    }

    private static string Css(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static XElement Text(string style, double x, double y, string text) => new(Svg + "text", A("class", style), A("x", N(x)), A("y", N(y)), text);

    private static XElement Rotated(string style, double x, double y, string text) => new(Svg + "text", A("class", style), A("transform", $"translate({N(x - 6.5)} {N(y)}) rotate(90)"), text);

    private static XElement Rect(string style, double x, double y, double width, double height) =>
        new(Svg + "rect", A("class", style), A("x", N(x)), A("y", N(y)), A("width", N(width)), A("height", N(height)));

    private static XElement Line(string style, double x1, double y1, double x2, double y2) =>
        new(Svg + "line", A("class", style), A("x1", N(x1)), A("y1", N(y1)), A("x2", N(x2)), A("y2", N(y2)));

    private static XAttribute A(string name, string value) => new(name, value);

    private static string N(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
