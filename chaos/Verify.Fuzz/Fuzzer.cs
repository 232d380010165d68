using System.Diagnostics;

namespace Verify.Fuzz;

/// <summary>What is asked of a run.</summary>
public sealed record FuzzOptions
{
    public long Inputs { get; init; } = 10_000_000;

    /// <summary>The number of the first input; to go on, or to play one again.</summary>
    public long First { get; init; }
    public ulong Seed { get; init; } = 1;
    public int Threads { get; init; } = 1;

    /// <summary>Where failing inputs are saved; null: nowhere.</summary>
    public string? Folder { get; init; }
    public Action<string> Say { get; init; } = _ => { };

    /// <summary>A read that takes longer than this is taken for endless.</summary>
    public TimeSpan HangTime { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>An input that a decoder must not answer like this.</summary>
/// <param name="Number">With the seed it makes the input again.</param>
public sealed record FuzzFailure(string Decoder, ulong Seed, long Number, string What, byte[] Input, string Detail);

/// <summary>What came of one decoder.</summary>
public sealed record FuzzResult(string Decoder, long Inputs, long Accepted, long Refused, double Seconds, long AllocatedBytesWorst, double MillisecondsWorst)
{
    /// <summary>The first one; null: none.</summary>
    public FuzzFailure? Failure { get; init; }
}

/// <summary>Feeds a decoder with mutated inputs. Each input is a function of seed and number alone. A finding is: an exception that is not
/// documented, more memory than the bound, or more time than the bound; a decoder that never comes back ends the run, and its
/// input is saved.</summary>
public sealed class Fuzzer(IDecoder decoder, FuzzOptions options)
{
    private const int LookMs = 100;
    private static readonly TimeSpan InputTimeMax = TimeSpan.FromMilliseconds(100);
    private readonly Lock _gate = new();
    private FuzzFailure? _failure;
    private volatile bool _isOver;

    public FuzzResult Run()
    {
        foreach (var good in decoder.Corpus)
        {
            if (Try(good, -1, new Tally()) is { } bad) return new(decoder.Name, 0, 0, 0, 0, 0, 0) { Failure = bad with { What = $"a good input is not read: {bad.What}" } };
        }

        var clock = Stopwatch.StartNew();
        var tallies = Enumerable.Range(0, options.Threads).Select(_ => new Tally()).ToArray();
        var threads = tallies.Select((tally, i) => new Thread(() => Work(i, tally)) { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        Watch(threads, tallies);
        return new(decoder.Name, tallies.Sum(t => t.Inputs), tallies.Sum(t => t.Accepted), tallies.Sum(t => t.Refused), clock.Elapsed.TotalSeconds,
            tallies.Max(t => t.AllocatedWorst), tallies.Max(t => t.TicksWorst) * 1000.0 / Stopwatch.Frequency) { Failure = _failure };
    }

    /// <summary>The input of a number.</summary>
    public static byte[] InputOf(IDecoder decoder, ulong seed, long number)
    {
        var dice = new InputDice(seed, number);
        var mutated = Mutation.Of(decoder.Corpus, ref dice);

        // Two of three get past lengths and checksums to what is behind them.
        return dice.Next(3) == 0 ? mutated : decoder.Sealed(mutated);
    }

    /// <summary>Null when the decoder behaves.</summary>
    public FuzzFailure? Try(byte[] input) => Try(input, -1, new Tally());

    private void Work(int thread, Tally tally)
    {
        for (var number = options.First + thread; number < options.First + options.Inputs && !_isOver; number += options.Threads)
        {
            var input = InputOf(decoder, options.Seed, number);
            Volatile.Write(ref tally.Current, number);
            if (Try(input, number, tally) is not { } failure) continue;
            lock (_gate)
            {
                if (_failure is null || failure.Number < _failure.Number) _failure = failure;
            }

            Save(failure);
            _isOver = true;
        }
    }

    private FuzzFailure? Try(byte[] input, long number, Tally tally)
    {
        var failure = Once(input, number, tally, out var ticks);
        if (failure is not null || ticks <= InputTimeMax.TotalSeconds * Stopwatch.Frequency) return failure;

        // The machine may have been busy: only what is slow each time is slow.
        for (var again = 0; again < 5; again++)
        {
            if (Once(input, number, new Tally(), out ticks) is { } now) return now;
            if (ticks <= InputTimeMax.TotalSeconds * Stopwatch.Frequency) return null;
        }

        return Failed(number, input, $"reading took {ticks * 1000 / Stopwatch.Frequency} ms, each of six times", "");
    }

    private FuzzFailure? Once(byte[] input, long number, Tally tally, out long ticks)
    {
        var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        Exception? thrown = null;
        var accepted = false;
        try
        {
            accepted = decoder.Read(input);
        }
        catch (Exception cause)
        {
            thrown = cause;
        }

        ticks = Stopwatch.GetTimestamp() - start;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        tally.Add(accepted, ticks, allocated);
        if (thrown is not null && !decoder.IsDocumented(thrown)) return Failed(number, input, $"{thrown.GetType().Name}: {thrown.Message}", thrown.ToString());
        return allocated > decoder.AllocatedBytesMax(input.Length)
            ? Failed(number, input, $"{allocated} bytes of memory were taken for an input of {input.Length}; the bound is {decoder.AllocatedBytesMax(input.Length)}", "")
            : null;
    }

    private FuzzFailure Failed(long number, byte[] input, string what, string detail) => new(decoder.Name, options.Seed, number, what, input, detail);

    private void Save(FuzzFailure failure)
    {
        if (options.Folder is null) return;
        Directory.CreateDirectory(options.Folder);
        var file = Path.Combine(options.Folder, $"{failure.Decoder}-seed{failure.Seed}-input{failure.Number}");
        File.WriteAllBytes(file + ".bin", failure.Input);
        File.WriteAllText(file + ".txt", $"{failure.What}\nplay again: verify-chaos fuzz --decoder {failure.Decoder} --seed {failure.Seed} --first {failure.Number} --inputs 1\n          or: verify-chaos fuzz --decoder {failure.Decoder} --replay {file}.bin\n{failure.Detail}\n");
    }

    /// <summary>Waits for the workers. One that hangs cannot be ended; it is left behind, and the run is over.</summary>
    private void Watch(Thread[] threads, Tally[] tallies)
    {
        var seen = tallies.Select(t => (t.Inputs, At: Stopwatch.GetTimestamp())).ToArray();
        var told = Stopwatch.StartNew();
        for (var i = 0; i < threads.Length;)
        {
            if (threads[i].Join(LookMs))
            {
                i++;
                continue;
            }

            for (var j = i; j < threads.Length; j++)
            {
                var inputs = Volatile.Read(ref tallies[j].Inputs);
                if (inputs != seen[j].Inputs || !threads[j].IsAlive) seen[j] = (inputs, Stopwatch.GetTimestamp());
                else if (Stopwatch.GetElapsedTime(seen[j].At) > options.HangTime)
                {
                    Hung(Volatile.Read(ref tallies[j].Current));
                    return;
                }
            }

            if (told.Elapsed < TimeSpan.FromSeconds(10)) continue;
            options.Say($"{decoder.Name}: {tallies.Sum(t => Volatile.Read(ref t.Inputs)):N0} of {options.Inputs:N0} inputs");
            told.Restart();
        }
    }

    private void Hung(long number)
    {
        var failure = Failed(number, InputOf(decoder, options.Seed, number), $"reading does not end within {options.HangTime.TotalSeconds:0} s", "");
        lock (_gate) _failure ??= failure;
        _isOver = true;
        Save(failure);
    }

    private sealed class Tally
    {
        public long Inputs;
        public long Current;

        public long Accepted { get; private set; }
        public long Refused { get; private set; }
        public long AllocatedWorst { get; private set; }
        public long TicksWorst { get; private set; }

        public void Add(bool accepted, long ticks, long allocated)
        {
            Volatile.Write(ref Inputs, Inputs + 1);
            if (accepted) Accepted++;
            else Refused++;
            AllocatedWorst = Math.Max(AllocatedWorst, allocated);
            TicksWorst = Math.Max(TicksWorst, ticks);
        }
    }
}
