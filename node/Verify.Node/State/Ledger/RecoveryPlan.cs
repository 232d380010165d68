using System.Collections.Immutable;

namespace Verify.Node.State.Ledger;

/// <summary>What kind of recovery an entry opened. The number stands in the log: never renumber, never reuse.</summary>
public enum RecoveryKind
{
    /// <summary>The agreed primary is dead, or nobody guards it, or an operator gives it up: fence it, promote the best of its replicas.</summary>
    DeadPrimary = 0,

    /// <summary>An operator moves the primary to another server while both live. Undone when it does not succeed: the old primary is
    /// opened again by its guardian.</summary>
    GracefulTakeover = 1,

    /// <summary>An operator names the next primary and does not want to wait for the old one: the steps of a dead primary with one candidate.</summary>
    ForcedTakeover = 2,

    /// <summary>A replica that others replicate from is dead: they are pointed at a living server. The primary stays.</summary>
    DeadIntermediatePrimary = 3,

    /// <summary>The other half of a pair of co-primaries is dead: its replicas are pointed elsewhere, the primary stops following it.</summary>
    DeadCoPrimary = 4,
}

/// <summary>The steps of each kind of recovery, in order. A plan is part of what applying an entry means: a kind's plan is never
/// changed, a changed plan gets a new kind.</summary>
public static class RecoveryPlan
{
    private static readonly ImmutableArray<RecoveryStep> Failover =
    [
        RecoveryStep.FenceOldPrimary, RecoveryStep.DrainRelayLogs, RecoveryStep.ChooseCandidate, RecoveryStep.Promote,
        RecoveryStep.PublishPrimary, RecoveryStep.RepointReplicas, RecoveryStep.Close,
    ];

    private static readonly ImmutableArray<RecoveryStep> Takeover =
    [
        RecoveryStep.ChooseCandidate, RecoveryStep.FenceOldPrimary, RecoveryStep.CatchUp, RecoveryStep.Promote,
        RecoveryStep.PublishPrimary, RecoveryStep.RepointReplicas, RecoveryStep.Close,
    ];

    private static readonly ImmutableArray<RecoveryStep> Repointing = [RecoveryStep.RepointReplicas, RecoveryStep.Close];
    private static readonly ImmutableArray<RecoveryStep> Separation = [RecoveryStep.LeaveCoPrimary, RecoveryStep.RepointReplicas, RecoveryStep.Close];

    public static ImmutableArray<RecoveryStep> Of(RecoveryKind kind) => kind switch
    {
        RecoveryKind.DeadPrimary or RecoveryKind.ForcedTakeover => Failover,
        RecoveryKind.GracefulTakeover => Takeover,
        RecoveryKind.DeadIntermediatePrimary => Repointing,
        RecoveryKind.DeadCoPrimary => Separation,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Another server becomes the primary.</summary>
    public static bool ReplacesPrimary(RecoveryKind kind) => Of(kind).Contains(RecoveryStep.PublishPrimary);

    /// <summary>The step after this one; <see cref="RecoveryStep.Close"/> is the last.</summary>
    public static RecoveryStep After(RecoveryKind kind, RecoveryStep step)
    {
        var plan = Of(kind);
        var next = plan.IndexOf(step) + 1;
        return next < plan.Length ? plan[next] : RecoveryStep.Close;
    }
}
