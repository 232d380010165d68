namespace Verify.Sim.Scheduling;

/// <summary>PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010, section 2): every actor gets a priority when it is
/// first seen, the highest goes first, and at <paramref name="depth"/> - 1 drawn picks the one that would go falls below all.</summary>
/// <param name="depth">How many ordering constraints the bug is thought to need.</param>
/// <param name="picksExpected">About how many picks a run has; the change points are drawn among them.</param>
public sealed class PriorityActors(IChoiceSource choices, int depth, int picksExpected) : IActorScheduler
{
    private const int DrawnRange = 1 << 20;
    private readonly SortedDictionary<int, long> _priorities = [];
    private readonly SortedSet<long> _changePoints = [];
    private long _picks;
    private long _lowest;
    private bool _drawn;

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        if (!_drawn) DrawChangePoints();
        var best = Highest(enabled);
        if (_changePoints.Remove(_picks++))
        {
            _priorities[enabled[best].Actor] = --_lowest;
            best = Highest(enabled);
        }

        return best;
    }

    private void DrawChangePoints()
    {
        _drawn = true;
        for (var i = 1; i < depth; i++) _changePoints.Add(choices.Next(ChoiceKind.Actor, picksExpected));
    }

    private int Highest(ReadOnlySpan<Candidate> enabled)
    {
        var best = 0;
        var bestPriority = long.MinValue;
        for (var i = 0; i < enabled.Length; i++)
        {
            if (!_priorities.TryGetValue(enabled[i].Actor, out var priority))
            {
                priority = 1 + choices.Next(ChoiceKind.Actor, DrawnRange);
                _priorities.Add(enabled[i].Actor, priority);
            }

            if (priority <= bestPriority) continue;
            (best, bestPriority) = (i, priority);
        }

        return best;
    }
}
