namespace Verify.Checks.Linearizability;

internal enum SearchOutcome { Running, Legal, Illegal, OutOfTime, OutOfMemory }

/// <summary>Looks for an order of calls that the model allows and that respects real time. Wing and Gong 1993 ("Testing and
/// verifying concurrent objects", section 4: the list of calls and returns with lift and unlift) with Lowe's cache (2017, section 4).
/// Can be stopped after some steps and go on later; does not recurse.</summary>
internal sealed class LinearizationSearch<TState, TCall>
    where TState : notnull
{
    private const int StepsBetweenLooksAtClock = 1024;

    private readonly IModel<TState, TCall> _model;
    private readonly TCall[] _calls;
    private readonly int[] _order;        // our number of a call → its place in the caller's list
    private readonly int _completed;      // numbers below are completed calls, by time of return; the rest is optional

    private readonly EntryList _entries;
    private readonly VisitedStates _visited;
    private readonly Dictionary<TState, int> _stateNumbers = [];
    private readonly List<TState> _states = [];

    // Placed calls: completed ones as a window of bits behind an unbroken prefix, optional ones as bits of their own.
    private readonly ulong[] _placed, _placedOptional, _key;
    private int _firstOpen, _lastPlaced = -1;

    private readonly int[] _path, _pathState, _pathLastPlaced;
    private int _depth, _entry, _remaining, _state;

    private int[] _longest = [];
    private int _longestDepth, _sharedDepth;
    private int _furthestReturn;

    public LinearizationSearch(IModel<TState, TCall> model, IReadOnlyList<TimedCall<TCall>> calls, WordBudget memory)
    {
        if (calls.FirstOrDefault(c => !c.IsOptional && c.ReturnedUs < c.CalledUs) is { CalledUs: > 0 } wrong)
        {
            throw new ArgumentException($"call {wrong.Id} returned at {wrong.ReturnedUs} µs, before it was made at {wrong.CalledUs} µs", nameof(calls));
        }

        _order = Enumerable.Range(0, calls.Count)
            .OrderBy(i => calls[i].IsOptional).ThenBy(i => calls[i].IsOptional ? calls[i].CalledUs : calls[i].ReturnedUs).ThenBy(i => i)
            .ToArray();
        _calls = _order.Select(i => calls[i].Call).ToArray();
        _model = model.For(_calls);
        _completed = calls.Count(c => !c.IsOptional);
        _remaining = _completed;

        _entries = new EntryList(_order.Select(i => (calls[i].CalledUs, calls[i].IsOptional ? (long?)null : calls[i].ReturnedUs)).ToArray());
        _placed = new ulong[(_completed + 63) / 64];
        _placedOptional = new ulong[(calls.Count - _completed + 63) / 64];
        _key = new ulong[1 + _placed.Length + _placedOptional.Length];
        (_path, _pathState, _pathLastPlaced) = (new int[calls.Count], new int[calls.Count], new int[calls.Count]);
        _visited = new VisitedStates(memory);
        _state = NumberOf(_model.Initial);
        _entry = _entries.First;
    }

    /// <summary>Steps taken so far: the same for the same history on every machine.</summary>
    public long Steps { get; private set; }

    /// <summary>The longest order found, as places in the caller's list.</summary>
    public IReadOnlyList<int> Longest
    {
        get
        {
            KeepLongest();
            return _longest.Take(_longestDepth).Select(entry => _order[_entries.Number(entry)]).ToArray();
        }
    }

    /// <summary>Of a search that ended as illegal: the first return that no order gets past. Up to it the history is illegal, and no
    /// earlier end of it is. As a place in the caller's list.</summary>
    public int FirstImpossibleReturn => _order[_entries.Number(_furthestReturn)];

    /// <summary>Gives the memory of visited states back; the search cannot go on after this.</summary>
    public void Release() => _visited.Release();

    /// <summary>Goes on for at most <paramref name="stepsMax"/> steps.</summary>
    public SearchOutcome Advance(long stepsMax, Deadline deadline)
    {
        for (var left = stepsMax; _remaining > 0; left--)
        {
            if (left == 0)
            {
                return SearchOutcome.Running;
            }

            if (++Steps % StepsBetweenLooksAtClock == 0 && deadline.IsOver)
            {
                return SearchOutcome.OutOfTime;
            }

            if (_entries.IsCall(_entry))
            {
                _entry = TryPlace(_entry) ? _entries.First : _entries.After(_entry);
                if (_visited.IsFull)
                {
                    return SearchOutcome.OutOfMemory;
                }
            }
            else
            {
                _furthestReturn = Math.Max(_furthestReturn, _entry); // entries are numbered by time
                if (_depth == 0)
                {
                    return SearchOutcome.Illegal;
                }

                TakeBack();
            }
        }

        return SearchOutcome.Legal;
    }

    private bool TryPlace(int entry)
    {
        var number = _entries.Number(entry);
        var isOptional = number >= _completed;
        if (!_model.TryStep(_states[_state], _calls[number], out var nextState))
        {
            return false;
        }

        var next = NumberOf(nextState);
        if (isOptional && next == _state)
        {
            return false; // what may be left away and changes nothing need not be tried
        }

        var lastPlaced = _lastPlaced;
        Mark(number, isOptional);
        if (!_visited.Add(Key(next)))
        {
            Unmark(number, isOptional, lastPlaced);
            return false;
        }

        _path[_depth] = entry;
        _pathState[_depth] = _state;
        _pathLastPlaced[_depth] = lastPlaced;
        _depth++;
        _state = next;
        _remaining -= isOptional ? 0 : 1;
        _entries.Lift(entry);
        return true;
    }

    private void TakeBack()
    {
        KeepLongest();
        _depth--;
        _sharedDepth = Math.Min(_sharedDepth, _depth);
        var entry = _path[_depth];
        var number = _entries.Number(entry);
        var isOptional = number >= _completed;
        _entries.Unlift(entry);
        Unmark(number, isOptional, _pathLastPlaced[_depth]);
        _state = _pathState[_depth];
        _remaining += isOptional ? 0 : 1;
        _entry = _entries.After(entry);
    }

    private void KeepLongest()
    {
        if (_depth <= _longestDepth)
        {
            return;
        }

        if (_longest.Length == 0)
        {
            _longest = new int[_path.Length];
        }

        Array.Copy(_path, _sharedDepth, _longest, _sharedDepth, _depth - _sharedDepth);
        _longestDepth = _sharedDepth = _depth;
    }

    private void Mark(int number, bool isOptional)
    {
        if (isOptional)
        {
            _placedOptional[(number - _completed) >> 6] |= 1UL << (number - _completed);
            return;
        }

        _placed[number >> 6] |= 1UL << number;
        _lastPlaced = Math.Max(_lastPlaced, number);
        while (_firstOpen < _completed && (_placed[_firstOpen >> 6] >> _firstOpen & 1) != 0)
        {
            _firstOpen++;
        }
    }

    private void Unmark(int number, bool isOptional, int lastPlaced)
    {
        if (isOptional)
        {
            _placedOptional[(number - _completed) >> 6] &= ~(1UL << (number - _completed));
            return;
        }

        _placed[number >> 6] &= ~(1UL << number);
        _lastPlaced = lastPlaced;
        _firstOpen = Math.Min(_firstOpen, number);
    }

    /// <summary>State, optional calls, and the words of the window between the first call that is open and the last that is placed:
    /// everything before it is placed, everything after it is not.</summary>
    private ReadOnlySpan<ulong> Key(int state)
    {
        var firstWord = _firstOpen >> 6;
        _key[0] = ((ulong)(uint)state << 32) | (uint)firstWord;
        _placedOptional.CopyTo(_key.AsSpan(1));
        var length = 1 + _placedOptional.Length;
        var words = Math.Max(0, (_lastPlaced >> 6) + 1 - firstWord);
        _placed.AsSpan(Math.Min(firstWord, _placed.Length), words).CopyTo(_key.AsSpan(length));
        return _key.AsSpan(0, length + words);
    }

    private int NumberOf(TState state)
    {
        if (!_stateNumbers.TryGetValue(state, out var number))
        {
            number = _states.Count;
            _stateNumbers.Add(state, number);
            _states.Add(state);
        }

        return number;
    }
}

/// <summary>A limit of time on a given clock.</summary>
internal sealed class Deadline(TimeProvider clock, TimeSpan limit)
{
    private readonly long _start = clock.GetTimestamp();
    public bool IsOver => clock.GetElapsedTime(_start) >= limit;
}
