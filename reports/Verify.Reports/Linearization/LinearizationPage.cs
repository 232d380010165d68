using System.Globalization;
using System.Xml.Linq;
using Verify.Reports.SpaceTime;

namespace Verify.Reports.Linearization;

/// <summary>The picture of a history that has no order (what Porcupine shows, by code of our own): a lane per client, an operation from its
/// call to its answer, and the longest order as points that one steps through; each point is when the operation took effect, and what
/// was there afterwards. What the order could not place is red. The script is part of the page; without it all steps are shown.</summary>
public static class LinearizationPage
{
    private const double LaneHeight = 42, Left = 92, ColumnMin = 15, Top = 46, PointGap = 7;
    private static readonly XNamespace Svg = SpaceTimeSvg.Svg;

    public static string Html(LinearizationStory story)
    {
        ArgumentNullException.ThrowIfNull(story);
        var drawn = story.Calls.Select(c => c.Id).ToHashSet();
        var first = story.Steps.TakeWhile(s => !drawn.Contains(s.CallId)).Count();
        var steps = story.Steps.Select((s, i) => (Step: s, Number: i + 1)).Where(s => drawn.Contains(s.Step.CallId)).ToList();
        var body = new XElement("body",
            new XElement("div", A("class", "verdict invalid"), new XElement("div", A("class", "word"), "NO ORDER"), new XElement("div", A("class", "what"),
                new XElement("h1", $"{story.Title}: key '{story.Key}' is not linearizable"), new XElement("p", story.Why),
                new XElement("p", A("class", "soft"), $"{story.CallsCount} operations on the key, {story.Calls.Count} drawn; at most {story.Steps.Count} can be put in order; {story.SmallestCount} (outlined) are enough to show it."))),
            new XElement("div", A("class", "stepper"),
                new XElement("button", A("type", "button"), A("id", "previous"), "◀ step"), new XElement("input", A("type", "range"), A("id", "step"), A("min", "0"), A("max", N(steps.Count)), A("value", N(steps.Count))),
                new XElement("button", A("type", "button"), A("id", "next"), "step ▶"), new XElement("span", A("id", "state"), $"all {steps.Count} steps that are drawn")),
            new XElement("div", A("class", "scroll"), Picture(story, [.. steps.Select(s => s.Step)])),
            new XElement("p", A("class", "soft"), "Time goes right, evenly per event and not per second. Point at an operation for its story; click it to see the order up to it. A hollow end: nobody told how it ended."),
            new XElement("h2", "The longest order"), first > 0 ? new XElement("p", A("class", "soft"), $"{first} operations before the picture are left out.") : null,
            new XElement("ol", A("class", "steps"), A("start", N(first + 1)), steps.Select((s, i) => new XElement("li", A("data-step", N(i + 1)), A("data-state", s.Step.StateAfter),
                $"{story.Calls.First(c => c.Id == s.Step.CallId).Title} → {s.Step.StateAfter}"))),
            new XElement("h2", "What it could not place"),
            new XElement("ul", story.Calls.Where(c => c.ReturnedUs is not null && steps.TrueForAll(s => s.Step.CallId != c.Id)).Select(c => new XElement("li", $"{Seconds(c.CalledUs)} to {Seconds(c.ReturnedUs!.Value)}: {c.Title}"))),
            new XElement("script", "//", new XCData($"\n{PageAsset.Text("linearizability.js")}\n//")));
        return ExplanationPage.Document($"{story.Title}: '{story.Key}' has no order", "explanation.css", body);
    }

