using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.Node.Api;

/// <summary>What an operator may ask to be recovered.</summary>
public enum RecoveryWish
{
    /// <summary>What the analysis calls for, whatever the filters say. Refused when it calls for nothing.</summary>
    Recover = 0,

    /// <summary>The primary moves while both servers live; with a server named, or where exactly one replica can take over.</summary>
    GracefulTakeover = 1,

    /// <summary>The same, and the node chooses among several.</summary>
    GracefulTakeoverAuto = 2,

    /// <summary>The primary is given up as if it were dead.</summary>
    ForceFailover = 3,

    /// <summary>The same, and the named server replaces it.</summary>
    ForceTakeover = 4,
}

public abstract partial record ApiRequest
{
    /// <summary>Opens a recovery that an operator asks for; answered with Done, whose index is the recovery's id. It goes on after the
    /// answer: look at <see cref="Recoveries"/>.</summary>
    /// <param name="Instance">The failed server; null: the cluster's primary.</param>
    /// <param name="Candidate">The only one that may replace it; null: the node chooses.</param>
    /// <param name="By">Who asks; never empty.</param>
    public sealed record StartRecovery(
        string Alias, RecoveryWish Wish, InstanceKey? Instance, InstanceKey? Candidate, string By, bool WithoutHooks) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>An operator has seen closed recoveries of a cluster: they do not keep the next one from beginning any more.</summary>
    /// <param name="RecoveryId">0: all of them.</param>
    /// <param name="Instance">Only those in which this server failed.</param>
    public sealed record AcknowledgeRecoveries(string Alias, long RecoveryId, InstanceKey? Instance, string By, string Comment) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>What is called for and not begun, with the reason: the leader's view. Answered with <see cref="ApiReply.Skipped"/>.</summary>
    public sealed record SkippedRecoveries : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Writes into the policies. The stamp in the command does not count: the leader puts its own.</summary>
    public sealed record ChangePolicy(PolicyCommand Command) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Downtimes, maintenance, rules and the global switch as this node has applied them; answered with <see cref="ApiReply.Policy"/>.</summary>
    public sealed record ReadPolicy : ApiRequest;
}

public abstract partial record ApiReply
{
    public sealed record Skipped(IReadOnlyList<SkippedPicture> Recoveries) : ApiReply;
    public sealed record Policy(PolicyPicture Picture) : ApiReply;
}

/// <summary>A recovery that is called for and is not begun.</summary>
/// <param name="Code">One word: global_switch, filter, downtime, maintenance, host_filter, block_period, no_candidate, no_lease.</param>
/// <param name="Reason">A sentence with the remedy.</param>
/// <param name="BlockedBy">The earlier recovery in the way; 0 for none.</param>
/// <param name="SinceMs">By the leader's wall clock, in milliseconds since 1970.</param>
public sealed record SkippedPicture(string Cluster, InstanceKey Instance, string Analysis, string Code, string Reason, long BlockedBy, long SinceMs);

/// <param name="NowMs">The group's time, by which the ends are meant.</param>
/// <param name="NowWallMs">The wall clock of the leader at that time, in milliseconds since 1970.</param>
public sealed record PolicyPicture(
    bool RecoveriesAreOn, string RecoveriesOffBy, IReadOnlyList<Suspension> Downtimes, IReadOnlyList<Suspension> Maintenance, IReadOnlyList<InstanceRule> Rules,
    long NowMs, long NowWallMs);
