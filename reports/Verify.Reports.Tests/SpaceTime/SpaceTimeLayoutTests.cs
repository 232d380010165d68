using System.Globalization;
using System.Xml.Linq;
using Verify.Reports.SpaceTime;

namespace Verify.Reports.Tests.SpaceTime;

/// <summary>A space-time diagram of any size stays legible: nothing lies upon or outside anything.</summary>
public sealed class SpaceTimeLayoutTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Test]
    public void Words_of_the_chain_do_not_collide_and_do_not_leave_the_picture([Values(3, 6, 10)] int tracks, [Values(1, 8, 26)] int links)
    {
        var layout = new SpaceTimeLayout(Story(tracks, links));
        Assert.That(layout.Lines, Has.Count.EqualTo(links));
        for (var i = 0; i < layout.Lines.Count; i++)
        {
            var line = layout.Lines[i];
            Assert.That(line.Y + line.Height, Is.LessThanOrEqualTo(layout.Height), $"link {i + 1} ends inside");
            if (i > 0) Assert.That(line.Y, Is.GreaterThanOrEqualTo(layout.Lines[i - 1].Y + (layout.Lines[i - 1].Words.Count * SpaceTimeLayout.LineHeight)), $"the words of {i} end above those of {i + 1}");
            foreach (var words in line.Words) Assert.That(layout.WordsLeft + 24 + (words.Length * 6.3), Is.LessThanOrEqualTo(SpaceTimeLayout.Width), words);
        }

        Assert.That(layout.TracksRight, Is.LessThan(layout.WordsLeft));
        Assert.That(layout.TrackWidth, Is.GreaterThan(60), "a name of a node fits above its line");
    }

    [Test]
    public void The_axis_is_uneven_but_never_runs_backwards()
    {
        var layout = new SpaceTimeLayout(Story(5, 20));
        var places = Enumerable.Range(0, 400).Select(i => layout.Y(layout.FromUs + ((layout.EndUs - layout.FromUs) * i / 400))).ToList();
        Assert.That(places, Is.Ordered);
        foreach (var line in layout.Lines) Assert.That(layout.Y(line.Line.AtUs), Is.EqualTo(line.Y).Within(0.01), "times are all different here");
    }

    [Test]
    public void Faults_that_last_at_the_same_time_stand_beside_each_other()
    {
        var layout = new SpaceTimeLayout(Story(5, 10) with { Faults = [new(0, 5_000_000, "a", "a", ["n1"]), new(1_000_000, 2_000_000, "b", "b", ["n2"]), new(5_100_000, 6_000_000, "c", "c", ["n1"])] });
        Assert.That(layout.Faults.Select(f => f.X).Distinct().Count(), Is.EqualTo(2));
        Assert.That(layout.Faults.Max(f => f.X) + SpaceTimeLayout.FaultLane, Is.LessThanOrEqualTo(layout.TracksLeft));
    }

    [Test]
    public void Hostile_text_stays_text_and_the_page_stays_well_formed()
    {
        const string hostile = "</text><script>alert(1)</script> & \"quotes\" ]]> \u0001 😀";
        var story = Story(3, 4);
        story = story with { Title = hostile, Evidence = hostile, Chain = [.. story.Chain.Select(l => l with { Text = hostile })] };
        var html = ExplanationPage.Html(story);
        var page = XDocument.Parse(html["<!DOCTYPE html>\n".Length..]);
        Assert.That(page.Descendants("script"), Is.Empty);
        Assert.That(page.Descendants("h1").Single().Value, Is.EqualTo(hostile.Replace('\u0001', '\uFFFD')));
    }

    [Test]
    public void Everything_that_is_drawn_is_inside_the_picture()
    {
        var story = Story(6, 14) with
        {
            Arrows = [new("n1", 1_000_000, "n6", 1_200_000, ArrowStyle.Chain, "a"), new("n6", 2_000_000, "n1", 900_000_000, ArrowStyle.Faint, "late"), new("n2", 0, "n3", 5_000_000, ArrowStyle.Lost, "lost")],
            Bars = [new("n1", -5, 999_000_000, BarStyle.Leader, "leads term 1", "leads"), new("n2", 2_000_000, 3_000_000, BarStyle.LeaderLease, "lease", "lease")],
            Marks = [new("n4", 2_500_000, MarkStyle.Election, 0, "votes")],
        };
        var page = XDocument.Parse(ExplanationPage.Html(story)["<!DOCTYPE html>\n".Length..]);
        var svg = page.Descendants(Svg + "svg").Single();
        var height = double.Parse(svg.Attribute("viewBox")!.Value.Split(' ')[3], CultureInfo.InvariantCulture);
        foreach (var attribute in svg.Descendants().Where(e => e.Parent!.Name.LocalName is not ("pattern" or "marker")).Attributes())
        {
            if (!double.TryParse(attribute.Value, CultureInfo.InvariantCulture, out var at)) continue;
            if (attribute.Name.LocalName is "x" or "x1" or "x2" or "cx") Assert.That(at, Is.InRange(0, SpaceTimeLayout.Width), attribute.Parent!.ToString());
            if (attribute.Name.LocalName is "y" or "y1" or "y2" or "cy") Assert.That(at, Is.InRange(0, height), attribute.Parent!.ToString());
        }

        Assert.That(svg.Descendants(Svg + "line").Count(l => (string?)l.Attribute("class") == "arrow chain"), Is.EqualTo(1));
        Assert.That(svg.Descendants(Svg + "line").Count(l => (string?)l.Attribute("class") == "cross"), Is.EqualTo(2), "a lost message is crossed out");
    }

    private static SpaceTimeStory Story(int tracks, int links) => new()
    {
        Title = "sample, seed 1", VerdictWord = "INVALID", FailureClass = "safety", Promise = "nothing happens twice", Observed = "it did", Method = "by hand",
        Tracks = [.. Enumerable.Range(1, tracks).Select(i => new Track($"n{i}", "east", TrackKind.Node))],
        Chain = [.. Enumerable.Range(1, links).Select(i => new ChainLine(i, i * i * 100_000L, $"n{(i % tracks) + 1}", i == links ? MarkStyle.Violation : (MarkStyle)(i % 8),
            string.Concat(Enumerable.Repeat($"n{i} did something that takes a few words to say and ended in term {i}; ", (i % 4) + 1))))],
    };
}
