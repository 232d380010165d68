namespace Verify.Reports.SpaceTime;

/// <summary>A link of the chain with its place: the number stands on its life line, the words beside it in the right margin.</summary>
public sealed record PlacedLine(ChainLine Line, double Y, double X, IReadOnlyList<string> Words, double Height);

/// <summary>A fault with its place in the strip of faults.</summary>
public sealed record PlacedFault(FaultBand Fault, double X, double Top, double Bottom);

/// <summary>Where everything goes, in pixels. The axis of time is not even: between two links of the chain there is as much room as
/// the words of the first need, and long waits are squeezed; order and times are true, lengths are not. Pure, so that "no two labels
/// collide" is a test.</summary>
public sealed class SpaceTimeLayout
{
    public const double Width = 1240, TimeWidth = 82, HeadHeight = 44, LineHeight = 14, FaultLane = 17, Margin = 34;
    private const double CharacterWidth = 6.9, BoldCharacterWidth = 7.5, TrackWidthMin = 62, TrackWidthMax = 118, WordsWidthMin = 430, StretchMax = 34;
    private readonly SpaceTimeStory _story;
    private readonly List<(long AtUs, double Y)> _fixed = [];
    private readonly int _lanes;

    public SpaceTimeLayout(SpaceTimeStory story)
    {
        _story = story;
        (FromUs, EndUs) = Window(story);
        var lanes = LanesOf(story.Faults.Where(f => f.ToUs >= FromUs && f.FromUs <= EndUs).OrderBy(f => f.FromUs).ThenBy(f => f.Label, StringComparer.Ordinal).ToList());
        _lanes = lanes.Select(l => l.Lane + 1).DefaultIfEmpty(0).Max();
        TracksLeft = TimeWidth + (_lanes * FaultLane) + 10;
        TrackWidth = Math.Clamp((Width - TracksLeft - WordsWidthMin) / Math.Max(1, story.Tracks.Count), TrackWidthMin, TrackWidthMax);
        WordsLeft = TracksLeft + (story.Tracks.Count * TrackWidth) + 14;
        Lines = Place();
        Height = _fixed[^1].Y + 14;
        Faults = [.. lanes.Select(l => new PlacedFault(l.Fault, TimeWidth + (l.Lane * FaultLane), Y(l.Fault.FromUs), Math.Max(Y(l.Fault.ToUs), Y(l.Fault.FromUs) + 6)))];
    }

    public long FromUs { get; }
    public long EndUs { get; }
    public double TracksLeft { get; }
    public double TrackWidth { get; }
    public double WordsLeft { get; }
    public double Height { get; }
    public IReadOnlyList<PlacedLine> Lines { get; }
    public IReadOnlyList<PlacedFault> Faults { get; }
    public double TracksRight => TracksLeft + (_story.Tracks.Count * TrackWidth);
    public double Bottom => Height - 8;

    /// <summary>The middle of a life line; null for somebody who is not drawn.</summary>
    public double? X(string track)
    {
        for (var i = 0; i < _story.Tracks.Count; i++)
        {
            if (string.Equals(_story.Tracks[i].Name, track, StringComparison.Ordinal)) return TracksLeft + ((i + 0.5) * TrackWidth);
        }

        return null;
    }

    /// <summary>Where a moment is; outside of the picture it is at its edge.</summary>
    public double Y(long atUs)
    {
        var after = _fixed.FindIndex(p => p.AtUs >= atUs);
        if (after < 0) return _fixed[^1].Y;
        if (after == 0 || _fixed[after].AtUs == atUs) return _fixed[after].Y;
        var (before, next) = (_fixed[after - 1], _fixed[after]);
        return before.Y + ((next.Y - before.Y) * (atUs - before.AtUs) / (next.AtUs - before.AtUs));
    }

    public bool IsInside(long atUs) => FromUs <= atUs && atUs <= EndUs;

    /// <summary>The waits that are long enough to be named, with their place: between two links of the chain.</summary>
    public IEnumerable<(double Y, long LengthUs)> Waits()
    {
        for (var i = 1; i < Lines.Count; i++)
        {
            var (before, next) = (Lines[i - 1], Lines[i]);
            if (next.Y - before.Y >= 38) yield return (((before.Y + next.Y) / 2) + 4, next.Line.AtUs - before.Line.AtUs);
        }
    }

    /// <summary>Words in lines that fit the right margin.</summary>
    public static IReadOnlyList<string> Wrapped(string text, int charactersMax)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(w => w.Chunk(charactersMax)).Select(c => new string(c)))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > charactersMax)
            {
                lines.Add(line);
                line = "";
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        if (line.Length > 0) lines.Add(line);
        return lines;
    }

    private static (long FromUs, long EndUs) Window(SpaceTimeStory story)
    {
        if (story.Chain.Count == 0) return (0, 1);
        var (first, last) = (story.Chain.Min(l => l.AtUs), story.Chain.Max(l => l.AtUs));
        var lead = story.Unit == AxisUnit.Steps ? 3 : Math.Clamp((last - first) / 20, 20_000, 500_000);
        return (Math.Max(0, first - lead), last + lead);
    }

    private List<PlacedLine> Place()
    {
        var room = Width - WordsLeft - 30;
        var placed = new List<PlacedLine>();
        var y = HeadHeight + Margin;
        _fixed.Add((FromUs, HeadHeight + 6));
        for (var i = 0; i < _story.Chain.Count; i++)
        {
            var line = _story.Chain[i];
            var words = Wrapped(line.Text, (int)(room / (line.Style == MarkStyle.Violation ? BoldCharacterWidth : CharacterWidth)));
            var height = (words.Count * LineHeight) + 9;
            placed.Add(new(line, y, X(line.Track) ?? TracksRight, words, height));
            if (_fixed[^1].AtUs < line.AtUs) _fixed.Add((line.AtUs, y));
            var waitUs = i + 1 < _story.Chain.Count ? _story.Chain[i + 1].AtUs - line.AtUs : 0;
            y += Math.Max(height, 24) + Stretch(waitUs);
        }

        _fixed.Add((Math.Max(EndUs, _fixed[^1].AtUs + 1), y + 10));
        return placed;
    }

    /// <summary>A longer wait is a little longer in the picture.</summary>
    private double Stretch(long waitUs)
    {
        var unit = _story.Unit == AxisUnit.Steps ? 1.0 : 2000.0;
        return waitUs <= 0 ? 0 : Math.Min(StretchMax, Math.Log2(1 + (waitUs / unit)) * 3);
    }

    private static List<(FaultBand Fault, int Lane)> LanesOf(List<FaultBand> faults)
    {
        var ends = new List<long>();
        var placed = new List<(FaultBand, int)>();
        foreach (var fault in faults)
        {
            var lane = ends.FindIndex(e => e < fault.FromUs);
            if (lane < 0)
            {
                lane = ends.Count;
                ends.Add(0);
            }

            ends[lane] = fault.ToUs;
            placed.Add((fault, lane));
        }

        return placed;
    }
}
