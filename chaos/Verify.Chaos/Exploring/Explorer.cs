using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exploring;

/// <summary>How long, where and with how many threads to explore.</summary>
internal sealed record ExploreOptions
{
    public required string Seeds { get; init; }
    public Shard Shard { get; init; } = Shard.Whole;
    public required int Jobs { get; init; }
    public TimeSpan? For { get; init; }

    /// <summary>Goes on after a violation.</summary>
    public bool KeepGoing { get; init; }
    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromSeconds(10);
    public string Commit { get; init; } = "unknown";
}

/// <summary>Plays many schedules on all cores, and keeps count.</summary>
internal sealed class Explorer(IExplored explored, ExploreOptions options, TimeProvider time, Action<string> tell) : IDisposable
{
    private const int ViolationsKept = 50;
    private readonly Lock _gate = new();
    private readonly IEnumerator<SeedSpan> _blocks = options.Shard.Blocks(SeedSpans.Parse(options.Seeds), explored.BlockSize).GetEnumerator();
    private readonly PatternSet _patterns = new();
    private readonly SortedDictionary<string, long> _marks = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, StrategyCount> _strategies = new(StringComparer.Ordinal);
    private readonly List<ExploreViolation> _violations = [];
    private readonly List<SeedSpan> _done = [];
    private readonly long _start = time.GetTimestamp();
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();
    private Exception? _failure;
    private string? _endedBy;
    private long _schedules;
    private long _bad;
    private ulong _hash;
    private TimeSpan _told;

    public ExploreRecord Explore(CancellationToken cancel)
    {
        var workers = new Thread[options.Jobs];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(() => Guarded(cancel)) { IsBackground = true, Name = $"explore-{i}" };
            workers[i].Start();
        }

        foreach (var worker in workers) worker.Join();
        if (_failure is not null) throw new HarnessException($"a schedule could not be played: {_failure}");
        return new ExploreRecord
        {
            Commit = options.Commit, Arguments = explored.Arguments, Seeds = options.Seeds, BlockSize = explored.BlockSize, Shards = [options.Shard.ToString()],
            StartedAt = _startedAt, Seconds = Math.Round(time.GetElapsedTime(_start).TotalSeconds, 3), Jobs = options.Jobs, Machine = Machine.Environment(),
            EndedBy = _endedBy ?? "seeds", Done = SeedSpans.Text(SeedSpans.Join(_done)), Schedules = _schedules,
            Hash = _hash.ToString("x16", CultureInfo.InvariantCulture), Patterns = _patterns.Count, PatternSet = _patterns.ToText(),
            Strategies = _strategies, Marks = _marks, Violations = [.. _violations.OrderBy(v => v.Seed)], MoreViolations = _bad - _violations.Count,
        };
    }

    public void Dispose() => _blocks.Dispose();

    /// <summary>The top of a worker: what it throws ends the exploration.</summary>
    private void Guarded(CancellationToken cancel)
    {
        try
        {
            Work(cancel);
        }
        catch (Exception e)
        {
            lock (_gate) (_failure, _endedBy) = (_failure ?? e, _endedBy ?? "harness");
        }
    }

    private void Work(CancellationToken cancel)
    {
        var session = explored.Open();
        while (Take(cancel) is { } block)
        {
            session.BeginBlock();
            // What this block's schedules learned from, although it was not asked for.
            for (var seed = block.From / (ulong)explored.BlockSize * (ulong)explored.BlockSize; seed < block.From; seed++)
                if (session.Teaches(seed)) session.Play(seed, null);
            var last = (ulong?)null;
            for (var seed = block.From; !IsOver(cancel); seed++)
            {
                Add(seed, session.Play(seed, null), session.Seen);
                last = seed;
                if (seed == block.To) break;
            }

            if (last is { } done) lock (_gate) _done.Add(new(block.From, done));
        }

        lock (_gate) _patterns.Join(session.Seen);
    }

    private SeedSpan? Take(CancellationToken cancel)
    {
        lock (_gate) return !IsOver(cancel) && _blocks.MoveNext() ? _blocks.Current : null;
    }

    private bool IsOver(CancellationToken cancel)
    {
        lock (_gate)
        {
            if (cancel.IsCancellationRequested) _endedBy ??= "interrupted";
            else if (options.For is { } budget && time.GetElapsedTime(_start) >= budget) _endedBy ??= "time";
            return _endedBy is not null;
        }
    }

    private void Add(ulong seed, ExploredTrial explored, PatternSet seen)
    {
        var (trial, strategy) = (explored.Trial, explored.Strategy);
        lock (_gate)
        {
            _schedules++;
            _hash += new Verify.Node.Seam.Dice(seed ^ trial.Hash).Next();
            foreach (var (name, count) in trial.Counts) _marks[name] = _marks.GetValueOrDefault(name) + count;
            var isBad = trial.Verdict != Verdict.Valid;
            var sum = _strategies.GetValueOrDefault(strategy) ?? new StrategyCount(0, 0);
            _strategies[strategy] = new(sum.Schedules + 1, sum.Bad + (isBad ? 1 : 0));
            if (isBad) Keep(seed, explored);
            var elapsed = time.GetElapsedTime(_start);
            if (elapsed - _told < options.ProgressEvery) return;
            _told = elapsed;
            _patterns.Join(seen);
            tell(Progress(elapsed));
        }
    }

    private void Keep(ulong seed, ExploredTrial bad)
    {
        _bad++;
        if (!options.KeepGoing) _endedBy ??= "violation";
        if (_violations.Count >= ViolationsKept) return;
        var command = $"dotnet run --project chaos/Verify.Chaos -c Release -- explore {explored.Arguments} --seeds {seed} --tell";
        var violation = new ExploreViolation(
            seed, bad.Strategy, bad.Trial.Verdict, bad.Class, bad.Trial.Discovery?.Promise ?? "", bad.Trial.Discovery?.What ?? "", bad.Trial.Drawn, command);
        _violations.Add(violation);
        tell($"seed {seed} ({bad.Strategy}): {violation.Verdict}, {violation.Class}: {violation.Promise}: {violation.What.Split('\n')[0].TrimEnd()}\n  again: {command}");
    }

    private string Progress(TimeSpan elapsed)
    {
        var strategies = string.Join(", ", _strategies.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Value.Schedules}{(s.Value.Bad > 0 ? $" ({s.Value.Bad} BAD)" : "")}")));
        return string.Create(CultureInfo.InvariantCulture,
            $"{elapsed.TotalSeconds,7:0} s  {_schedules} schedules, {_schedules / elapsed.TotalSeconds:0.#}/s, {_patterns.Count} patterns, {_bad} bad; {strategies}");
    }
}
