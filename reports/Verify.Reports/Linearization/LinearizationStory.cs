namespace Verify.Reports.Linearization;

/// <summary>One operation of a client on the failing key.</summary>
/// <param name="ReturnedUs">Null: nobody told how it ended.</param>
/// <param name="IsInSmallestPart">It belongs to the smallest part that fails still.</param>
public sealed record LinearizationCall(long Id, string Client, long CalledUs, long? ReturnedUs, string Label, string Title, bool IsInSmallestPart);

/// <summary>One step of the longest order that was found: an operation takes effect, and what is there afterwards.</summary>
public sealed record LinearizationStep(long CallId, string StateAfter);

/// <summary>A key that cannot be put in order, for people to look at.</summary>
public sealed record LinearizationStory
{
    public required string Title { get; init; }
    public required string Key { get; init; }

    /// <summary>Why there is no order, in a sentence.</summary>
    public required string Why { get; init; }

    /// <summary>How many operations on the key there were in all, and how many are enough to show the failure.</summary>
    public required int CallsCount { get; init; }
    public required int SmallestCount { get; init; }

    /// <summary>Those that are drawn, in the order of their calls.</summary>
    public required IReadOnlyList<LinearizationCall> Calls { get; init; }

    /// <summary>The longest order, whole: also what is not drawn.</summary>
    public required IReadOnlyList<LinearizationStep> Steps { get; init; }
    public IReadOnlyList<(long FromUs, long ToUs, string Label)> Faults { get; init; } = [];
}
