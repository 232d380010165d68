namespace Verify.Chaos.Campaigns;

/// <summary>One scenario, played once on real servers.</summary>
/// <param name="ExitCode">As of verify-chaos run: 0 valid, 1 violated, 2 unknown, 3 the harness failed.</param>
/// <param name="Load">The machine's load average over a minute when it began.</param>
/// <param name="Figures">What the checks measured, as "check.figure".</param>
/// <param name="Trouble">What was not valid, in words; else empty.</param>
internal sealed record CampaignPlay(
    string Scenario, string Flavor, string Servers, string Commit, DateTimeOffset StartedAt, int ExitCode, double Load, IReadOnlyDictionary<string, double> Figures, string Trouble);
