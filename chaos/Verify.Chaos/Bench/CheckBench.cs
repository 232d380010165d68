using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Checks.Linearizability;

namespace Verify.Chaos.Bench;

/// <summary>How long the linearizability checker takes, from calls in memory to the verdict: histories of a simulated register, in which
/// every call takes effect at a drawn moment of its interval.</summary>
internal sealed class CheckBench : IBench
{
    private const int FewValues = 5;

    public Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel)
    {
        var rounds = options.RoundsOr(15, 5);
        var figures = new List<Figure>();
        void Measure(string what, double goalSeconds, Verdict expected, Func<int, IReadOnlyList<Partition<RegisterCall>>> history)
        {
            var seconds = new List<double>();
            for (var round = 0; round <= rounds; round++)
            {
                cancel.ThrowIfCancellationRequested();
                var partitions = history(round);
                var start = Stopwatch.GetTimestamp();
                var result = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits()).Judge(partitions);
                var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (result.Verdict != expected) throw new HarnessException($"the checker says {result.Verdict} where {expected} is true: {what}, round {round}. Speed is of no interest until that is explained");
                if (round > 0) seconds.Add(took); // the first compiles
            }

            var spread = Spread.Of(seconds);
            figures.Add(new("check", what, "s", spread) { Goal = string.Create(CultureInfo.InvariantCulture, $"max < {goalSeconds:0} s"), ReachesGoal = spread.Max < goalSeconds });
            say(string.Create(CultureInfo.InvariantCulture, $"check: {what}: median {spread.Median * 1000:0} ms, max {spread.Max * 1000:0} ms"));
        }

        Measure("10,000 calls, 8 clients, one CAS register, 5 values", 1, Verdict.Valid, round => [new("r", Drawn(round, 10_000, FewValues))]);
        Measure("the same, every value written once", 1, Verdict.Valid, round => [new("r", Drawn(round, 10_000, values: 0))]);
        Measure("the same with one stale read: verdict and smallest part", 5, Verdict.Invalid, round => [new("r", WithStaleRead(Drawn(round, 10_000, values: 0)))]);
        Measure("100,000 calls, 1,000 keys, 8 clients each", 3, Verdict.Valid,
            round => [.. Enumerable.Range(0, 1_000).Select(k => new Partition<RegisterCall>($"k{k}", Drawn((round * 1_000) + k, 100, FewValues)))]);
        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }

    /// <param name="values">How many different values are written; 0: every write has a new one.</param>
    private static List<TimedCall<RegisterCall>> Drawn(int seed, int calls, int values)
    {
        const int Clients = 8;
        var dice = new Random(seed);
        var freeAt = new long[Clients];
        var moments = new List<(long EffectUs, int Id, long CalledUs, long ReturnedUs)>(calls);
        for (var id = 0; id < calls; id++)
        {
            var called = freeAt[id % Clients] + dice.Next(1, 50);
            var returned = freeAt[id % Clients] = called + dice.Next(10, 300);
            moments.Add((called + dice.NextInt64(0, returned - called + 1), id, called, returned));
        }

        moments.Sort();
        var state = RegisterModel.Absent;
        var history = new List<TimedCall<RegisterCall>>(calls);
        foreach (var (_, id, called, returned) in moments)
        {
            var value = values == 0 ? id + 1 : dice.Next(1, values + 1);
            var expected = dice.Next(2) == 0 ? state : dice.Next(1, Math.Max(2, values + 1));
            var call = dice.Next(3) switch
            {
                0 => new RegisterCall(RegisterCallKind.Read, state),
                1 => new RegisterCall(RegisterCallKind.Write, value),
                _ when expected == state => new RegisterCall(RegisterCallKind.Cas, value, expected),
                _ => new RegisterCall(RegisterCallKind.CasRefused, RegisterModel.Absent, expected),
            };
            state = call.Kind is RegisterCallKind.Write or RegisterCallKind.Cas ? call.Value : state;
            history.Add(new(call, called, returned, IsOptional: false, id));
        }

        history.Sort((a, b) => (a.CalledUs, a.Id).CompareTo((b.CalledUs, b.Id)));
        return history;
    }

    /// <summary>In the middle, a read answers what was overwritten long before.</summary>
    private static List<TimedCall<RegisterCall>> WithStaleRead(List<TimedCall<RegisterCall>> history)
    {
        var read = history.FindIndex(history.Count / 2, c => c.Call.Kind == RegisterCallKind.Read);
        var stale = history.FindLastIndex(read - 400, c => c.Call.Kind == RegisterCallKind.Write);
        history[read] = history[read] with { Call = history[read].Call with { Value = history[stale].Call.Value } };
        return history;
    }
}
