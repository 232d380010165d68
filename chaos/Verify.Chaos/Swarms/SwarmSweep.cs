using System.Globalization;
using Verify.Checks;

namespace Verify.Chaos.Swarms;

/// <summary>A schedule that broke a promise, or proved nothing.</summary>
internal sealed record SwarmFailure(ulong Seed, Verdict Verdict, string Promise, string What, string Drawn)
{
    /// <summary>One of <see cref="Running.FailureClass"/>.</summary>
    public string FailureClass { get; init; } = "";
}

/// <summary>What came of a range of seeds. <see cref="Hash"/> is over all schedules in the order of their seeds.</summary>
internal sealed record SwarmRecord
{
    public required string Swarm { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required string Seeds { get; init; }
    public required int Jobs { get; init; }
    public required long Schedules { get; init; }
    public required double Seconds { get; init; }
    public required string Hash { get; init; }
    public required IReadOnlyList<SwarmFailure> Failures { get; init; }
    public required IReadOnlyDictionary<string, long> Counts { get; init; }
    public Verdict Verdict => Failures.Count == 0 ? (Schedules > 0 ? Verdict.Valid : Verdict.Unknown) : Failures.Max(f => f.Verdict);
}

/// <summary>Plays the schedules of many seeds, several side by side, and sums up.</summary>
internal sealed class SwarmSweep(ISwarm swarm, int jobs, int failuresMax, TimeProvider time, Action<string> tell)
{
    private static readonly TimeSpan Progress = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly List<SwarmFailure> _failures = [];
    private readonly long _start = time.GetTimestamp();
    private IReadOnlyList<ulong> _seeds = [];
    private ulong[] _hashes = [];
    private int _taken;
    private long _done;
    private TimeSpan _told;

    /// <summary>Nothing new is begun when this is true.</summary>
    public Func<bool> IsOver { get; init; } = () => false;

    /// <summary>Failures that are counted and kept like all others, and not told one by one.</summary>
    public Func<SwarmFailure, bool> IsQuiet { get; init; } = _ => false;

    /// <summary>So many of the seeds were played: the first ones.</summary>
    public int Taken => _taken;

    public (long Schedules, double Seconds, string Hash, IReadOnlyList<SwarmFailure> Failures, IReadOnlyDictionary<string, long> Counts) Play(IReadOnlyList<ulong> seeds)
    {
        (_seeds, _hashes) = (seeds, new ulong[seeds.Count]);
        var workers = new Thread[jobs];
        for (var i = 0; i < jobs; i++)
        {
            workers[i] = new Thread(Work) { IsBackground = true, Name = $"{swarm.Name}-{i}" };
            workers[i].Start();
        }

        foreach (var worker in workers) worker.Join();
        var hash = 0xCBF29CE484222325UL;
        foreach (var one in _hashes) hash = (hash ^ one) * 0x100000001B3UL;
        return (_done, time.GetElapsedTime(_start).TotalSeconds, hash.ToString("x16", CultureInfo.InvariantCulture), [.. _failures.OrderBy(f => f.Seed)], _counts);
    }

    private void Work()
    {
        while (Take() is { } at) Add(at, swarm.Play(_seeds[at]));
    }

    private int? Take()
    {
        lock (_gate) return _taken < _seeds.Count && _failures.Count < failuresMax && !IsOver() ? _taken++ : null;
    }

    private void Add(int at, SwarmTrial trial)
    {
        lock (_gate)
        {
            _done++;
            _hashes[at] = trial.Hash;
            foreach (var (name, count) in trial.Counts) _counts[name] = _counts.GetValueOrDefault(name) + count;
            if (trial.Verdict != Verdict.Valid)
            {
                var failure = new SwarmFailure(_seeds[at], trial.Verdict, trial.Discovery?.Promise ?? "", trial.Discovery?.What ?? "", trial.Drawn) { FailureClass = Traces.ClusterPlay.FailureClassOf(trial) };
                _failures.Add(failure);
                if (!IsQuiet(failure)) tell($"seed {failure.Seed}: {failure.Verdict} ({failure.FailureClass}): {failure.Promise}: {failure.What}\n  drawn: {failure.Drawn}");
            }

            var elapsed = time.GetElapsedTime(_start);
            if (elapsed - _told < Progress) return;
            _told = elapsed;
            tell(string.Create(CultureInfo.InvariantCulture, $"{_done} of {_seeds.Count} schedules, {_done / elapsed.TotalSeconds:0.#}/s, {_failures.Count} failed"));
        }
    }
}
