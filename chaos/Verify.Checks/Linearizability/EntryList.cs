namespace Verify.Checks.Linearizability;

/// <summary>The calls and returns of a history in order of time, as a doubly linked list from which a call can be lifted out with its
/// return and put back in the reverse order (Wing and Gong 1993, section 4). Entries are numbers; the one behind the last is no call.</summary>
internal sealed class EntryList
{
    private const int Head = 0;

    private readonly int[] _next, _previous, _number, _return;
    private readonly bool[] _isCall;

    /// <param name="intervals">When each call was made and when it returned; null: never.</param>
    public EntryList(IReadOnlyList<(long CalledUs, long? ReturnedUs)> intervals)
    {
        var entries = new List<(long AtUs, bool IsReturn, int Number)>(intervals.Count * 2);
        for (var number = 0; number < intervals.Count; number++)
        {
            entries.Add((intervals[number].CalledUs, IsReturn: false, number));
            if (intervals[number].ReturnedUs is { } returnedUs)
            {
                entries.Add((returnedUs, IsReturn: true, number));
            }
        }

        entries.Sort(); // closed intervals: of one microsecond the calls come before the returns

        var size = entries.Count + 2;
        (_next, _previous, _number, _return, _isCall) = (new int[size], new int[size], new int[size], new int[size], new bool[size]);
        var callOf = new int[intervals.Count];
        for (var at = 1; at <= entries.Count; at++)
        {
            var (_, isReturn, number) = entries[at - 1];
            (_number[at], _isCall[at]) = (number, !isReturn);
            if (isReturn)
            {
                _return[callOf[number]] = at;
            }
            else
            {
                callOf[number] = at;
            }
        }

        for (var at = 0; at + 1 < size; at++)
        {
            (_next[at], _previous[at + 1]) = (at + 1, at);
        }
    }

    public int First => _next[Head];
    public int After(int entry) => _next[entry];
    public bool IsCall(int entry) => _isCall[entry];

    /// <summary>The number of the call to which the entry belongs.</summary>
    public int Number(int entry) => _number[entry];

    public void Lift(int call)
    {
        Unlink(call);
        if (_return[call] != 0)
        {
            Unlink(_return[call]);
        }
    }

    /// <summary>Only for the call that was lifted last.</summary>
    public void Unlift(int call)
    {
        if (_return[call] != 0)
        {
            Relink(_return[call]);
        }

        Relink(call);
    }

    private void Unlink(int entry)
    {
        _next[_previous[entry]] = _next[entry];
        _previous[_next[entry]] = _previous[entry];
    }

    private void Relink(int entry)
    {
        _next[_previous[entry]] = entry;
        _previous[_next[entry]] = entry;
    }
}
