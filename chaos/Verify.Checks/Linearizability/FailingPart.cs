namespace Verify.Checks.Linearizability;

/// <summary>Makes a failing history small without changing what it proves. Three steps, each of which can only make an illegal
/// history look legal, never the reverse: cut it off after the return that made it illegal (calls without an answer by then become
/// optional: every prefix of a linearizable history is linearizable), drop calls that never took effect, and drop calls that
/// the model says may be left out, until none can go.</summary>
internal sealed class FailingPart<TState, TCall>(IModel<TState, TCall> model, SearchLimits limits, Deadline deadline)
    where TState : notnull
{
    private const long StepsPerTry = 2_000_000;

    /// <summary>A grant and its release go together: so many neighbours are tried at once when no single call can go.</summary>
    private const int NeighboursMax = 4;

    private const int PiecesMax = 16;
    private const int WorthAnother = 8;

    private int _undecided;

    /// <summary>True: each call that could honestly be left out makes the rest legal when it is. False: some try ran out of time or steps.</summary>
    public bool IsMinimal { get; private set; }

    /// <param name="lastReturnUs">The return that no order gets past.</param>
    public IReadOnlyList<TimedCall<TCall>> Of(IReadOnlyList<TimedCall<TCall>> calls, long lastReturnUs) =>
        Thinned(CutOff(calls, lastReturnUs).OrderBy(c => c.CalledUs).ThenBy(c => c.Id).ToList());

    private static List<TimedCall<TCall>> CutOff(IReadOnlyList<TimedCall<TCall>> calls, long lastReturnUs) =>
        calls.Where(c => c.CalledUs <= lastReturnUs)
            .Select(c => c.IsOptional || c.ReturnedUs <= lastReturnUs ? c : c with { IsOptional = true })
            .ToList();

    /// <summary>Tries to drop halves, quarters and so on down to single calls and a few neighbours, until nothing can go. Small pieces of
    /// a long history are tried only when no larger one goes: one refusal less can set half of the writes free.</summary>
    private List<TimedCall<TCall>> Thinned(List<TimedCall<TCall>> calls)
    {
        for (var chunk = calls.Count / 2; chunk > 1 && !deadline.IsOver; chunk /= 2)
        {
            var before = calls.Count;
            calls = Pass(calls, chunk, stride: chunk);
            if (before - calls.Count > before / WorthAnother && chunk < calls.Count / PiecesMax)
            {
                chunk = calls.Count; // halved by the loop
            }
        }

        for (var before = -1; before != calls.Count && !deadline.IsOver;)
        {
            (before, _undecided) = (calls.Count, 0);
            for (var width = 1; width <= NeighboursMax; width++)
            {
                calls = Pass(calls, width, stride: 1);
            }
        }

        IsMinimal = _undecided == 0 && !deadline.IsOver;
        return calls;
    }

    private List<TimedCall<TCall>> Pass(List<TimedCall<TCall>> calls, int width, int stride)
    {
        for (var from = 0; from < calls.Count && !deadline.IsOver;)
        {
            var rest = Without(calls, from, Math.Min(width, calls.Count - from));
            if (rest.Count < calls.Count && Fails(rest))
            {
                calls = rest;
            }
            else
            {
                from += stride;
            }
        }

        return calls;
    }

    private List<TimedCall<TCall>> Without(List<TimedCall<TCall>> calls, int from, int count)
    {
        var goes = model.MayBeLeftOut(calls.Select(c => c.Call).ToArray(), from, count);
        return calls.Where((_, i) => i < from || i >= from + count || !goes[i - from]).ToList();
    }

    private bool Fails(List<TimedCall<TCall>> calls)
    {
        var outcome = new LinearizationSearch<TState, TCall>(model, calls, new WordBudget(limits.CacheWordsMax)).Advance(StepsPerTry, deadline);
        _undecided += outcome is SearchOutcome.Legal or SearchOutcome.Illegal ? 0 : 1;
        return outcome == SearchOutcome.Illegal;
    }
}
