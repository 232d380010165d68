namespace Verify.Sim.Exhaustive;

/// <summary>Bounded breadth-first exploration of the production Raft core: every order in which messages can arrive, timers fire, commands
/// come and nodes stop, within small bounds, each state once (explicit-state model checking, as TLC: Yu, Manolios and Lamport, "Model
/// checking TLA+ specifications", 1999). It goes level by level, so the first violation is a shortest one.</summary>
public sealed class ExhaustiveExploration
{
    private const int BatchChunks = 64;
    private readonly ExhaustiveBounds _bounds;
    private readonly TimeProvider _time;
    private readonly TimeSpan _budget;
    private readonly Action<ExhaustiveProgress>? _tell;
    private readonly LocalSteps _steps;
    private readonly VisitedSet _visited;
    private readonly VisitedSet? _pictures;
    private readonly Expansion[] _threads;
    private readonly List<LevelChunk[]> _levels = [];
    private readonly long _start;
    private long _frontierMax;
    private int _taken;

    /// <param name="memoryBytes">For the hashes of the states seen; frontier and ways come on top (about as much again).</param>
    /// <param name="time">Measures the budget; the exploration itself has no clock.</param>
    public ExhaustiveExploration(ExhaustiveBounds bounds, int jobs, TimeSpan budget, long memoryBytes, TimeProvider time, Action<ExhaustiveProgress>? tell = null)
    {
        ArgumentNullException.ThrowIfNull(bounds);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(jobs);
        bounds.Validate();
        (_bounds, _time, _budget, _tell) = (bounds, time, budget, tell);
        _steps = new LocalSteps(bounds);
        _visited = new VisitedSet(memoryBytes);
        _pictures = bounds.CountsPictures ? new VisitedSet(memoryBytes) : null;
        _threads = [.. Enumerable.Range(0, jobs).Select(_ => new Expansion(bounds, _steps, _visited, _pictures))];
        _start = time.GetTimestamp();
    }

    public ExhaustiveResult Run()
    {
        _threads[0].Begin();
        _visited.Counted(1);
        var level = Gather();
        while (level.Length > 0)
        {
            _levels.Add(level);
            _frontierMax = Math.Max(_frontierMax, StatesOf(level));
            if (Expand(level) is { } ended) return ended;
            level = Gather();
        }
        return Result(ExhaustiveOutcome.Complete, frontier: 0, null);
    }

    private double Seconds => _time.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Goes on from all states of a level. Null when that went to its end.</summary>
    private ExhaustiveResult? Expand(LevelChunk[] level)
    {
        var total = StatesOf(level);
        for (var from = 0; from < level.Length;)
        {
            var done = level[from].First;
            _tell?.Invoke(new(_levels.Count - 1, _visited.Count, total, done, Seconds));
            if (_time.GetElapsedTime(_start) >= _budget) return Result(ExhaustiveOutcome.TimeOver, total - done, null);
            var upTo = Math.Min(level.Length, from + BatchChunks);
            // A state leads to a few new ones at the most on average, never to more than its messages and nodes allow.
            var most = (upTo - from) * (long)LevelChunk.StatesMax * 8;
            if (!_visited.MakeRoom(most) || _pictures?.MakeRoom(most) == false) return Result(ExhaustiveOutcome.MemoryFull, total - done, null);
            ExpandBatch(level, from, upTo);
            if (FirstViolation() is { } violation) return Result(ExhaustiveOutcome.Violated, total - done, violation);
            from = upTo;
        }
        return null;
    }

    private void ExpandBatch(LevelChunk[] level, int from, int upTo)
    {
        var (before, pictures) = (_threads.Sum(thread => thread.Found), _threads.Sum(thread => thread.Pictures));
        _taken = from;
        var helpers = new Thread[Math.Min(_threads.Length, upTo - from) - 1];
        for (var i = 0; i < helpers.Length; i++)
        {
            var thread = _threads[i + 1];
            helpers[i] = new Thread(() => Work(thread)) { IsBackground = true, Name = $"exhaustive-{i + 1}" };
            helpers[i].Start();
        }
        Work(_threads[0]);
        foreach (var helper in helpers) helper.Join();
        _visited.Counted(_threads.Sum(thread => thread.Found) - before);
        _pictures?.Counted(_threads.Sum(thread => thread.Pictures) - pictures);

        void Work(Expansion thread)
        {
            for (var next = Interlocked.Increment(ref _taken) - 1; next < upTo && thread.Violation is null; next = Interlocked.Increment(ref _taken) - 1)
            {
                thread.Expand(level[next]);
                level[next].LetGo();
            }
        }
    }

    private LevelChunk[] Gather()
    {
        var chunks = new List<LevelChunk>();
        var first = 0L;
        foreach (var thread in _threads)
        {
            thread.Close();
            foreach (var chunk in thread.Chunks)
            {
                chunk.First = first;
                first += chunk.Count;
                chunks.Add(chunk);
            }
            thread.Chunks.Clear();
        }
        return [.. chunks];
    }

    private FoundViolation? FirstViolation() =>
        _threads.Select(thread => thread.Violation).OfType<FoundViolation>().OrderBy(v => v.Parent).ThenBy(v => v.Action).FirstOrDefault();

    private static long StatesOf(LevelChunk[] level) => level[^1].First + level[^1].Count;

    private ExhaustiveResult Result(ExhaustiveOutcome outcome, long frontier, FoundViolation? violation)
    {
        var depth = _levels.Count - 1 + (violation is null ? 0 : 1);
        return new(
            outcome, _visited.Count, _threads.Sum(t => t.Namesakes), _threads.Sum(t => t.Transitions), depth, frontier, _frontierMax,
            _steps.Asked, _steps.Nodes, _steps.Messages, Seconds, violation is null ? null : Explain(violation))
        {
            Pictures = _threads.Sum(t => t.Pictures), Revived = _threads.Sum(t => t.Revived),
        };
    }

    private CounterExample Explain(FoundViolation violation)
    {
        var actions = new List<uint> { violation.Action };
        var number = (long)violation.Parent;
        for (var level = _levels.Count - 1; level > 0; level--)
        {
            var chunk = _levels[level].Last(chunk => chunk.First <= number);
            var origin = chunk.Origins[number - chunk.First];
            actions.Add((uint)origin);
            number = (long)(origin >> 32);
        }
        actions.Reverse();
        return new(violation.Broken.Promise, violation.Broken.What, new Retelling(_bounds, _steps).Tell(actions));
    }
}
