using Verify.Node.State.Ledger;

namespace Verify.Node.Recovery;

/// <summary>What hooks ask of a recovery, in one place: which of orchestrator's moments its kind has.</summary>
internal static class HookedRecoveries
{
    /// <summary>Planned: the old primary is alive.</summary>
    public static bool IsTakeover(RecoveryRecord recovery) => recovery.Analysis.Contains("takeover", StringComparison.OrdinalIgnoreCase);

    /// <summary>It replaces the cluster's primary.</summary>
    public static bool IsOfPrimary(RecoveryRecord recovery) => recovery.Published is not null || recovery.SeenToken.Value > 0;

    /// <summary>An operator asked for it without hooks.</summary>
    public static bool IsWithout(RecoveryRecord recovery) => recovery.Id <= 0;

    /// <summary>orchestrator's word for what was asked; empty when nobody asked.</summary>
    public static string CommandOf(RecoveryRecord recovery) => IsTakeover(recovery) ? "graceful-master-takeover" : "";
}