    private static XElement Picture(LinearizationStory story, List<LinearizationStep> steps)
    {
        var points = Points(story, steps);
        var columns = Columns(story, points);
        var clients = story.Calls.Select(c => c.Client).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var (width, height) = (columns.Width, Top + (clients.Count * LaneHeight) + 12);
        var svg = new XElement(Svg + "svg", A("class", "history"), A("viewBox", $"0 0 {N(width)} {N(height)}"), A("width", N(width)), A("height", N(height)), A("role", "img"), A("aria-label", "operations on the key"));
        foreach (var (from, to, label) in story.Faults)
        {
            var (x1, x2) = (columns.X(from), Math.Max(columns.X(from) + 3, columns.X(to)));
            svg.Add(new XElement(Svg + "g", new XElement(Svg + "title", $"{label}, {Seconds(from)} to {Seconds(to)}"), Rect("fault", x1, 4, x2 - x1, 14), Rect("faultBehind", x1, 18, x2 - x1, height - 18),
                (x2 - x1) > label.Length * 5.8 ? Text("faultLabel", x1 + 4, 14.5, label) : null));
        }

        for (var i = 0; i < clients.Count; i++)
        {
            svg.Add(Text("client", 4, Top + (i * LaneHeight) + 19, clients[i]), new XElement(Svg + "line", A("class", "guide"), A("x1", "0"), A("x2", N(width)), A("y1", N(Top + ((i + 1) * LaneHeight) - 5)), A("y2", N(Top + ((i + 1) * LaneHeight) - 5))));
        }

        foreach (var call in story.Calls) svg.Add(Operation(call, columns, Top + (clients.IndexOf(call.Client) * LaneHeight), steps.FindIndex(s => s.CallId == call.Id) + 1));
        var place = (X: 0.0, Y: 0.0);
        for (var i = 0; i < steps.Count; i++)
        {
            var call = story.Calls.First(c => c.Id == steps[i].CallId);
            var (x, y) = (columns.OfPoint(i), Top + (clients.IndexOf(call.Client) * LaneHeight) + 14);
            if (i > 0) svg.Add(new XElement(Svg + "line", A("class", "order"), A("data-step", N(i + 1)), A("x1", N(place.X)), A("y1", N(place.Y)), A("x2", N(x)), A("y2", N(y))));
            svg.Add(new XElement(Svg + "g", A("class", "point"), A("data-step", N(i + 1)), new XElement(Svg + "title", $"step {i + 1}: {call.Title}; then there is {steps[i].StateAfter}"),
                new XElement(Svg + "circle", A("cx", N(x)), A("cy", N(y)), A("r", "3.6"))));
            place = (x, y);
        }

        return svg;
    }

    private static XElement Operation(LinearizationCall call, ColumnScale columns, double top, int step)
    {
        var (x1, x2) = (columns.X(call.CalledUs), call.ReturnedUs is { } returned ? columns.X(returned) : columns.Width - 6);
        var style = $"op{(step > 0 ? "" : call.ReturnedUs is null ? " open" : " misfit")}{(call.IsInSmallestPart ? " smallest" : "")}";
        var letters = Math.Max(1, (int)((x2 - x1 - 4) / 5.9));
        return new(Svg + "g", A("class", style), A("data-step", step > 0 ? N(step) : "0"), new XElement(Svg + "title", $"{Seconds(call.CalledUs)} to {(call.ReturnedUs is { } r ? Seconds(r) : "never")}: {call.Title}"),
            new XElement(Svg + "rect", A("x", N(x1)), A("y", N(top)), A("width", N(Math.Max(4, x2 - x1))), A("height", "28"), A("rx", "3")),
            Text("opLabel", x1 + 4, top + 25, call.Label.Length <= letters ? call.Label : $"{call.Label[..Math.Max(0, letters - 1)]}…"));
    }

    /// <summary>When each step of the order takes effect: as early as its call and the step before it allow.</summary>
    private static List<long> Points(LinearizationStory story, List<LinearizationStep> steps)
    {
        var (points, now) = (new List<long>(), long.MinValue);
        foreach (var step in steps) points.Add(now = Math.Max(now, story.Calls.First(c => c.Id == step.CallId).CalledUs));
        return points;
    }

    private static ColumnScale Columns(LinearizationStory story, List<long> points)
    {
        var moments = story.Calls.SelectMany(c => new[] { c.CalledUs, c.ReturnedUs ?? c.CalledUs }).Distinct().Order().ToList();
        var (places, x) = (new SortedDictionary<long, double>(), Left);
        var ofPoint = new double[points.Count];
        foreach (var moment in moments)
        {
            places[moment] = x;
            var own = Enumerable.Range(0, points.Count).Where(i => points[i] == moment).ToList();
            for (var i = 0; i < own.Count; i++) ofPoint[own[i]] = x + 4 + (i * PointGap);
            x += Math.Max(ColumnMin, 8 + (own.Count * PointGap)) + (moments.Count < 40 ? 14 : 0);
        }

        return new(places, ofPoint, Math.Max(x + 40, 700));
    }

    private sealed record ColumnScale(SortedDictionary<long, double> Places, double[] Points, double Width)
    {
        public double OfPoint(int step) => Points[step];

        /// <summary>Of a moment that nothing happened at: where the next one is.</summary>
        public double X(long atUs)
        {
            if (Places.TryGetValue(atUs, out var exact)) return exact;
            foreach (var (at, x) in Places)
                if (at > atUs) return x - 5;
            return Width - 6;
        }
    }

    private static XElement Rect(string style, double x, double y, double width, double height) => new(Svg + "rect", A("class", style), A("x", N(x)), A("y", N(y)), A("width", N(width)), A("height", N(height)));

    private static XElement Text(string style, double x, double y, string text) => new(Svg + "text", A("class", style), A("x", N(x)), A("y", N(y)), text);

    private static string Seconds(long us) => (us / 1e6).ToString("0.000", CultureInfo.InvariantCulture) + " s";

    private static string N(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static XAttribute A(string name, string value) => new(name, value);
}
