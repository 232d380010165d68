namespace Verify.Sim.Scheduling;

/// <summary>Q-learning (Mukherjee, Deligiannis, Biswas, Lal, OOPSLA 2020, section 4): a table says how much there is to be gained by letting one candidate go in
/// one state; the more often the state that it led to was seen, the less. Drawn by softmax, so that what is little known is tried first.
/// The state is what could go: actors, names and, where they are known, the actors' own states. A table may be kept over many runs.</summary>
public sealed class LearningActors(IChoiceSource choices, LearnedValues values) : IActorScheduler
{
    private const int DrawnRange = 1 << 24;
    private double[] _weights = new double[16];
    private LearnedValues.Entry? _lastState;
    private int _lastAction;

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        var state = values.Visit(StateOf(enabled));
        if (_lastState is not null) LearnedValues.Learn(_lastState, _lastAction, state);
        var best = double.NegativeInfinity;
        if (_weights.Length < enabled.Length) _weights = new double[enabled.Length * 2];
        for (var i = 0; i < enabled.Length; i++)
        {
            _weights[i] = state.ValueOf(ActionOf(enabled[i]));
            best = Math.Max(best, _weights[i]);
        }

        var sum = 0.0;
        for (var i = 0; i < enabled.Length; i++) sum += _weights[i] = PowerOfTwo(_weights[i] - best);
        var at = Draw(sum, enabled.Length);
        (_lastState, _lastAction) = (state, ActionOf(enabled[at]));
        return at;
    }

    private int Draw(double sum, int count)
    {
        var left = sum * choices.Next(ChoiceKind.Actor, DrawnRange) / DrawnRange;
        for (var i = 0; i < count - 1; i++)
        {
            left -= _weights[i];
            if (left < 0) return i;
        }

        return count - 1;
    }

    /// <summary>Softmax to the base of two, between whole powers in a straight line: additions and multiplications only, so that the same numbers come out on
    /// every machine, which a library's exp does not promise.</summary>
    private static double PowerOfTwo(double x)
    {
        if (x < -60) return 0;
        var whole = Math.Floor(x);
        return Math.ScaleB(1 + (x - whole), (int)whole);
    }

    private static int ActionOf(in Candidate candidate) => (candidate.Label * 31) ^ candidate.Actor;

    private static ulong StateOf(ReadOnlySpan<Candidate> enabled)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var candidate in enabled)
        {
            hash = (hash ^ (uint)candidate.Actor) * 0x100000001B3UL;
            hash = (hash ^ (uint)candidate.Label) * 0x100000001B3UL;
            hash = (hash ^ candidate.StateHash) * 0x100000001B3UL;
        }

        return hash;
    }
}

/// <summary>What q-learning knows: per state, how often it was seen, and the worth of what was done there.</summary>
public sealed class LearnedValues
{
    private const double LearningRate = 0.3;
    private const double Discount = 0.7;
    private const int StatesMax = 1 << 18;
    private readonly Dictionary<ulong, Entry> _states = [];

    /// <summary>How many states were met.</summary>
    public int States => _states.Count;

    internal Entry Visit(ulong state)
    {
        if (!_states.TryGetValue(state, out var entry))
        {
            entry = new Entry();
            // A full table learns nothing of new states: their worth is 0, the highest.
            if (_states.Count < StatesMax) _states.Add(state, entry);
        }

        entry.Visits++;
        return entry;
    }

    internal static void Learn(Entry from, int action, Entry to) =>
        from.Set(action, ((1 - LearningRate) * from.ValueOf(action)) + (LearningRate * (-to.Visits + (Discount * to.Best))));

    /// <summary>One state. An action that was never taken is worth 0.</summary>
    internal sealed class Entry
    {
        private int[] _actions = [];
        private double[] _values = [];

        public int Visits { get; set; }

        public double Best
        {
            get
            {
                var best = double.NegativeInfinity;
                foreach (var value in _values) best = Math.Max(best, value);
                return _values.Length == 0 ? 0 : best;
            }
        }

        public double ValueOf(int action)
        {
            var at = Array.IndexOf(_actions, action);
            return at < 0 ? 0 : _values[at];
        }

        public void Set(int action, double value)
        {
            var at = Array.IndexOf(_actions, action);
            if (at < 0)
            {
                at = _actions.Length;
                Array.Resize(ref _actions, at + 1);
                Array.Resize(ref _values, at + 1);
                _actions[at] = action;
            }

            _values[at] = value;
        }
    }
}
