namespace Verify.Sim.Scheduling;

/// <summary>PCT, probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010, section 2.2): every actor gets a
/// priority when it is first seen, the highest goes first, and at <paramref name="depth"/> - 1 drawn picks the one that would go falls to a priority
/// below all that were drawn: the i-th change gives the i-th lowest, whenever it comes. A bug that needs d ordering constraints among n actors
/// in k picks is found by one run with probability 1/(n k^(d-1)) at least.</summary>
/// <param name="depth">How many ordering constraints the bug is thought to need.</param>
/// <param name="picksExpected">About how many picks a run has; the change points are drawn among them. 0: not known, it is drawn too.</param>
public sealed class PriorityActors(IChoiceSource choices, int depth, int picksExpected) : IActorScheduler
{
    private const int DrawnRange = 1 << 30;
    private readonly (long Pick, int Priority)[] _changes = new (long, int)[Math.Max(0, depth - 1)];
    private ActorNumbers _priorities = new();
    private long _picks;
    private int _changed;
    private bool _drawn;

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        if (!_drawn) DrawChanges();
        var best = Highest(enabled);
        for (; _changed < _changes.Length && _changes[_changed].Pick <= _picks; _changed++)
        {
            _priorities[enabled[best].Actor] = _changes[_changed].Priority;
            best = Highest(enabled);
        }

        _picks++;
        return best;
    }

    private void DrawChanges()
    {
        _drawn = true;
        var picks = Horizon.Of(picksExpected, choices);
        for (var i = 0; i < _changes.Length; i++) _changes[i] = (choices.Next(ChoiceKind.Actor, picks), i + 1);
        Array.Sort(_changes);
    }

    private int Highest(ReadOnlySpan<Candidate> enabled)
    {
        var best = 0;
        var bestPriority = 0L;
        for (var i = 0; i < enabled.Length; i++)
        {
            var priority = _priorities[enabled[i].Actor];
            if (priority == 0) _priorities[enabled[i].Actor] = priority = _changes.Length + 1L + choices.Next(ChoiceKind.Actor, DrawnRange);
            if (priority <= bestPriority) continue;
            (best, bestPriority) = (i, priority);
        }

        return best;
    }
}

/// <summary>A number per actor, 0 before it is set. Actors are numbered from 0 on, densely.</summary>
internal struct ActorNumbers()
{
    private long[] _numbers = new long[16];

    public long this[int actor]
    {
        readonly get => actor < _numbers.Length ? _numbers[actor] : 0;
        set
        {
            if (actor >= _numbers.Length) Array.Resize(ref _numbers, Math.Max(actor + 1, _numbers.Length * 2));
            _numbers[actor] = value;
        }
    }
}

/// <summary>How long a run is thought to be, in picks. Where nobody knows, a power of two is drawn: for one run in twelve or so it is
/// right within a factor of two, so that early and late bugs both have their chance.</summary>
internal static class Horizon
{
    private const int LeastPower = 6;
    private const int MostPower = 17;

    public static int Of(int picksExpected, IChoiceSource choices) =>
        picksExpected > 0 ? picksExpected : 1 << (LeastPower + choices.Next(ChoiceKind.Actor, MostPower - LeastPower + 1));
}
