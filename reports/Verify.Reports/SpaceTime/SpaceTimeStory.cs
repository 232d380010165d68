using System.Globalization;

namespace Verify.Reports.SpaceTime;

/// <summary>Whose life line it is.</summary>
public enum TrackKind { Node, Server, Client, Harness }

/// <summary>One life line: somebody to whom things happen in an order.</summary>
public sealed record Track(string Name, string Place, TrackKind Kind);

/// <summary>What kind of event it is; the name in camel case is its style class.</summary>
public enum MarkStyle { Election, Log, Lease, Fence, Recovery, Fault, Process, Operation, Message, Violation }

/// <summary>An event on a life line.</summary>
/// <param name="Number">Its place in the chain; 0: it is only there to be seen, faintly.</param>
public sealed record Mark(string Track, long AtUs, MarkStyle Style, int Number, string Title);

/// <summary>What lasts.</summary>
public enum BarStyle { Leader, Candidate, LeaderLease, WriteLease, Writable, Down, Operation, WrongOperation }

/// <summary>Something that lasts, drawn beside a life line.</summary>
public sealed record Bar(string Track, long FromUs, long ToUs, BarStyle Style, string Label, string Title);

/// <summary>How a message is drawn: part of the chain, one among others, or held or lost on its way.</summary>
public enum ArrowStyle { Chain, Faint, Lost }

/// <summary>A message from one life line to another.</summary>
public sealed record Arrow(string From, long SentUs, string To, long ArrivedUs, ArrowStyle Style, string Title);

/// <summary>A fault while it lasts, and whom it hits.</summary>
public sealed record FaultBand(long FromUs, long ToUs, string Label, string Title, IReadOnlyList<string> Tracks);

/// <summary>One link of the chain, in words.</summary>
public sealed record ChainLine(int Number, long AtUs, string Track, MarkStyle Style, string Text);

/// <summary>What the axis counts.</summary>
public enum AxisUnit { Seconds, Steps }

/// <summary>How a violation came about: the chain of causes in words, and everything that is drawn around it (a space-time diagram
/// after Lamport 1978, "Time, Clocks, and the Ordering of Events in a Distributed System", figure 1; time goes down).</summary>
public sealed record SpaceTimeStory
{
    /// <summary>What was played: "dc-fencing, seed 7".</summary>
    public required string Title { get; init; }
    public required string VerdictWord { get; init; }
    public string FailureClass { get; init; } = "";

    /// <summary>The promise that did not hold, what was seen, and what was allowed.</summary>
    public required string Promise { get; init; }
    public required string Observed { get; init; }
    public string Bound { get; init; } = "";
    public AxisUnit Unit { get; init; } = AxisUnit.Seconds;
    public required IReadOnlyList<Track> Tracks { get; init; }

    /// <summary>In order of time.</summary>
    public required IReadOnlyList<ChainLine> Chain { get; init; }
    public IReadOnlyList<Mark> Marks { get; init; } = [];
    public IReadOnlyList<Bar> Bars { get; init; } = [];
    public IReadOnlyList<Arrow> Arrows { get; init; } = [];
    public IReadOnlyList<FaultBand> Faults { get; init; } = [];

    /// <summary>Plain text of the check: the smallest failing part, or whatever it keeps.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>How the chain was found and what it cannot show.</summary>
    public required string Method { get; init; }

    /// <summary>Commands that go on from here: what for, and the line to type.</summary>
    public IReadOnlyList<(string What, string Command)> Commands { get; init; } = [];

    public string TimeText(long atUs) => Unit == AxisUnit.Steps
        ? $"step {atUs.ToString(CultureInfo.InvariantCulture)}"
        : (atUs / 1e6).ToString("0.000", CultureInfo.InvariantCulture) + " s";

    public string LengthText(long us) => Unit == AxisUnit.Steps
        ? $"{us.ToString(CultureInfo.InvariantCulture)} steps"
        : us < 1_000_000 ? (us / 1e3).ToString("0.###", CultureInfo.InvariantCulture) + " ms" : (us / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + " s";
}
