using System.Collections.Immutable;
using System.Text;
using Verify.Node.Topology;
using Verify.Raft;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Failures;

/// <summary>What is wrong with a primary, in orchestrator's words (ReplicationAnalysis codes), of which these are used.</summary>
public enum DiagnosisCode
{
    NoProblem,

    /// <summary>A majority does not reach it and no replica reads from it; every replica is reachable.</summary>
    DeadMaster,

    /// <summary>The same, and some replicas are not reachable either.</summary>
    DeadMasterAndSomeReplicas,

    /// <summary>The same, and no replica is reachable: nobody to promote.</summary>
    DeadMasterAndReplicas,
    DeadMasterWithoutReplicas,

    /// <summary>A majority does not reach it, but a replica still reads from it: it lives, nothing is done.</summary>
    UnreachableMaster,

    /// <summary>It answers and is closed, and its lease has stayed run out: nobody will open it. (Ours; orchestrator has no leases.)</summary>
    UnguardedMaster,

    /// <summary>It answers, and for some time no commit has come back from its disk. (Ours, after Vitess's PrimaryDiskStalled; orchestrator does not look.)</summary>
    DiskStalledMaster,
    MasterSingleReplicaNotReplicating,
    MasterSingleReplicaDead,
    AllMasterReplicasNotReplicating,
    AllMasterReplicasNotReplicatingOrDead,

    /// <summary>A majority does not reach it; every replica reads from it and lags: it may be dying.</summary>
    UnreachableMasterWithLaggingReplicas,

    /// <summary>Commits wait for an acknowledgement that nobody is there to give.</summary>
    LockedSemiSyncMaster,

    /// <summary>The same in the making: too few acknowledge, but no commit waits yet.</summary>
    LockedSemiSyncMasterHypothesis,
    MasterWithTooManySemiSyncReplicas,
    DeadCoMaster,
    DeadCoMasterAndSomeReplicas,
    UnreachableCoMaster,
    AllCoMasterReplicasNotReplicating,
    DeadIntermediateMaster,
    DeadIntermediateMasterWithSingleReplica,
    DeadIntermediateMasterWithSingleReplicaFailingToConnect,
    DeadIntermediateMasterAndSomeReplicas,
    DeadIntermediateMasterAndReplicas,
    UnreachableIntermediateMaster,
    UnreachableIntermediateMasterWithLaggingReplicas,
    AllIntermediateMasterReplicasFailingToConnectOrDead,
    AllIntermediateMasterReplicasNotReplicating,
    FirstTierReplicaFailingToConnectToMaster,
}

/// <summary>How a primary fails, apart from whether it does: for policies that treat a stopped process unlike a dead one.</summary>
public enum PrimaryCondition
{
    Answers,

    /// <summary>Nothing comes back: host or network.</summary>
    Silent,

    /// <summary>Its host is there and nobody listens: the process is gone.</summary>
    Refuses,

    /// <summary>Somebody listens and says nothing: a process that is stopped (SIGSTOP), or starved, or whose disk stands still.</summary>
    Hung,

    /// <summary>It lives and turns everybody down (too many connections, access denied).</summary>
    TurnsDown,

    /// <summary>It answers questions, and its commits do not come back from its disk.</summary>
    Stalled,
}

/// <summary>What a member says of the primary. Stale never counts as down and stays in the denominator: fail closed.</summary>
public enum VoteKind { Up, Down, Stale }

/// <summary>One member's vote with its age by that member's clock.</summary>
public sealed record Vote(NodeId Node, VoteKind Kind, TimeSpan Age, string Detail);

/// <summary>A verdict and the votes behind it.</summary>
public sealed record Diagnosis(
    string Cluster, InstanceKey Instance, DiagnosisCode Code, string Description, ImmutableArray<Vote> Votes)
{
    /// <summary>How it fails.</summary>
    public PrimaryCondition Condition { get; init; }

    /// <summary>A failover is called for.</summary>
    public bool CallsForRecovery => Calls(Code);

    /// <summary>This code by itself calls for a failover of the primary; of a disk that stands still, where policy says so.</summary>
    public static bool Calls(DiagnosisCode code) =>
        code is DiagnosisCode.DeadMaster or DiagnosisCode.DeadMasterAndSomeReplicas or DiagnosisCode.UnguardedMaster or DiagnosisCode.DiskStalledMaster;

    /// <summary>The votes on one line, for the ledger.</summary>
    public string VotesText()
    {
        var text = new StringBuilder();
        foreach (var vote in Votes)
        {
            if (text.Length > 0) text.Append("; ");
            text.Append($"{vote.Node} {vote.Kind.ToString().ToLowerInvariant()} {(long)vote.Age.TotalMilliseconds} ms");
        }

        return text.ToString();
    }
}

/// <summary>One member's sight of one server.</summary>
public sealed record InstanceSight(
    InstanceKey Key, SightState State, TimeSpan Age, ThreadState? IoThread, InstanceKey? Source, string Detail)
{
    /// <summary>Not reached: somebody listens there and says nothing.</summary>
    public bool IsHung { get; init; }

    /// <summary>Not reached: the host refuses, nobody listens.</summary>
    public bool IsRefused { get; init; }

    /// <summary>Reached: the error with which it turns questions down (1040: no more connections); 0: it answers.</summary>
    public int TurnedDownBy { get; init; }
    public ThreadState? SqlThread { get; init; }
    public double? LagSeconds { get; init; }
}

/// <summary>All that one member sees; empty when it never told.</summary>
public sealed record NodeSight(NodeId Node, ImmutableArray<InstanceSight> Instances)
{
    public InstanceSight? Of(InstanceKey instance) => Instances.FirstOrDefault(i => i.Key == instance);
}

/// <summary>A primary, the servers that should follow it, and what each configured member sees.</summary>
public sealed record ClusterSight(
    string Cluster, InstanceKey Primary, ImmutableArray<InstanceKey> Replicas, ImmutableArray<NodeSight> Members);
