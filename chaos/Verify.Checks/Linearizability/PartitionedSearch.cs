namespace Verify.Checks.Linearizability;

/// <summary>What the search over all partitions found.</summary>
/// <param name="Verdict">Valid: an order exists in every partition. Invalid: in one there is none. Unknown: a limit was reached first.</param>
/// <param name="Why">For Unknown: which limit.</param>
/// <param name="Failed">The partition without an order; of several the first.</param>
/// <param name="Longest">The longest order of calls found there.</param>
/// <param name="Smallest">The smallest part of it that was found to fail still.</param>
/// <param name="Steps">Work done; the same on every machine unless time ran out.</param>
public sealed record LinearizationResult<TCall>(
    Verdict Verdict,
    string Why,
    Partition<TCall>? Failed,
    IReadOnlyList<TimedCall<TCall>> Longest,
    IReadOnlyList<TimedCall<TCall>> Smallest,
    long Steps)
{
    /// <summary>No call of <see cref="Smallest"/> can honestly be left out. False: there was no time to try them all.</summary>
    public bool IsSmallestMinimal { get; init; }
}

/// <summary>Judges partitions side by side and stops at the first that has no legal order: one key with a deep search must not
/// hide another that is plainly wrong. Works in rounds of a growing number of steps, so that which partition is reported
/// depends on the history alone and not on threads.</summary>
public sealed class PartitionedSearch<TState, TCall>(IModel<TState, TCall> model, SearchLimits limits)
    where TState : notnull
{
    private const long StepsOfFirstRound = 1 << 16;

    public LinearizationResult<TCall> Judge(IReadOnlyList<Partition<TCall>> partitions)
    {
        var deadline = new Deadline(limits.Clock, limits.Time);
        var memory = new WordBudget(limits.CacheWordsMax);
        var searches = new LinearizationSearch<TState, TCall>?[partitions.Count];
        var outcomes = new SearchOutcome[partitions.Count];
        var open = Enumerable.Range(0, partitions.Count).ToArray();
        long steps = 0;

        for (var budget = StepsOfFirstRound; open.Length > 0; budget *= 4)
        {
            var firstIllegal = Round(partitions, open, searches, outcomes, budget, memory, deadline);
            if (firstIllegal is { } at)
            {
                steps += open.Where(i => i <= at).Sum(i => searches[i]?.Steps ?? 0);
                return Illegal(partitions[at], searches[at]!, steps);
            }

            steps += open.Where(i => outcomes[i] != SearchOutcome.Running).Sum(i => searches[i]?.Steps ?? 0);
            open = open.Where(i => outcomes[i] == SearchOutcome.Running).ToArray();
        }

        return Decided(partitions, outcomes, steps);
    }

    /// <summary>The lowest illegal partition of this round; those above it are not begun any more.</summary>
    private int? Round(
        IReadOnlyList<Partition<TCall>> partitions,
        int[] open,
        LinearizationSearch<TState, TCall>?[] searches,
        SearchOutcome[] outcomes,
        long budget,
        WordBudget memory,
        Deadline deadline)
    {
        var firstIllegal = int.MaxValue;
        void Advance(int i)
        {
            if (i > Volatile.Read(ref firstIllegal))
            {
                return;
            }

            var search = searches[i] ??= new LinearizationSearch<TState, TCall>(model, partitions[i].Calls, memory);
            outcomes[i] = search.Advance(budget, deadline);
            if (outcomes[i] == SearchOutcome.Illegal)
            {
                LowerTo(ref firstIllegal, i);
            }

            if (outcomes[i] != SearchOutcome.Running)
            {
                search.Release();
            }
        }

        if (limits.Parallelism <= 1 || open.Length == 1)
        {
            Array.ForEach(open, Advance);
        }
        else
        {
            Parallel.ForEach(open, new ParallelOptions { MaxDegreeOfParallelism = limits.Parallelism }, Advance);
        }

        return firstIllegal == int.MaxValue ? null : firstIllegal;
    }

    private static void LowerTo(ref int place, int value)
    {
        for (var seen = Volatile.Read(ref place); value < seen;)
        {
            seen = Interlocked.CompareExchange(ref place, value, seen);
        }
    }

    private LinearizationResult<TCall> Illegal(Partition<TCall> failed, LinearizationSearch<TState, TCall> search, long steps)
    {
        var longest = search.Longest.Select(i => failed.Calls[i]).ToArray();
        // It has failed; a time of its own, so that a search which took nearly all of its time is not told with all calls.
        var part = new FailingPart<TState, TCall>(model, limits, new Deadline(limits.Clock, limits.SmallestTime < limits.Time ? limits.SmallestTime : limits.Time));
        var smallest = part.Of(failed.Calls, failed.Calls[search.FirstImpossibleReturn].ReturnedUs);
        return new LinearizationResult<TCall>(Verdict.Invalid, "", failed, longest, smallest, steps) { IsSmallestMinimal = part.IsMinimal };
    }

    private static LinearizationResult<TCall> Decided(
        IReadOnlyList<Partition<TCall>> partitions, SearchOutcome[] outcomes, long steps)
    {
        var at = Array.FindIndex(outcomes, o => o is SearchOutcome.OutOfTime or SearchOutcome.OutOfMemory);
        if (at < 0)
        {
            return new LinearizationResult<TCall>(Verdict.Valid, "", null, [], [], steps);
        }

#if VERIFY_MUTANTS
        if (Verify.Raft.Mutant.Is("T2", deviates: true))
        {
            return new LinearizationResult<TCall>(Verdict.Valid, "", null, [], [], steps);
        }
#endif
        var limit = outcomes[at] == SearchOutcome.OutOfTime ? "time" : "memory";
        return new LinearizationResult<TCall>(
            Verdict.Unknown, $"the search ran out of {limit} in '{partitions[at].Name}' ({partitions[at].Calls.Count} calls)", null, [], [], steps);
    }
}
