using System.Collections.Immutable;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Failures;

/// <summary>From what all members see to a verdict on a primary. Pure. Two conditions must hold for "dead", as in orchestrator's
/// holistic failure detection: it is not reached, and no replica reads from it. The first needs a strict majority
/// of all voters of the group; old votes never accuse (the fail-closed rules of VTOrc's quorum, facts/vtorc.md).</summary>
public static class FailureAnalysis
{
    public static Diagnosis Diagnose(ClusterSight sight, TimeSpan observationAgeMax)
    {
        var votes = sight.Members.Select(m => VoteOf(m.Node, m.Of(sight.Primary), observationAgeMax)).ToImmutableArray();
        var down = votes.Count(v => v.Kind == VoteKind.Down);
        var replicas = sight.Replicas.Select(r => Newest(sight, r, observationAgeMax)).ToImmutableArray();
        var reachable = replicas.Count(r => r is { State: SightState.Up });
        var reading = replicas.Count(r => IsReading(r, sight.Primary));
        var code = down * 2 > votes.Length
            ? OfUnreached(replicas.Length, reachable, reading)
            : OfReached(replicas.Length, reachable, reading);
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M56", deviates: down > 0 && code is (DiagnosisCode.NoProblem or DiagnosisCode.UnreachableMaster))) code = DiagnosisCode.DeadMaster;
#endif
        var description = $"{down} of {votes.Length} members do not reach {sight.Primary}; "
            + $"{reachable} of {replicas.Length} replicas are reachable, {reading} read from it";
        return new(sight.Cluster, sight.Primary, code, description, votes) { Condition = ConditionOf(sight, down * 2 > votes.Length, observationAgeMax) };
    }

    /// <summary>By the word of most of those whose vote is fresh and speaks of it.</summary>
    private static PrimaryCondition ConditionOf(ClusterSight sight, bool isUnreached, TimeSpan ageMax)
    {
        var wanted = isUnreached ? SightState.Down : SightState.Up;
        var words = sight.Members.Select(m => m.Of(sight.Primary)).Where(s => s is not null && s.State == wanted && s.Age <= ageMax).ToArray();
        bool Most(Func<InstanceSight, bool> says) => words.Count(s => says(s!)) * 2 > words.Length;
        if (!isUnreached) return Most(static s => s.TurnedDownBy != 0) ? PrimaryCondition.TurnsDown : PrimaryCondition.Answers;
        return Most(static s => s.IsRefused) ? PrimaryCondition.Refuses : Most(static s => s.IsHung) ? PrimaryCondition.Hung : PrimaryCondition.Silent;
    }

    private static DiagnosisCode OfUnreached(int replicas, int reachable, int reading) => (replicas, reachable, reading) switch
    {
        (0, _, _) => DiagnosisCode.DeadMasterWithoutReplicas,
        (_, _, > 0) => DiagnosisCode.UnreachableMaster,
        (_, 0, _) => DiagnosisCode.DeadMasterAndReplicas,
        _ when reachable < replicas => DiagnosisCode.DeadMasterAndSomeReplicas,
        _ => DiagnosisCode.DeadMaster,
    };

    private static DiagnosisCode OfReached(int replicas, int reachable, int reading) => (replicas, reachable, reading) switch
    {
        (0, _, _) or (_, _, > 0) => DiagnosisCode.NoProblem,
        (1, 0, _) => DiagnosisCode.MasterSingleReplicaDead,
        (1, _, _) => DiagnosisCode.MasterSingleReplicaNotReplicating,
        _ when reachable == replicas => DiagnosisCode.AllMasterReplicasNotReplicating,
        _ => DiagnosisCode.AllMasterReplicasNotReplicatingOrDead,
    };

    internal static Vote VoteOf(Verify.Raft.NodeId node, InstanceSight? sight, TimeSpan ageMax) => sight switch
    {
        null => new(node, VoteKind.Stale, TimeSpan.Zero, "never reported"),
        { State: SightState.Never } s => new(node, VoteKind.Stale, s.Age, "not seen yet"),
        var s when s.Age > ageMax => new(node, VoteKind.Stale, s.Age, s.Detail),
        { State: SightState.Down } s => new(node, VoteKind.Down, s.Age, s.Detail),
        var s => new(node, VoteKind.Up, s.Age, s.Detail),
    };

    /// <summary>A replica as the member sees it that looked last and reached it; when none did, null.</summary>
    private static InstanceSight? Newest(ClusterSight sight, InstanceKey replica, TimeSpan ageMax) => sight.Members
        .Select(m => m.Of(replica))
        .Where(s => s is { State: SightState.Up } && s.Age <= ageMax)
        .MinBy(s => s!.Age);

    private static bool IsReading(InstanceSight? replica, InstanceKey primary) =>
        replica is { IoThread: ThreadState.Running } && replica.Source == primary;
}
