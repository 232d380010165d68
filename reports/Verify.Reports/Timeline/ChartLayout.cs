namespace Verify.Reports.Timeline;

/// <summary>A label with its place on the picture; labels of one strip that would collide stand on different levels.</summary>
public sealed record PlacedLabel(string Text, double X, double Width, int Level)
{
    public double Right => X + Width;
}

/// <summary>Where the parts of a time line go, in pixels of the picture. Pure, so that "no two labels collide" is a test.</summary>
public sealed class ChartLayout
{
    public const double Width = 1200, Left = 118, RightMargin = 12, RowHeight = 16, BandHeight = 12, BarsHeight = 34;
    public const double FaultHeight = 16, OverlapHeight = 19, MomentHeight = 17, AxisHeight = 24;
    private const double LaneGap = 9, CharacterWidth = 6, ChipWidth = 24;
    private readonly TimelineModel _model;

    public ChartLayout(TimelineModel model)
    {
        _model = model;
        Faults = Place(model.Faults.Select(f => (f.Label, X(f.FromS), Math.Max(X(f.ToS) - X(f.FromS), TextWidth(f.Label) + 8))), gap: 3);
        Overlaps = Place(model.Overlaps.Select(o => (o.Label, X(o.FromS), TextWidth(o.Label) + 14)), gap: 4);
        Moments = Place(model.Moments.Select(m => (m.Name, X(m.AtS) - (ChipWidth / 2), ChipWidth)), gap: 2);
    }

    public IReadOnlyList<PlacedLabel> Faults { get; }
    public IReadOnlyList<PlacedLabel> Overlaps { get; }
    public IReadOnlyList<PlacedLabel> Moments { get; }
    public double OverlapsTop => 2 + (Levels(Faults) * FaultHeight);
    public double MomentsTop => OverlapsTop + (Levels(Overlaps) * OverlapHeight);
    public double LanesTop => MomentsTop + (Levels(Moments) * MomentHeight) + 5;
    public double LanesBottom => LanesTop + _model.Lanes.Sum(HeightOf);
    public double Height => LanesBottom + AxisHeight;

    public static double HeightOf(Lane lane) => (lane.Rows.Count * RowHeight) + BarsHeight + 6 + LaneGap;

    public double TopOf(Lane lane) => LanesTop + _model.Lanes.TakeWhile(l => l != lane).Sum(HeightOf);

    public double X(double seconds) =>
        Left + ((Math.Clamp(seconds, _model.FromS, _model.EndS) - _model.FromS) / (_model.EndS - _model.FromS) * (Width - Left - RightMargin));

    /// <summary>Never thinner than one can see.</summary>
    public double W(Band band, double pixelsMin = 1) => Math.Max(pixelsMin, X(band.ToS) - X(band.FromS));

    public double Bar(int count) => count * BarsHeight / _model.WritesPerSliceMax;

    public bool Fits(Band band) => band.Label.Length > 0 && W(band) >= (band.Label.Length * 5.2) + 7;

    public IEnumerable<double> Ticks()
    {
        var step = (_model.EndS - _model.FromS) switch { <= 12 => 1, <= 40 => 2, <= 100 => 5, <= 240 => 10, <= 1200 => 60, _ => 600 };
        for (var tick = Math.Ceiling(_model.FromS / step) * step; tick <= _model.EndS; tick += step) yield return tick;
    }

    private static double TextWidth(string text) => text.Length * CharacterWidth;

    private static int Levels(IReadOnlyList<PlacedLabel> labels) => labels.Select(l => l.Level + 1).DefaultIfEmpty(0).Max();

    /// <summary>From left to right, each on the first level that is free; pushed inwards where it would leave the picture.</summary>
    private static List<PlacedLabel> Place(IEnumerable<(string Text, double X, double Width)> labels, double gap)
    {
        var rightOf = new List<double>();
        var placed = new List<PlacedLabel>();
        foreach (var (text, x, width) in labels)
        {
            var at = Math.Max(0, Math.Min(x, Width - width));
            var level = rightOf.FindIndex(r => r + gap <= at);
            if (level < 0)
            {
                level = rightOf.Count;
                rightOf.Add(0);
            }

            rightOf[level] = at + width;
            placed.Add(new(text, at, width, level));
        }

        return placed;
    }
}
