using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>One event of a trace: to whom it happened and which earlier event asked for it (sent the message, armed the timer).</summary>
/// <param name="Cause">0: nobody inside the world.</param>
internal readonly record struct CausalStep(long Step, long AtUs, string Actor, string Name, long Cause);

/// <summary>What is known of one run, whatever played it: the one form that explanations and exports read.</summary>
internal sealed record RunAccount
{
    /// <summary>What was played: "dc-fencing, seed 7".</summary>
    public required string Title { get; init; }

    /// <summary>sim, live, raft or cluster.</summary>
    public required string World { get; init; }
    public required Verdict Verdict { get; init; }
    public string FailureClass { get; init; } = "";
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>Nodes and servers; clients are added when they matter.</summary>
    public required IReadOnlyList<Track> Parties { get; init; }

    /// <summary>Sorted by time.</summary>
    public required IReadOnlyList<RunEvent> Events { get; init; }
    public IReadOnlyList<Op> Ops { get; init; } = [];

    /// <summary>Every event of the trace in order; empty where there is none (a live run).</summary>
    public IReadOnlyList<CausalStep> Steps { get; init; } = [];
    public AxisUnit Unit { get; init; } = AxisUnit.Seconds;
    public bool ObservationsAreExact { get; init; } = true;
    public IReadOnlyList<(string What, string Command)> Commands { get; init; } = [];

    public string TimeText(long atUs) => Unit == AxisUnit.Steps ? FormattableString.Invariant($"step {atUs}") : FormattableString.Invariant($"{atUs / 1e6:0.000} s");

    public long EndUs => Math.Max(Events.Count > 0 ? Events[^1].AtUs : 0, Steps.Count > 0 ? Steps[^1].AtUs : 0);

    /// <summary>For the readings that checks use (leader claims, writable spans, fault windows).</summary>
    public RunFacts Facts() => new()
    {
        History = new([.. Ops.OrderBy(o => o.CalledUs).ThenBy(o => o.Id)]), Events = Events, EndUs = EndUs, ObservationsAreExact = ObservationsAreExact,
        Nodes = Named(TrackKind.Node), Servers = Named(TrackKind.Server),
    };

    private SortedDictionary<string, string> Named(TrackKind kind)
    {
        var named = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var party in Parties)
            if (party.Kind == kind) named[party.Name] = party.Place;
        return named;
    }
}
