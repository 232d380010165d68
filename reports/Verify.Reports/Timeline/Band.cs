namespace Verify.Reports.Timeline;

/// <summary>What a band shows; the name in camel case is its style class, and <see cref="BandStyles"/> has its words for the key.</summary>
public enum BandStyle
{
    LinkUp, LinkPartly, LinkCut, Leader, Candidate, Follower, NoQuorum, LeaderLease, WriteLease, Fencing, Writable, Down, Fault, Overlap,
}

/// <summary>A stretch of time on a row, or (faults, overlaps) through all lanes.</summary>
/// <param name="Label">Short, drawn where there is room for it.</param>
/// <param name="Title">The whole story, for whoever points at it.</param>
public sealed record Band(double FromS, double ToS, BandStyle Style, string Label, string Title)
{
    public double LengthS => ToS - FromS;
}

/// <summary>One row of a lane: a name and its bands; thin ones are drawn as a line below.</summary>
public sealed record Row(string Name, IReadOnlyList<Band> Bands)
{
    public IReadOnlyList<Band> Thin { get; init; } = [];
}

/// <summary>What an application's clients of a data centre saw in one slice of time.</summary>
public sealed record Slice(double FromS, double ToS, int Ok, int Refused, int Unknown)
{
    public int Total => Ok + Refused + Unknown;
}

/// <summary>Everything of one data centre over the time of a run.</summary>
public sealed record Lane(string DataCenter, IReadOnlyList<Row> Rows, IReadOnlyList<Slice> Slices);

/// <summary>A moment worth a line through all lanes: T0 is the first fault, the others are numbered in order of time.</summary>
/// <param name="AfterS">Seconds since T0.</param>
public sealed record Moment(string Name, double AtS, double AfterS, string What);

/// <summary>The words of the key.</summary>
public static class BandStyles
{
    public static string Css(this BandStyle style)
    {
        var name = style.ToString();
        return char.ToLowerInvariant(name[0]) + name[1..];
    }

    public static string Words(this BandStyle style) => style switch
    {
        BandStyle.LinkUp => "reaches every data centre",
        BandStyle.LinkPartly => "reaches some, or one way only",
        BandStyle.LinkCut => "cut off",
        BandStyle.Leader => "leader",
        BandStyle.Candidate => "candidate",
        BandStyle.Follower => "follower",
        BandStyle.NoQuorum => "sees no quorum",
        BandStyle.LeaderLease => "leader lease",
        BandStyle.WriteLease => "write lease, held by the guardian",
        BandStyle.Fencing => "fencing",
        BandStyle.Writable => "server takes writes",
        BandStyle.Down => "down",
        BandStyle.Fault => "fault",
        BandStyle.Overlap => "two at once: must not be",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
