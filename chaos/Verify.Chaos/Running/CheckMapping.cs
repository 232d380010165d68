using System.Collections.Immutable;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Expectations of a scenario → checks. Some promises are always judged, because they must hold in every run.</summary>
public static class CheckMapping
{
    private const int AnsweredMin = 20;
    private static readonly TimeSpan SearchTimeMax = TimeSpan.FromSeconds(60);

    /// <param name="isDrawn">A drawn run counts with this many answers in all, a written one with as many of each kind.</param>
    public static IReadOnlyList<ICheck> For(Scenario scenario, bool isDrawn = false)
    {
        var checks = new List<ICheck> { new WorkloadCheck(AnsweredMin, Kinds(scenario.Workload)) { InAll = isDrawn }, new RecoveryLedgerCheck(FailsOver(scenario) ? 1 : 0) };
        if (scenario.Fleet.Servers.Count > 0) checks.AddRange([new FencingTokenCheck(), new RecoveryAuthorityCheck(), new FalseFailoverCheck(), new RecoveriesExplainedCheck(), new ReplicasAgreeCheck()]);
        foreach (var expected in scenario.Expect)
        {
            checks.Add(expected switch
            {
                Expectation.SingleLeader => new SingleLeaderCheck(),
                Expectation.SameLog => new SameLogCheck(),
                Expectation.Linearizable => new LinearizableKvCheck(new SearchLimits { Time = SearchTimeMax, Parallelism = 1 }),
                Expectation.SinglePrimary(var window) => new SinglePrimaryCheck(window),
                Expectation.NoLostWrites => new NoLostWritesCheck(),
                Expectation.FencedWithin(var bound) => new FencedWithinCheck(bound),
                Expectation.ConvergesWithin(var bound) => new ConvergenceCheck(bound),
                Expectation.ElectionWithin(var bound) => new ElectionCheck(bound),
                Expectation.WriteP99Within(var bound) => new WriteP99Check(bound),
                Expectation.RtoWithin(var bound) => new RtoCheck(bound),
                Expectation.UnhealthyWithin(var bound) => new UnhealthyWithinCheck(bound),
                Expectation.PrimaryNamedWithin(var bound) => new PrimaryNamedWithinCheck(bound),
                Expectation.ThrottleWithin(var bound) => new ThrottleCheck(bound),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
        }

        return checks;
    }

    /// <summary>Losing the primary is what an RTO is asked for.</summary>
    private static bool FailsOver(Scenario scenario) => scenario.Expect.Any(e => e is Expectation.RtoWithin);

    private static ImmutableArray<OpKind> Kinds(WorkloadSpec workload) =>
        [.. workload.Mix.Where(m => m.Value > 0).Select(m => Enum.Parse<OpKind>(m.Key, ignoreCase: true)).Order()];
}
