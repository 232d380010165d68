using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Chaos.Drawn;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.Checks;

namespace Verify.Chaos.Exploring;

/// <summary>What to compare.</summary>
internal sealed record ComparisonOptions
{
    /// <summary>Words of <see cref="ExploreStrategies"/>.</summary>
    public required IReadOnlyList<string> Strategies { get; init; }

    /// <summary>Each strategy plays so many from each master seed; 4 and more.</summary>
    public required long Schedules { get; init; }
    public required int Masters { get; init; }
    public required int Jobs { get; init; }

    /// <summary>Planted bugs to look for; test build only.</summary>
    public IReadOnlyList<PlantedBug> Bugs { get; init; } = [];
    public string Command { get; init; } = "";
    public string Commit { get; init; } = "unknown";
}

/// <summary>Plays strategies over the Raft core side by side: the same seeds, the same number of schedules, first without a bug (patterns and marks), then with each planted bug.</summary>
internal sealed class Comparison(ComparisonOptions options, TimeProvider time, Action<string> tell)
{
    /// <summary>A multiple of every block in which a strategy learns.</summary>
    private const ulong SeedsPerMaster = 1UL << 24;
    private readonly long _start = time.GetTimestamp();
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    /// <exception cref="HarnessException">A schedule could not be played, or nothing can be compared.</exception>
    public ComparisonRecord Run()
    {
        if (options.Schedules is < 4 or > (long)SeedsPerMaster) throw new HarnessException($"{options.Schedules} schedules cannot be compared; from 4 to {SeedsPerMaster} can");
        var cells = Enumerable.Range(0, options.Masters).SelectMany(master => options.Strategies.Select(strategy => (Strategy: strategy, Seed: (ulong)master * SeedsPerMaster))).ToArray();
        var reached = SideBySide(cells, cell => Reach(cell.Strategy, cell.Seed));
        foreach (var r in reached)
            tell(string.Create(CultureInfo.InvariantCulture, $"{Elapsed} s  {r.Strategy,-20} from {r.MasterSeed,9}: {r.Patterns[3],7} patterns, {r.Marks.Count,3} marks{(r.Bad is { } bad ? $", seed {bad} BROKE A PROMISE" : "")}"));
        var finds = new List<ComparedFind>();
        foreach (var bug in options.Bugs) finds.AddRange(Hunt(bug, cells));
        return new()
        {
            Command = options.Command, Commit = options.Commit, StartedAt = _startedAt, Machine = Machine.Environment(), Strategies = options.Strategies, Schedules = options.Schedules,
            Seconds = time.GetElapsedTime(_start).TotalSeconds, HasMarks = HasMarks, Reached = reached, Finds = finds,
        };
    }

    private static bool HasMarks =>
#if VERIFY_MUTANTS
        true;
#else
        false;
#endif

    private string Elapsed => string.Create(CultureInfo.InvariantCulture, $"{time.GetElapsedTime(_start).TotalSeconds,6:0.0}");

    private static RaftExplored Explored(string strategy) => new RaftExplored(ExploreStrategies.Parse(strategy));

    private ComparedReach Reach(string strategy, ulong master)
    {
        var (explored, began) = (Explored(strategy), time.GetTimestamp());
        var session = explored.Open();
        var marks = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var patterns = new List<int>();
        var bad = (ulong?)null;
        foreach (var (n, seed) in Seeds(explored, session, master))
        {
            var (trial, reached) = MarkCatalog.Counted(() => session.Play(seed, null));
            foreach (var (name, _) in reached) marks.TryAdd(name[MarkCatalog.Prefix.Length..], n + 1);
            if (trial.Trial.Verdict != Verdict.Valid) bad ??= seed;
            if (n + 1 == options.Schedules * (patterns.Count + 1) / 4) patterns.Add(session.Seen.Count);
        }

        return new(strategy, master, options.Schedules, time.GetElapsedTime(began).TotalSeconds, patterns, marks, bad);
    }

    private ComparedFind[] Hunt(PlantedBug bug, IReadOnlyList<(string Strategy, ulong Seed)> cells)
    {
        ExploreCommand.Arm(bug.Id, "compare --mutants");
        try
        {
            var finds = SideBySide(cells, cell => new ComparedFind(bug.Id, bug.Broken, cell.Strategy, cell.Seed, SchedulesUntilFound(cell.Strategy, cell.Seed)));
            tell($"{Elapsed} s  {bug.Id}: {string.Join(", ", options.Strategies.Select(s => $"{s} {finds.Count(f => f.Strategy == s && f.Schedules is not null)} of {options.Masters}"))}");
            return finds;
        }
        finally
        {
            ExploreCommand.Arm(null, "compare --mutants");
        }
    }

    /// <summary>A master's seeds, each with how many came before it. A strategy that learns begins a block where a sweep of seeds would.</summary>
    private IEnumerable<(long Before, ulong Seed)> Seeds(RaftExplored explored, IExploredSession session, ulong master)
    {
        for (var n = 0L; n < options.Schedules; n++)
        {
            var seed = master + (ulong)n;
            if (seed % (ulong)explored.BlockSize == 0) session.BeginBlock();
            yield return (n, seed);
        }
    }

    private long? SchedulesUntilFound(string strategy, ulong master)
    {
        var explored = Explored(strategy);
        var session = explored.Open();
        foreach (var (n, seed) in Seeds(explored, session, master))
        {
            if (session.Play(seed, null).Trial.Verdict == Verdict.Invalid) return n + 1;
        }

        return null;
    }

    /// <summary>All cells, several threads at once; the results in the order of the cells.</summary>
    private T[] SideBySide<TCell, T>(IReadOnlyList<TCell> cells, Func<TCell, T> play)
    {
        var results = new T[cells.Count];
        var (taken, failure) = (-1, (Exception?)null);
        void Work()
        {
            try
            {
                for (var at = Interlocked.Increment(ref taken); at < cells.Count; at = Interlocked.Increment(ref taken)) results[at] = play(cells[at]);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }

        var workers = Enumerable.Range(0, options.Jobs).Select(i => new Thread(Work) { IsBackground = true, Name = $"compare-{i}" }).ToArray();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
        return failure is null ? results : throw new HarnessException($"a schedule could not be played: {failure}", failure);
    }
}
