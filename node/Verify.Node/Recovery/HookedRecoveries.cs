using Verify.Node.State.Ledger;

namespace Verify.Node.Recovery;

/// <summary>What hooks ask of a recovery, in one place: which of orchestrator's moments its kind has.</summary>
internal static class HookedRecoveries
{
    /// <summary>Planned: the old primary is alive.</summary>
    public static bool IsTakeover(RecoveryRecord recovery) => recovery.Kind == RecoveryKind.GracefulTakeover;

    /// <summary>It replaces the cluster's primary.</summary>
    public static bool IsOfPrimary(RecoveryRecord recovery) => RecoveryPlan.ReplacesPrimary(recovery.Kind);

    /// <summary>An operator asked for it without hooks.</summary>
    public static bool IsWithout(RecoveryRecord recovery) => recovery.WithoutHooks;

    /// <summary>orchestrator's word for what was asked; empty when nobody asked.</summary>
    public static string CommandOf(RecoveryRecord recovery) => recovery.Kind switch
    {
        RecoveryKind.GracefulTakeover => "graceful-master-takeover",
        RecoveryKind.ForcedTakeover => "force-master-takeover",
        _ => "",
    };
}
