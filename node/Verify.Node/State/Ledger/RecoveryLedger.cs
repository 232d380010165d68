using System.Collections.Immutable;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>The steps that recoveries are made of; <see cref="RecoveryPlan"/> says which kind has which, in what order. The number
/// stands in the log: never renumber, never reuse.</summary>
public enum RecoveryStep
{
    /// <summary>Nobody can write to the old primary any more: its guardian closed it, or its lease has run out.</summary>
    FenceOldPrimary = 0,

    /// <summary>Every reachable replica stops fetching and applies what it has already fetched.</summary>
    DrainRelayLogs = 1,

    /// <summary>The replica that has everything the others have. The choice binds the later steps.</summary>
    ChooseCandidate = 2,

    /// <summary>The candidate forgets its source; it stays read-only.</summary>
    Promote = 3,

    /// <summary>The new primary and its token are committed.</summary>
    PublishPrimary = 4,

    /// <summary>The other replicas follow the new primary.</summary>
    RepointReplicas = 5,

    /// <summary>Nothing is left to do but to say so.</summary>
    Close = 6,

    /// <summary>The chosen server has applied everything that the old primary, closed by now, has executed.</summary>
    CatchUp = 7,

    /// <summary>The primary stops following its dead co-primary.</summary>
    LeaveCoPrimary = 8,
}

/// <summary>How often a step was begun and how it ended; what a new leader reads to go on.</summary>
/// <param name="Target">What the step is about, in words.</param>
/// <param name="Intents">How often a leader said that it begins.</param>
/// <param name="Failures">How often it ended badly.</param>
/// <param name="Detail">The last outcome, in words.</param>
public sealed record StepRecord(RecoveryStep Step, string Target, int Intents, int Failures, bool IsDone, string Detail);

/// <summary>That an operator has seen a recovery: it does not keep the next one from being begun any more.</summary>
/// <param name="AtWallMs">For people: the wall clock of the leader that took it, in milliseconds since 1970; 0 when not known.</param>
public sealed record Acknowledgement(string By, string Comment, long AtWallMs);

/// <summary>One recovery as the log has it. Its id is the index of the entry that opened it.</summary>
public sealed record RecoveryRecord
{
    public RecoveryKind Kind { get; init; }

    /// <summary>The only server that may become the primary, when an operator named one.</summary>
    public InstanceKey? Designated { get; init; }

    /// <summary>The operator who asked for it; empty for one that the leader began by itself.</summary>
    public string By { get; init; } = "";

    /// <summary>An operator asked to leave the hooks out.</summary>
    public bool WithoutHooks { get; init; }

    /// <summary>When it was opened and closed, by the group's time (<see cref="Time.ReplicatedTime"/>) and by the wall clock of the leader;
    /// zero in what an older release wrote.</summary>
    public Time.TimeStamp OpenedAt { get; init; }
    public Time.TimeStamp ClosedAt { get; init; }
    public Acknowledgement? Acknowledged { get; init; }

    public required long Id { get; init; }
    public required string Cluster { get; init; }
    public required InstanceKey Failed { get; init; }
    public required string Analysis { get; init; }
    public required string Votes { get; init; }
    public required FencingToken SeenToken { get; init; }

    /// <summary>The candidate, once chosen.</summary>
    public InstanceKey? Successor { get; init; }

    /// <summary>The token of the new primary, once published.</summary>
    public FencingToken? Published { get; init; }
    public bool IsOpen { get; init; } = true;
    public bool IsSuccessful { get; init; }
    public string Closing { get; init; } = "";

    /// <summary>Steps that were begun, in order; the last one is the current one unless it is done.</summary>
    public ImmutableArray<StepRecord> Steps { get; init; } = [];

    /// <summary>The first step that is not done.</summary>
    public RecoveryStep CurrentStep => Steps.IsEmpty
        ? RecoveryPlan.Of(Kind)[0]
        : Steps[^1].IsDone ? RecoveryPlan.After(Kind, Steps[^1].Step) : Steps[^1].Step;

    /// <summary>The old primary's write lease ends with this recovery and is not renewed: from the beginning where the primary is given up, from
    /// the intent to close it where it is only to be moved, never where it stays.</summary>
    public bool TakesLease => Published is null && Kind switch
    {
        RecoveryKind.DeadPrimary or RecoveryKind.ForcedTakeover => true,
        RecoveryKind.GracefulTakeover => Steps.Any(s => s.Step == RecoveryStep.FenceOldPrimary),
        _ => false,
    };

    /// <summary>The record of the current step; null before its first intent.</summary>
    public StepRecord? Current => Steps.IsEmpty || Steps[^1].IsDone ? null : Steps[^1];
}

/// <summary>A server that came back with transactions that nobody else has.</summary>
public sealed record AsideRecord(InstanceKey Instance, string ErrantGtids);

/// <summary>What is agreed on one cluster.</summary>
public sealed record ClusterLedger
{
    public required string Cluster { get; init; }
    public required InstanceKey Primary { get; init; }

    /// <summary>The index of the entry that made <see cref="Primary"/> the primary.</summary>
    public required FencingToken Token { get; init; }

    /// <summary>The node that keeps the primary open while it holds the lease; the only one that may open it.</summary>
    public required string Guardian { get; init; }

    /// <summary>True when the primary was found, false when a recovery made it.</summary>
    public bool IsAdopted { get; init; }

    /// <summary>The index of the last renewal under <see cref="Token"/>; 0 when the lease was never granted.</summary>
    public long LastRenewal { get; init; }

    /// <summary>The group's time, in milliseconds, at which the recovery was opened that made <see cref="Primary"/> the primary; null when it was found, and in
    /// what an older release wrote.</summary>
    public long? ChosenAfterMs =>
        Closed.LastOrDefault(static r => r.Published is not null) is { OpenedAt.AtMs: > 0 and var at } last && last.Successor == Primary ? at : null;

    /// <summary>What a renewal that does not say for how long asks for at most, in milliseconds: the lease of the releases that say nothing.</summary>
    public const int UnsaidLeaseMs = 2_500;

    /// <summary>The longest lease that any guardian of <see cref="Primary"/> has said it takes, in milliseconds; 0 while none has said. It never becomes shorter
    /// before there is another primary: who held the longer one may be cut off and not know that somebody holds another.</summary>
    public int LeaseMs { get; init; }
    public RecoveryRecord? OpenRecovery { get; init; }

    /// <summary>Closed recoveries, oldest first, at most as many as the limit says.</summary>
    public ImmutableArray<RecoveryRecord> Closed { get; init; } = [];

    /// <summary>Sorted by instance.</summary>
    public ImmutableArray<AsideRecord> Aside { get; init; } = [];

    /// <summary>Whether the lease may be renewed: no recovery is open that takes it from the old primary, or it has already handed the lease
    /// to the new one.</summary>
    public bool LeaseIsRenewable => OpenRecovery is not { TakesLease: true };

    /// <summary><see cref="LeaseMs"/> after a renewal for so long (0: it did not say).</summary>
    public int LeaseAfter(int renewedMs) => Math.Max(LeaseMs, renewedMs == 0 && LeaseMs != 0 ? UnsaidLeaseMs : renewedMs);

    public AsideRecord? AsideOf(InstanceKey instance) => Aside.FirstOrDefault(a => a.Instance == instance);
}
