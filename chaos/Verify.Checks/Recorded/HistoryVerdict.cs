namespace Verify.Checks.Recorded;

/// <summary>What the linearizability checker says of one file.</summary>
public sealed record HistoryVerdict
{
    public required string File { get; init; }

    /// <summary>history.ndjson, EDN or etcd log.</summary>
    public required string Format { get; init; }
    public required string Model { get; init; }
    public required Verdict Verdict { get; init; }

    /// <summary>In words.</summary>
    public required string Observed { get; init; }
    public required int Calls { get; init; }

    /// <summary>Calls that nobody answered.</summary>
    public required int OpenCalls { get; init; }

    /// <summary>Keys, locks or counters: each is judged by itself.</summary>
    public required int Parts { get; init; }
    public required long SearchSteps { get; init; }

    /// <summary>The part without a legal order; empty when none failed.</summary>
    public string FailedPart { get; init; } = "";

    /// <summary>The smallest part of the history that has no legal order, a line per call.</summary>
    public IReadOnlyList<string> Smallest { get; init; } = [];

    /// <summary>None of these calls can honestly be left out. False: there was no time to try them all.</summary>
    public bool IsSmallestMinimal { get; init; }

    /// <summary>How many calls of the failed part can be put in a row, and the end of that row.</summary>
    public int LongestOrder { get; init; }
    public IReadOnlyList<string> LongestOrderEnd { get; init; } = [];
}
