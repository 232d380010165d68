using System.Collections.Immutable;

namespace Verify.Node.Loop;

/// <summary>What the node may do about failures by itself, in orchestrator's words and with its keys' names in the configuration file.</summary>
public sealed record RecoverySettings
{
    /// <summary>Clusters whose dead primary is replaced without asking: "*" or ".*" for all, "alias=name", "alias~=expression", or an expression
    /// that the alias matches. Empty: none (RecoverMasterClusterFilters).</summary>
    public ImmutableArray<string> PrimaryFilters { get; init; } = ["*"];

    /// <summary>The same for replicas that others replicate from (RecoverIntermediateMasterClusterFilters).</summary>
    public ImmutableArray<string> IntermediateFilters { get; init; } = ["*"];

    /// <summary>Nothing is begun for a failed server whose name matches one of these expressions (RecoveryIgnoreHostnameFilters).</summary>
    public ImmutableArray<string> IgnoredHosts { get; init; } = [];

    /// <summary>Servers whose name matches are never promoted (PromotionIgnoreHostnameFilters).</summary>
    public ImmutableArray<string> PromotionIgnoredHosts { get; init; } = [];

    /// <summary>After a recovery that succeeded, none begins by itself in the same cluster for so long, unless it was acknowledged. Counted in
    /// the group's time. Zero: no such pause (RecoveryPeriodBlockSeconds).</summary>
    public TimeSpan BlockPeriod { get; init; }

    /// <summary>A server in another data centre than the failed primary's is not promoted (PreventCrossDataCenterMasterFailover).</summary>
    public bool StayInDataCenter { get; init; }

    /// <summary>A server in another region is not promoted (PreventCrossRegionMasterFailover). Regions are told by <see cref="Regions"/>.</summary>
    public bool StayInRegion { get; init; }

    /// <summary>Region of each data centre; one that is not listed is a region of its own.</summary>
    public ImmutableSortedDictionary<string, string> Regions { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>A replica that was this far behind when the primary failed is not promoted; zero: however far (FailMasterPromotionOnLagMinutes).</summary>
    public TimeSpan PromotionLagMax { get; init; }

    /// <summary>True: relay logs are not waited for; a replica that has not applied all that it fetched is not promoted
    /// (FailMasterPromotionIfSQLThreadNotUpToDate).</summary>
    public bool FailUnlessApplied { get; init; }

    /// <summary>How long replicas are given in one attempt to apply what they have fetched, before one is chosen (RelayLogDrainSeconds).</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How far a replica may be behind to take over gracefully, and how long it may take to catch up once the old primary is closed
    /// (ReasonableMaintenanceReplicationLagSeconds).</summary>
    public TimeSpan TakeoverLagMax { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A primary that stays closed although its guardian holds its lease is replaced (RecoverNonWriteableMaster).</summary>
    public bool ReplaceUnwritable { get; init; }

    /// <summary>A primary that answers while no commit comes back from its disk is replaced, under a durable policy (RecoverDiskStalledMaster). Otherwise it is only said.</summary>
    public bool ReplaceStalled { get; init; }

    /// <summary>For how long no commit must have come back before a disk counts as stalled (DiskStalledSeconds).</summary>
    public TimeSpan StalledAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>MySQL servers are told to come up read-only after a restart, whatever their configuration file says (PersistReadOnly).</summary>
    public bool PersistReadOnly { get; init; } = true;

    /// <summary>A promotion rule that an operator registered counts for so long; zero: until it is changed (CandidateInstanceExpireMinutes).</summary>
    public TimeSpan RuleExpiry { get; init; } = TimeSpan.FromMinutes(60);

    public string RegionOf(string dataCenter) => Regions.GetValueOrDefault(dataCenter, dataCenter);
}
