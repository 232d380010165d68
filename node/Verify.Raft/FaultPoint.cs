#if VERIFY_MUTANTS
namespace Verify.Raft;

/// <summary>A place where node code may do something that is allowed and unusual, so that rare ways are walked often (FoundationDB's BUGGIFY).
/// Compiled only into the test build (-p:Mutants=true); a style test proves that a production assembly does not contain this type.</summary>
public static class FaultPoint
{
    /// <summary>What fires of what is armed, unless the place is met so often that less is enough.</summary>
    public const int UsualPerMille = 250;

    /// <summary>True when this point does its thing here and now: in a quarter of the runs it is armed, and then in so many of 1,000 cases.</summary>
    public static bool Fires(string name, int perMille = UsualPerMille) => ProbeRun.Current?.Fires(name, perMille) ?? false;
}

/// <summary>The fault points and marks of one run, which has a thread of its own. What fires is drawn from the run's choices.</summary>
public sealed class ProbeRun
{
    private const int ArmedPerMille = 250;

    [ThreadStatic]
    private static ProbeRun? _current;

    private readonly Func<int, int>? _draw;
    private readonly SortedDictionary<string, bool> _armed = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _hits = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _marks = new(StringComparer.Ordinal);

    /// <param name="draw">Draws a whole number below its argument from the run's choices; null: no fault point fires.</param>
    public ProbeRun(Func<int, int>? draw) => _draw = draw;

    /// <summary>The run on this thread; null: nothing is counted and nothing fires.</summary>
    public static ProbeRun? Current { get => _current; set => _current = value; }

    /// <summary>How often each point that was met and armed has fired.</summary>
    public SortedDictionary<string, long> Hits => _hits;

    /// <summary>How often each mark was reached.</summary>
    public SortedDictionary<string, long> MarkCounts => _marks;

    public bool Fires(string name, int perMille)
    {
        if (_draw is null) return false;
        if (!_armed.TryGetValue(name, out var isArmed)) isArmed = _armed[name] = _draw(1000) < ArmedPerMille;
        if (!isArmed) return false;
        _hits.TryAdd(name, 0);
        if (_draw(1000) >= perMille) return false;
        _hits[name]++;
        return true;
    }

    public void Reach(string name) => _marks[name] = _marks.GetValueOrDefault(name) + 1;
}
#endif
