using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Recovery;

namespace Verify.NodeHost.Configuration;

/// <summary>What the node may do about failures by itself: orchestrator's keys. Where they differ: a filter that is not there means every cluster
/// (orchestrator: none), so that a node that was just set up protects what it was told of; an empty list means none, as there.</summary>
internal static class RecoveryConfig
{
    public static RecoverySettings Of(ConfigValues values)
    {
        var defaults = new RecoverySettings();
        var minutes = values.Int("RecoveryPeriodBlockMinutes", 60, 0, 525_600);
        return new()
        {
            PrimaryFilters = Filters(values, "RecoverMasterClusterFilters", "*"),
            IntermediateFilters = Filters(values, "RecoverIntermediateMasterClusterFilters", "*"),
            IgnoredHosts = Filters(values, "RecoveryIgnoreHostnameFilters", ""),
            PromotionIgnoredHosts = Filters(values, "PromotionIgnoreHostnameFilters", ""),
            BlockPeriod = TimeSpan.FromSeconds(values.Int("RecoveryPeriodBlockSeconds", minutes * 60, 0, 31_536_000)),
            StayInDataCenter = values.Bool("PreventCrossDataCenterMasterFailover", defaults.StayInDataCenter),
            StayInRegion = values.Bool("PreventCrossRegionMasterFailover", defaults.StayInRegion),
            Regions = values.Map("Regions").ToImmutableSortedDictionary(StringComparer.Ordinal),
            PromotionLagMax = TimeSpan.FromMinutes(values.Int("FailMasterPromotionOnLagMinutes", 0, 0, 525_600)),
            FailUnlessApplied = values.Bool("FailMasterPromotionIfSQLThreadNotUpToDate", defaults.FailUnlessApplied),
            DrainLimit = TimeSpan.FromSeconds(values.Int("RelayLogDrainSeconds", (int)defaults.DrainLimit.TotalSeconds, 1, 86_400)),
            TakeoverLagMax = TimeSpan.FromSeconds(values.Int("ReasonableMaintenanceReplicationLagSeconds", (int)defaults.TakeoverLagMax.TotalSeconds, 1, 86_400)),
            ReplaceUnwritable = values.Bool("RecoverNonWriteableMaster", defaults.ReplaceUnwritable),
            ReplaceStalled = values.Bool("RecoverDiskStalledMaster", defaults.ReplaceStalled),
            StalledAfter = TimeSpan.FromSeconds(values.Int("DiskStalledSeconds", (int)defaults.StalledAfter.TotalSeconds, 1, 3600)),
            PersistReadOnly = values.Bool("PersistReadOnly", defaults.PersistReadOnly),
            RuleExpiry = TimeSpan.FromMinutes(values.Int("CandidateInstanceExpireMinutes", (int)defaults.RuleExpiry.TotalMinutes, 0, 525_600)),
        };
    }

    private static ImmutableArray<string> Filters(ConfigValues values, string key, string otherwise)
    {
        var filters = values.Texts(key, otherwise);
        foreach (var filter in filters)
            if (NameFilters.Objection(filter) is { } problem) values.Problem(key, $"a list of \"*\", \"alias=name\", \"alias~=expression\" or expressions; '{filter}' is none: {problem}");
        return [.. filters];
    }
}
