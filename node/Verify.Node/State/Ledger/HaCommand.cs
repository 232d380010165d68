using System.Collections.Immutable;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>The fencing token of a decision: the log index of the entry that made it. Larger is newer.</summary>
public readonly record struct FencingToken(long Value) : IComparable<FencingToken>
{
    public int CompareTo(FencingToken other) => Value.CompareTo(other.Value);
    public override string ToString() => $"{Value}";
}

/// <summary>What deciders of the high-availability part write into the log.</summary>
public abstract partial record HaCommand
{
    private HaCommand() { }

    /// <summary>The first primary of a cluster that has none. Refused when it has one. Its token is the entry's index.</summary>
    public sealed record AdoptPrimary(string Cluster, InstanceKey Instance, string Guardian) : HaCommand;

    /// <summary>The guardian's renewal. Refused with an older token, for another instance, and while a recovery is open.</summary>
    /// <param name="LeaseMs">For how long by the guardian's settings, in milliseconds, so that nobody waits for less by his own; 0 where a member of the group is of
    /// an older release.</param>
    public sealed record RenewLease(string Cluster, InstanceKey Instance, string Guardian, FencingToken Token, int LeaseMs = 0) : HaCommand;

    /// <summary>Opens a recovery: from here on the lease cannot be renewed. The plan is fixed; its id and token are the entry's index.</summary>
    public sealed record OpenRecovery(string Cluster, InstanceKey Failed, string Analysis, string Votes, FencingToken SeenToken) : HaCommand;

    /// <summary>The leader is about to do this step.</summary>
    public sealed record StepIntent(string Cluster, long RecoveryId, int Step, string Kind, string Target) : HaCommand;

    /// <summary>How the step went. Detail of a choice (the candidate) is part of it and binds later steps.</summary>
    public sealed record StepOutcome(string Cluster, long RecoveryId, int Step, bool Succeeded, string Detail) : HaCommand;

    /// <summary>The new primary. Raises the token to the entry's index and gives the lease to the guardian.</summary>
    public sealed record PublishPrimary(string Cluster, long RecoveryId, InstanceKey Instance, string Guardian) : HaCommand;
    public sealed record CloseRecovery(string Cluster, long RecoveryId, bool Successful, string Detail) : HaCommand;

    /// <summary>A returned server that has transactions nobody else has: kept read-only, not attached, its errant GTIDs named.</summary>
    public sealed record SetAside(string Cluster, InstanceKey Instance, string ErrantGtids) : HaCommand;
    public sealed record TakeBack(string Cluster, InstanceKey Instance) : HaCommand;
}
