using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>The clients did enough for the other checks to mean something: a run in which nothing was asked must not pass. Never invalid:
/// too little work is no violation, it is no evidence.</summary>
/// <param name="answeredMin">How many operations of each of <paramref name="kinds"/> must have been answered
/// (a refused compare-and-set is an answer).</param>
/// <param name="kinds">The kinds in the workload's mix.</param>
public sealed class WorkloadCheck(int answeredMin, IReadOnlyCollection<OpKind> kinds) : ICheck
{
    /// <summary>So many of all kinds together are enough. For drawn runs: in some of them the faults leave no quorum for nearly all of the time.</summary>
    public bool InAll { get; init; }

    public string Name => "workload";

    public Finding Judge(RunFacts facts)
    {
        var counts = kinds.Distinct().Order()
            .Select(kind => (Kind: kind, Answered: facts.History.Ops.Count(o => o.Kind == kind && (o.Outcome == OpOutcome.Ok || o.CasRefused))))
            .ToArray();
        var isEnough = counts.Length > 0 && (InAll ? counts.Sum(c => c.Answered) >= answeredMin : counts.All(c => c.Answered >= answeredMin));
        var told = string.Join(", ", counts.Select(c => $"{c.Kind} {c.Answered}"));
        return new Finding(
            Name, isEnough ? Verdict.Valid : Verdict.Unknown, "the clients got enough answers of every kind for the other findings to mean something",
            isEnough ? $"answered: {told}" : $"the workload hardly ran; answered: {(told.Length > 0 ? told : "nothing")}",
            $"at least {answeredMin} {(InAll ? "in all" : "of each kind")}")
        {
            Figures = Durations.Figures(counts.Select(c => ($"answered{c.Kind}", (double)c.Answered))),
        };
    }
}
