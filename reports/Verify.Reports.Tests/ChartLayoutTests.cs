using FsCheck;
using FsCheck.Fluent;
using Verify.Reports.Tests.Samples;
using Verify.Reports.Timeline;

namespace Verify.Reports.Tests;

/// <summary>Where things go on the picture.</summary>
internal sealed class ChartLayoutTests
{
    [Test]
    public void No_two_labels_collide_and_none_leaves_the_picture()
    {
        var starts = Gen.Choose(0, 1000).ArrayOf().Where(s => s.Length <= 25).Select(s => s.Order().ToArray());
        Prop.ForAll(starts.ToArbitrary(), at =>
        {
            var model = TimelineModel.Of(Stories.Fenced("sim")) with
            {
                Faults = [.. at.Select(s => new Band(s / 25.0, (s / 25.0) + 1, BandStyle.Fault, $"partition: east | north,west {s}", ""))],
                Overlaps = [.. at.Select(s => new Band(s / 25.0, (s / 25.0) + 0.01, BandStyle.Overlap, $"2 servers writable: {s} ms", ""))],
                Moments = [.. at.Select((s, i) => new Moment($"T{i}", s / 25.0, 0, ""))],
            };
            var layout = new ChartLayout(model);
            return new[] { layout.Faults, layout.Overlaps, layout.Moments }.All(Stands);
        }).QuickCheckThrowOnFailure();
    }

    [Test]
    public void The_strips_of_labels_push_the_lanes_down_and_nothing_overlaps_them()
    {
        var layout = new ChartLayout(TimelineModel.Of(Stories.NotFenced("live")));
        Assert.That(layout.OverlapsTop, Is.GreaterThanOrEqualTo(ChartLayout.FaultHeight));
        Assert.That(layout.MomentsTop, Is.GreaterThanOrEqualTo(layout.OverlapsTop + ChartLayout.OverlapHeight));
        Assert.That(layout.LanesTop, Is.GreaterThanOrEqualTo(layout.MomentsTop + ChartLayout.MomentHeight));
        Assert.That(layout.Height, Is.GreaterThan(layout.LanesBottom));
    }

    [Test]
    public void The_time_axis_begins_at_the_left_edge_and_ends_at_the_right_one()
    {
        var model = TimelineModel.Of(Stories.Fenced("sim"));
        var layout = new ChartLayout(model);
        Assert.That(layout.X(model.FromS), Is.EqualTo(ChartLayout.Left));
        Assert.That(layout.X(model.EndS), Is.EqualTo(ChartLayout.Width - ChartLayout.RightMargin).Within(1e-6));
        Assert.That(layout.X(1e9), Is.EqualTo(layout.X(model.EndS)), "what lies outside is drawn at the edge");
        Assert.That(layout.Ticks(), Is.EqualTo(Enumerable.Range(2, 18).Select(t => t * 2.0)));
    }

    [Test]
    public void A_column_is_never_higher_than_its_strip()
    {
        var model = TimelineModel.Of(Stories.NotFenced("sim"));
        var layout = new ChartLayout(model);
        Assert.That(model.Lanes.SelectMany(l => l.Slices).Max(s => layout.Bar(s.Total)), Is.EqualTo(ChartLayout.BarsHeight).Within(1e-6));
    }

    private static bool Stands(IReadOnlyList<PlacedLabel> labels) =>
        labels.All(l => l.X >= 0 && l.Right <= ChartLayout.Width + 1e-6)
        && labels.GroupBy(l => l.Level).All(g => g.OrderBy(l => l.X).Zip(g.OrderBy(l => l.X).Skip(1)).All(p => p.First.Right <= p.Second.X));
}
