using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Why something is not begun.</summary>
/// <param name="Code">A word for metrics: global_switch, filter, downtime, maintenance, host_filter, block_period, no_candidate, no_replica, no_lease, no_gtid, disk_stalled.</param>
/// <param name="Text">A sentence for people, with the remedy.</param>
/// <param name="BlockedBy">The earlier recovery that is in the way; 0 for none.</param>
internal sealed record Skip(string Code, string Text, long BlockedBy = 0);

/// <summary>Whether the leader may begin a recovery by itself, and whom it may promote: what operators wrote into the state and into the
/// configuration, applied. Looks only; owns nothing.</summary>
internal sealed class RecoveryRules(INodeServices services, TopologyModel model)
{
    private RecoverySettings Settings => services.Config.Recovery;

    /// <summary>Null: it may begin.</summary>
    public Skip? AgainstBeginning(ClusterLedger ledger, RecoveryKind kind, InstanceKey failed)
    {
        if (!services.Policy.RecoveriesAreOn)
            return new("global_switch", $"recoveries are switched off by {services.Policy.RecoveriesOffBy}; switch them on with enable-global-recoveries");
        var isOfIntermediate = kind is RecoveryKind.DeadIntermediatePrimary or RecoveryKind.DeadCoPrimary;
        var filters = isOfIntermediate ? Settings.IntermediateFilters : Settings.PrimaryFilters;
        if (!NameFilters.TakesCluster(filters, ledger.Cluster, ledger.Primary.ToString()))
        {
            var key = isOfIntermediate ? "RecoverIntermediateMasterClusterFilters" : "RecoverMasterClusterFilters";
            return new("filter", $"{key} does not name {ledger.Cluster}; recover it by hand or add it there");
        }

        if (services.Policy.DowntimeOf(failed) is { } downtime)
            return new("downtime", $"{failed} is in downtime by {downtime.Owner} ({downtime.Reason}); end it with end-downtime");
        if (services.Policy.MaintenanceOf(failed) is { } maintenance)
            return new("maintenance", $"{failed} is in maintenance by {maintenance.Owner} ({maintenance.Reason}); end it with end-maintenance");
        if (NameFilters.TakesHost(Settings.IgnoredHosts, failed.ToString()))
            return new("host_filter", $"RecoveryIgnoreHostnameFilters names {failed}");
        return AgainstFlapping(ledger, kind, failed);
    }

    /// <summary>A recovery that succeeded lately and that nobody has acknowledged. One that failed, one that an operator asked for, and one that is
    /// still open never block: the open one is taken up by whoever leads (openark/orchestrator#1296 is the opposite).</summary>
    private Skip? AgainstFlapping(ClusterLedger ledger, RecoveryKind kind, InstanceKey failed)
    {
        if (Settings.BlockPeriod <= TimeSpan.Zero) return null;
        var since = services.GroupTime.AtMs - (long)Settings.BlockPeriod.TotalMilliseconds;
        var isOfPrimary = RecoveryPlan.ReplacesPrimary(kind);
        var last = ledger.Closed.LastOrDefault(r => r is { IsSuccessful: true, Acknowledged: null, By: "" } && r.OpenedAt.AtMs > since
            && RecoveryPlan.ReplacesPrimary(r.Kind) == isOfPrimary && (isOfPrimary || r.Failed == failed));
        return last is null ? null : new(
            "block_period",
            $"recovery {last.Id} ({last.Analysis} of {last.Failed}) was less than {Settings.BlockPeriod.TotalSeconds:0} s ago; acknowledge it with "
            + $"ack-recovery/cluster/{ledger.Cluster} to let the next one begin",
            last.Id);
    }

    /// <summary>Why this server must not become the primary; null: it may.</summary>
    public string? AgainstPromoting(InstanceKey instance, string dataCenter, string failedDataCenter, double? secondsBehind)
    {
        if (RuleOf(instance) == PromotionRule.MustNot) return "its promotion rule is must_not";
        if (services.Policy.MaintenanceOf(instance) is { } maintenance) return $"it is in maintenance by {maintenance.Owner}";
        if (NameFilters.TakesHost(Settings.PromotionIgnoredHosts, instance.ToString())) return "PromotionIgnoreHostnameFilters names it";
        if (Settings.StayInDataCenter && !Same(dataCenter, failedDataCenter)) return $"it is in {dataCenter}, and the primary must stay in {failedDataCenter}";
        if (Settings.StayInRegion && !Same(Settings.RegionOf(dataCenter), Settings.RegionOf(failedDataCenter)))
            return $"it is in region {Settings.RegionOf(dataCenter)}, and the primary must stay in {Settings.RegionOf(failedDataCenter)}";
        if (Settings.PromotionLagMax > TimeSpan.Zero && secondsBehind >= Settings.PromotionLagMax.TotalSeconds)
            return $"it was {secondsBehind:0} s behind when it last read from its source, and {Settings.PromotionLagMax.TotalSeconds:0} s are the limit";
        return null;
    }

    /// <summary>What an operator registered comes before what DetectPromotionRuleQuery found.</summary>
    public PromotionRule RuleOf(InstanceKey instance)
    {
        if (services.Policy.RuleOf(instance) is { } registered) return registered;
        return services.Fleet.Servers.TryGetValue(instance, out var found) && PromotionRules.TryParse(found.PromotionRule, out var rule) ? rule : PromotionRule.Neutral;
    }

    /// <summary>Before a failover takes the lease from the primary: somebody must be left who may be promoted, or nothing is gained by it.</summary>
    public Skip? AgainstHavingNobody(ClusterLedger ledger, LiveCluster spec)
    {
        var failedDataCenter = model.View(ledger.Primary).DataCenter;
        var reasons = new List<string>();
        foreach (var instance in spec.Instances.Where(i => i.Key != ledger.Primary && ledger.AsideOf(i.Key) is null))
        {
            var view = model.View(instance.Key);
            if (!view.IsAnswering) continue;
            if (AgainstPromoting(instance.Key, instance.DataCenter, failedDataCenter, view.SecondsBehindSource) is not { } why) return null;
            reasons.Add($"{instance.Key}: {why}");
        }

        return reasons.Count == 0 ? null : new("no_candidate", $"no replica may be promoted ({string.Join("; ", reasons)})");
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
