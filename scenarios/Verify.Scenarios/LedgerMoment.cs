using System.Collections.Immutable;

namespace Verify.Scenarios;

/// <summary>A moment of a recovery: the leader has just seen that this stands in the ledger of a majority.</summary>
/// <param name="Phase">opened, intent, outcome or closed.</param>
/// <param name="Step">The step that is intended or has an outcome; else empty.</param>
public sealed record LedgerMoment(string Phase, string Step)
{
    /// <summary>The steps of a failover, in their order.</summary>
    public static ImmutableArray<string> Steps { get; } = ["FenceOldPrimary", "DrainRelayLogs", "ChooseCandidate", "Promote", "PublishPrimary", "RepointReplicas"];

    /// <summary>Every moment of a failover, in order: before and after each step.</summary>
    public static ImmutableArray<LedgerMoment> All { get; } =
        [new("opened", ""), .. Steps.SelectMany(static step => new LedgerMoment[] { new("intent", step), new("outcome", step) }), new("closed", "")];

    /// <summary>"intent Promote", "opened"; null when it is none.</summary>
    public static LedgerMoment? TryParse(string text) => All.FirstOrDefault(moment => string.Equals(moment.ToString(), text, StringComparison.Ordinal));

    public override string ToString() => Step.Length == 0 ? Phase : $"{Phase} {Step}";
}
