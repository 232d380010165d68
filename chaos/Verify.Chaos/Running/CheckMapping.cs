using System.Collections.Immutable;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>Expectations of a scenario → checks. Some promises are always judged, because they must hold in every run.</summary>
public static class CheckMapping
{
    public static IReadOnlyList<ICheck> For(Scenario scenario)
    {
        var checks = new List<ICheck> { new FencingTokenCheck(), new RecoveryLedgerCheck(), new WorkloadCheck(Kinds(scenario.Workload)) };
        foreach (var expected in scenario.Expect)
        {
            checks.Add(expected switch
            {
                Expectation.SingleLeader => new SingleLeaderCheck(),
                Expectation.SameLog => new SameLogCheck(),
                Expectation.Linearizable => new LinearizableKvCheck(),
                Expectation.SinglePrimary(var window) => new SinglePrimaryCheck(window),
                Expectation.NoLostWrites => new NoLostWritesCheck(),
                Expectation.FencedWithin(var bound) => new FencedWithinCheck(bound),
                Expectation.ConvergesWithin(var bound) => new ConvergenceCheck(bound),
                Expectation.ElectionWithin(var bound) => new ElectionCheck(bound),
                Expectation.WriteP99Within(var bound) => new WriteP99Check(bound),
                Expectation.RtoWithin(var bound) => new RtoCheck(bound),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
        }

        return checks;
    }

    private static ImmutableArray<OpKind> Kinds(WorkloadSpec workload) =>
        [.. workload.Mix.Where(m => m.Value > 0).Select(m => Enum.Parse<OpKind>(m.Key, ignoreCase: true)).Order()];
}
