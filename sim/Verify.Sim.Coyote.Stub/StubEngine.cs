namespace Microsoft.Coyote.Runtime;

/// <summary>Stands in for Coyote's engine in tests of the adapter: runs one operation at a time and draws who goes next.</summary>
public sealed class StubEngine
{
    private static readonly AsyncLocal<StubEngine?> Attached = new();
    private static readonly ThreadLocal<ulong> Mine = new();
    private readonly object _gate = new();
    private readonly SortedDictionary<ulong, Waiting> _operations = [];
    private ulong _random;
    private ulong _running;
    private ulong _next;

    private StubEngine(ulong seed) => _random = seed;

    private sealed class Waiting
    {
        public Func<bool>? Condition { get; set; }
        public bool IsStarted { get; set; }
        public bool IsCompleted { get; set; }
    }

    /// <summary>The engine that controls the calling code; null: none.</summary>
    public static StubEngine? Current => Attached.Value;

    /// <summary>Operations that were let go, in order.</summary>
    public IReadOnlyList<ulong> Schedule => _schedule;

    private readonly List<ulong> _schedule = [];

    /// <summary>Plays a test once.</summary>
    public static StubEngine Run(ulong seed, Action test)
    {
        ArgumentNullException.ThrowIfNull(test);
        var engine = new StubEngine(seed);
        Attached.Value = engine;
        Mine.Value = engine._running = engine._next++;
        engine._operations.Add(engine._running, new Waiting { IsStarted = true });
        try
        {
            test();
            return engine;
        }
        finally
        {
            Attached.Value = null;
        }
    }

    internal int NextInteger(int bound)
    {
        _random += 0x9E3779B97F4A7C15UL;
        var z = (_random ^ (_random >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return (int)((z ^ (z >> 31)) % (ulong)bound);
    }

    internal ulong CreateNext()
    {
        lock (_gate)
        {
            _operations.Add(_next, new Waiting());
            return _next++;
        }
    }

    internal static void Start(ulong operation)
    {
        var engine = Current ?? throw new InvalidOperationException("no engine is attached to this thread");
        Mine.Value = operation;
        lock (engine._gate)
        {
            engine._operations[operation].IsStarted = true;
            Monitor.PulseAll(engine._gate);
            while (engine._running != operation) Monitor.Wait(engine._gate);
        }
    }

    internal void PauseUntil(Func<bool> condition)
    {
        lock (_gate)
        {
            _operations[Mine.Value].Condition = condition;
            LetOneGo();
            while (_running != Mine.Value) Monitor.Wait(_gate);
            _operations[Mine.Value].Condition = null;
        }
    }

    internal void PauseUntilCompleted(ulong operation) => PauseUntil(() => _operations[operation].IsCompleted);

    internal void Complete()
    {
        lock (_gate) _operations[Mine.Value].IsCompleted = true;
    }

    internal void ScheduleNext()
    {
        lock (_gate)
        {
            LetOneGo();
            while (_running != Mine.Value && !_operations[Mine.Value].IsCompleted) Monitor.Wait(_gate);
        }
    }

    private void LetOneGo()
    {
        // As Coyote does: no decision before every operation that was created has started.
        while (_operations.Values.Any(o => !o.IsStarted)) Monitor.Wait(_gate);
        var enabled = _operations.Where(o => !o.Value.IsCompleted && o.Value.Condition?.Invoke() != false).Select(o => o.Key).ToArray();
        if (enabled.Length == 0) throw new InvalidOperationException("deadlock: every operation waits");
        _running = enabled[NextInteger(enabled.Length)];
        _schedule.Add(_running);
        Monitor.PulseAll(_gate);
    }
}
