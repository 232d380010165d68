namespace Verify.Checks.Linearizability;

/// <summary>Makes a failing history small without changing what it proves. Three steps, each of which can only make an illegal
/// history look legal, never the reverse: cut it off after the return that made it illegal (calls without an answer by then become
/// optional: every prefix of a linearizable history is linearizable), drop calls that never took effect, and drop calls that
/// the model says may be left out.</summary>
internal sealed class FailingPart<TState, TCall>(IModel<TState, TCall> model, SearchLimits limits, Deadline deadline)
    where TState : notnull
{
    private const long StepsPerTry = 2_000_000;

    public IReadOnlyList<TimedCall<TCall>> Of(IReadOnlyList<TimedCall<TCall>> calls)
    {
        var prefix = ShortestPrefix(calls);
        return Thinned(prefix).OrderBy(c => c.CalledUs).ThenBy(c => c.Id).ToArray();
    }

    private List<TimedCall<TCall>> ShortestPrefix(IReadOnlyList<TimedCall<TCall>> calls)
    {
        var returns = calls.Where(c => !c.IsOptional).Select(c => c.ReturnedUs).Distinct().Order().ToArray();
        var (low, high) = (0, returns.Length - 1); // cut off after returns[high] it fails
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Fails(CutOff(calls, returns[middle])))
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return CutOff(calls, returns[high]);
    }

    private static List<TimedCall<TCall>> CutOff(IReadOnlyList<TimedCall<TCall>> calls, long lastReturnUs) =>
        calls.Where(c => c.CalledUs <= lastReturnUs)
            .Select(c => c.IsOptional || c.ReturnedUs <= lastReturnUs ? c : c with { IsOptional = true })
            .ToList();

    /// <summary>Tries to drop halves, quarters and so on down to single calls, until no single call can go.</summary>
    private List<TimedCall<TCall>> Thinned(List<TimedCall<TCall>> calls)
    {
        for (var chunk = Math.Max(1, calls.Count / 2); ; chunk = Math.Max(1, chunk / 2))
        {
            var dropped = false;
            for (var from = 0; from < calls.Count && !deadline.IsOver;)
            {
                var rest = Without(calls, from, Math.Min(chunk, calls.Count - from));
                if (rest.Count < calls.Count && Fails(rest))
                {
                    calls = rest;
                    dropped = true;
                }
                else
                {
                    from += chunk;
                }
            }

            if (deadline.IsOver || (chunk == 1 && !dropped))
            {
                return calls;
            }
        }
    }

    private List<TimedCall<TCall>> Without(List<TimedCall<TCall>> calls, int from, int count)
    {
        var goes = model.MayBeLeftOut(calls.Select(c => c.Call).ToArray(), from, count);
        return calls.Where((_, i) => i < from || i >= from + count || !goes[i - from]).ToList();
    }

    private bool Fails(List<TimedCall<TCall>> calls) =>
        new LinearizationSearch<TState, TCall>(model, calls, new WordBudget(limits.CacheWordsMax)).Advance(StepsPerTry, deadline) == SearchOutcome.Illegal;
}
