using System.Globalization;
using Verify.Chaos.Exploring;
using Verify.Chaos.Mutants;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Machine = Verify.Chaos.Running.Machine;
using Shard = Verify.Chaos.Exploring.Shard;

namespace Verify.Chaos.Nightly;

/// <summary>What a night is to play.</summary>
internal sealed record NightlyOptions
{
    public required IReadOnlyList<NightlyPart> Parts { get; init; }

    /// <summary>"1..": each part takes them in turn, from the first on.</summary>
    public required string Seeds { get; init; }
    public Shard Shard { get; init; } = Shard.Whole;

    /// <summary>Begins nothing new after this time; null: plays all seeds.</summary>
    public TimeSpan? For { get; init; }
    public required int Jobs { get; init; }

    /// <summary>The sometimes-marks that are expected; empty: none.</summary>
    public required IReadOnlyList<(string Name, bool IsRare)> Marks { get; init; }
    public string Command { get; init; } = "";
    public string Commit { get; init; } = "unknown";

    /// <summary>Called with the record after each turn, so that a night that is killed leaves what it saw.</summary>
    public Action<NightlyRecord> Kept { get; init; } = _ => { };
}

/// <summary>Plays all parts in turn, turn after turn, until the time or the seeds are over, with one seed in a hundred falsified; and writes down what came of it.</summary>
internal sealed class NightlySuite(NightlyOptions options, TimeProvider time, Action<string> tell)
{
    /// <summary>When so many schedules failed there is enough to look at.</summary>
    private const int FailuresMax = 50;
    private readonly long _start = time.GetTimestamp();
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();
    private string? _endedBy;

    /// <summary>The record, after it went the way that it goes to its readers.</summary>
    public NightlyRecord Play(CancellationToken cancel)
    {
        var spans = SeedSpans.Parse(options.Seeds);
        var runs = options.Parts.Select(part => new PartRun(part, options.Shard.Blocks(spans, part.Turn))).ToArray();
        var isMore = true;
        while (isMore && !IsOver(cancel))
        {
            isMore = false;
            foreach (var run in runs) isMore |= PlayTurn(run, runs, cancel);
        }

        _endedBy ??= "seeds";
        foreach (var run in runs) run.Dispose();
        return NightlyRecord.Parse(Record(runs).ToJson());
    }

    private bool PlayTurn(PartRun run, PartRun[] all, CancellationToken cancel)
    {
        if (IsOver(cancel) || !run.Next(out var turn)) return false;
        var sweep = new SwarmSweep(new Guarded(run.Part.Swarm), options.Jobs, int.MaxValue, time, line => tell($"{run.Part.Name}: {line}"))
        {
            IsOver = () => cancel.IsCancellationRequested || IsTimeOver, IsQuiet = run.Part.IsPlanted,
        };
        var seeds = Enumerable.Range(0, (int)turn.Count).Select(n => turn.From + (ulong)n).ToArray();
        var (schedules, seconds, _, failures, counts) = sweep.Play(seeds);
        run.Add(seeds[..sweep.Taken], schedules, seconds, failures, counts);
        if (all.Sum(r => r.Record.Failures.Count) >= FailuresMax) _endedBy ??= "failures";
        var record = Record(all);
        tell(Progress(run.Record, record));
        options.Kept(record);
        return true;
    }

    private bool IsTimeOver => options.For is { } most && time.GetElapsedTime(_start) >= most;

    private bool IsOver(CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested) _endedBy ??= "interrupted";
        else if (IsTimeOver) _endedBy ??= "time";
        return _endedBy is not null;
    }

    private NightlyRecord Record(IEnumerable<PartRun> runs) => new()
    {
        Command = options.Command, Commit = options.Commit, StartedAt = _startedAt, Machine = Machine.Environment(), Seeds = options.Seeds, Shard = options.Shard.ToString(),
        Jobs = options.Jobs, Seconds = Math.Round(time.GetElapsedTime(_start).TotalSeconds, 1), EndedBy = _endedBy ?? NightlyRecord.Runs, Parts = [.. runs.Select(r => r.Record)],
        MarksDue = [.. options.Marks.Where(m => !m.IsRare).Select(m => m.Name)], MarksRare = [.. options.Marks.Where(m => m.IsRare).Select(m => m.Name)],
    };

    private static string Progress(NightlyPartRecord part, NightlyRecord all)
    {
        var marks = all.Marks;
        return string.Create(CultureInfo.InvariantCulture,
            $"{all.Seconds,7:0} s  {all.Schedules} schedules, {all.Parts.Sum(p => p.Failures.Count)} failed, {all.Parts.Sum(p => p.CanariesHeard)} of {all.Parts.Sum(p => p.CanariesDue)} canaries heard, ")
            + string.Create(CultureInfo.InvariantCulture, $"{all.MarksDue.Count(m => marks.ContainsKey(m))} of {all.MarksDue.Count} marks; {part.Name} to {part.Seeds} at {part.Schedules / Math.Max(0.001, part.Seconds):0.#}/s");
    }

    /// <summary>One part and how far it is.</summary>
    private sealed class PartRun(NightlyPart part, IEnumerable<SeedSpan> turns) : IDisposable
    {
        private readonly IEnumerator<SeedSpan> _turns = turns.GetEnumerator();
        private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
        private IReadOnlyList<SeedSpan> _played = [];

        public NightlyPart Part => part;
        public NightlyPartRecord Record { get; private set; } = new() { Name = part.Name, Story = part.Swarm.Story, Again = part.Again };

        public bool Next(out SeedSpan turn)
        {
            var isThere = _turns.MoveNext();
            turn = isThere ? _turns.Current : default;
            return isThere;
        }

        public void Add(ulong[] seeds, long schedules, double seconds, IReadOnlyList<SwarmFailure> failures, IReadOnlyDictionary<string, long> counts)
        {
            if (seeds.Length == 0) return;
            foreach (var (name, count) in counts) _counts[name] = _counts.GetValueOrDefault(name) + count;
            _played = SeedSpans.Join([.. _played, new(seeds[0], seeds[^1])]);
            var due = seeds.Where(Canary.Sings).ToArray();
            var heard = failures.Where(part.IsPlanted).Select(f => f.Seed).ToHashSet();
            var unheard = due.Where(seed => !heard.Contains(seed)).ToArray();
            Record = Record with
            {
                Seeds = SeedSpans.Text(_played), Schedules = Record.Schedules + schedules, Seconds = Math.Round(Record.Seconds + seconds, 3),
                CanariesDue = Record.CanariesDue + due.Length, CanariesHeard = Record.CanariesHeard + heard.Count,
                FirstUnheard = Record.FirstUnheard ?? (unheard.Length > 0 ? unheard[0] : null),
                Failures = [.. Record.Failures, .. failures.Where(f => !part.IsPlanted(f))], Counts = new SortedDictionary<string, long>(_counts, StringComparer.Ordinal),
            };
        }

        public void Dispose() => _turns.Dispose();
    }

    /// <summary>A schedule that cannot be played is a failure of the night, not its end.</summary>
    private sealed class Guarded(ISwarm swarm) : ISwarm
    {
        public string Name => swarm.Name;
        public string Story => swarm.Story;

        public SwarmTrial Play(ulong seed)
        {
            try
            {
                return swarm.Play(seed);
            }
            catch (Exception e)
            {
                return new(Verdict.Unknown, new Discovery("harness", $"the schedule could not be played: {e}"), "", 0, []);
            }
        }
    }
}
