namespace Verify.Sim.Scheduling;

/// <summary>Delay bounding (Emmi, Qadeer, Rakamarić, POPL 2011, section 3): a scheduler without dice, here round robin in which an actor goes on while it
/// can, is disturbed at most <paramref name="delays"/> times; each time the one that would go has to let the next one pass. Few delays find
/// most bugs, and the number of schedules grows with the delays, not with the actors.</summary>
/// <param name="picksExpected">About how many picks a run has; the delays are drawn among them. 0: not known, it is drawn too.</param>
public sealed class DelayBoundedActors(IChoiceSource choices, int delays, int picksExpected) : IActorScheduler
{
    private readonly long[] _points = new long[delays];
    private readonly List<int> _round = [];
    private ActorNumbers _places = new();
    private long _picks;
    private int _used;
    private int _turn;
    private bool _drawn;

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        if (!_drawn) DrawPoints();
        foreach (var candidate in enabled)
            if (_places[candidate.Actor] == 0) Join(candidate.Actor);
        var at = NextFrom(_turn, enabled);
        for (; _used < _points.Length && _points[_used] <= _picks; _used++) at = NextFrom(PlaceOf(enabled[at]) + 1, enabled);
        _turn = PlaceOf(enabled[at]);
        _picks++;
        return at;
    }

    private void DrawPoints()
    {
        _drawn = true;
        var picks = Horizon.Of(picksExpected, choices);
        for (var i = 0; i < _points.Length; i++) _points[i] = choices.Next(ChoiceKind.Actor, picks);
        Array.Sort(_points);
    }

    /// <summary>A new actor takes a drawn place in the round, so that the order without delays is not the same in every run.</summary>
    private void Join(int actor)
    {
        var place = choices.Next(ChoiceKind.Actor, _round.Count + 1);
        _round.Insert(place, actor);
        if (place <= _turn && _round.Count > 1) _turn++;
        for (var i = place; i < _round.Count; i++) _places[_round[i]] = i + 1;
    }

    private int PlaceOf(in Candidate candidate) => (int)_places[candidate.Actor] - 1;

    /// <summary>The first that can go, from this place of the round on.</summary>
    private int NextFrom(int place, ReadOnlySpan<Candidate> enabled)
    {
        var (best, bestDistance) = (0, int.MaxValue);
        for (var i = 0; i < enabled.Length; i++)
        {
            var distance = PlaceOf(enabled[i]) - place;
            if (distance < 0) distance += _round.Count;
            if (distance < bestDistance) (best, bestDistance) = (i, distance);
        }

        return best;
    }
}
