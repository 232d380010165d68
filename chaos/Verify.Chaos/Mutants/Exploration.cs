using Verify.Checks;

namespace Verify.Chaos.Mutants;

/// <summary>What came of playing many schedules.</summary>
/// <param name="Seconds">Until the first bad schedule was seen; without one, until the end.</param>
/// <param name="Seed">The lowest bad seed among those that were played.</param>
internal sealed record Exploration(long Schedules, long Undecided, double Seconds, ulong? Seed, Discovery? Discovery)
{
    public string? FirstUndecided { get; init; }

    /// <summary>Plays one schedule per seed from <paramref name="seedFrom"/> on, several side by side, until one is bad, or the time is
    /// over, or so many are done. A schedule that has begun is played to its end.</summary>
    public static Exploration Of(IHunt hunt, ulong seedFrom, long schedulesMax, TimeSpan budget, int jobs, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(jobs);
        var search = new Search(hunt, seedFrom, schedulesMax, budget, time);
        var workers = new Thread[jobs];
        for (var i = 0; i < jobs; i++)
        {
            workers[i] = new Thread(search.Work) { IsBackground = true, Name = $"{hunt.Name}-{i}" };
            workers[i].Start();
        }

        foreach (var worker in workers) worker.Join();
        return search.Result();
    }

    /// <summary>What the threads of one exploration share.</summary>
    private sealed class Search(IHunt hunt, ulong seedFrom, long schedulesMax, TimeSpan budget, TimeProvider time)
    {
        private readonly Lock _gate = new();
        private readonly long _start = time.GetTimestamp();
        private long _taken;
        private Exploration _sum = new(0, 0, 0, null, null);

        public void Work()
        {
            while (Take() is { } seed) Add(seed, hunt.Try(seed));
        }

        public Exploration Result() => _sum.Seed is null ? _sum with { Seconds = time.GetElapsedTime(_start).TotalSeconds } : _sum;

        private ulong? Take()
        {
            lock (_gate)
            {
                if (_sum.Seed is not null || _taken >= schedulesMax || time.GetElapsedTime(_start) >= budget) return null;
                return seedFrom + (ulong)_taken++;
            }
        }

        private void Add(ulong seed, Trial trial)
        {
            lock (_gate)
            {
                _sum = _sum with { Schedules = _sum.Schedules + 1 };
                if (trial.Verdict == Verdict.Unknown)
                    _sum = _sum with { Undecided = _sum.Undecided + 1, FirstUndecided = _sum.FirstUndecided ?? $"seed {seed}: {trial.Discovery?.What}" };
                if (trial.Verdict != Verdict.Invalid || seed > _sum.Seed) return;
                var seconds = _sum.Seed is null ? time.GetElapsedTime(_start).TotalSeconds : _sum.Seconds;
                _sum = _sum with { Seed = seed, Discovery = trial.Discovery, Seconds = seconds };
            }
        }
    }
}
