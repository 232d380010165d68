using System.Globalization;
using System.Text;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Sim;

/// <summary>What two equal runs had in common.</summary>
/// <param name="Failure">What the run ended with, when it failed; it failed twice in the same way.</param>
public sealed record RunTwiceResult(ulong Hash, long Events, long Micros, Exception? Failure);

/// <summary>Same seed, same trace hash, or something in the world is not determined by its choices. Says which event was the first to
/// differ. Run alone it also sees work that went to the thread pool.</summary>
public sealed class RunTwice(ulong seed, SimOptions options, TimeSpan limit, Func<SimWorld, Task> main)
{
    private const int LinesBefore = 5;
    private const int PoolAttempts = 10;

    /// <summary>Who decides the order; random actors when null.</summary>
    public Func<IChoiceSource, IActorScheduler>? Strategy { get; init; }

    /// <summary>True when nothing else runs in this process: then the thread pool must not have worked either.</summary>
    public bool IsAlone { get; init; }

    /// <exception cref="DivergenceException">The runs differed, or the thread pool worked in every one of several runs.</exception>
    public RunTwiceResult Check()
    {
        var poolWork = long.MaxValue;
        var first = Measured(ref poolWork);
        var second = Measured(ref poolWork);
        if (!AreSame(first, second)) throw Divergence(first, second);

        // The test host itself may use the pool now and then; what the world does it does every time.
        for (var attempt = 2; IsAlone && poolWork > 0 && attempt < PoolAttempts; attempt++) Measured(ref poolWork);
        if (!IsAlone || poolWork == 0) return first;
        throw new DivergenceException(
            $"seed {seed}: the thread pool did work in each of {PoolAttempts} runs (at least {poolWork} items): something left the scheduler");
    }

    private RunTwiceResult Measured(ref long poolWorkMin)
    {
        var before = PoolWorkItems();
        var (result, _) = RunOnce(keepAll: false);
        poolWorkMin = Math.Min(poolWorkMin, PoolWorkItems() - before);
        return result;
    }

    /// <summary>Once more with every line kept, to name the first difference.</summary>
    private DivergenceException Divergence(RunTwiceResult first, RunTwiceResult second)
    {
        var (third, linesOfThird) = RunOnce(keepAll: true);
        var (fourth, linesOfFourth) = RunOnce(keepAll: true);
        var difference = AreSame(third, fourth)
            ? "a third and a fourth run agreed with each other; the difference does not show every time"
            : Compare(linesOfThird, linesOfFourth);
        return new DivergenceException(
            $"seed {seed} ran twice with different results ({Describe(first)} and {Describe(second)}): {difference}");
    }

    /// <summary>The first line in which two traces differ, with what came before; empty when they are equal.</summary>
    public static string Compare(IReadOnlyList<TraceLine> first, IReadOnlyList<TraceLine> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var at = 0;
        while (at < first.Count && at < second.Count && first[at] == second[at]) at++;
        if (at == first.Count && at == second.Count) return "";
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"the first difference is line {at} of the trace");
        for (var i = Math.Max(0, at - LinesBefore); i < at; i++) text.Append("    both:   ").AppendLine(Text(first[i]));
        text.Append("    first:  ").AppendLine(at < first.Count ? Text(first[at]) : "(ended)");
        text.Append("    second: ").AppendLine(at < second.Count ? Text(second[at]) : "(ended)");
        return text.ToString();
    }

    private (RunTwiceResult Result, IReadOnlyList<TraceLine> Lines) RunOnce(bool keepAll) => WorldThread.Run(() =>
    {
        var choices = new SeededChoices(seed);
        var strategy = Strategy?.Invoke(choices) ?? new RandomActors(choices);
        using var world = new SimWorld(options with { KeepWholeTrace = keepAll }, choices, strategy);
        Exception? failure = null;
        try
        {
            world.Run(() => main(world), limit);
        }
        catch (Exception e)
        {
            failure = e;
        }

        return (new RunTwiceResult(world.Trace.Hash, world.Trace.Events, world.NowMicros, failure), (IReadOnlyList<TraceLine>)[.. world.Trace.Lines]);
    });

    private static bool AreSame(RunTwiceResult one, RunTwiceResult other) =>
        one.Hash == other.Hash && one.Events == other.Events && one.Micros == other.Micros
        && one.Failure?.GetType() == other.Failure?.GetType();

    private static string Describe(RunTwiceResult result) =>
        $"hash {result.Hash:x16}, {result.Events} events, {Trace.TimeText(result.Micros)}{(result.Failure is null ? "" : $", {result.Failure.GetType().Name}")}";

    private static string Text(TraceLine line) => $"{Trace.TimeText(line.Micros)}  #{line.Step}  {line.What}";

#pragma warning disable RS0030 // Only looks whether the pool worked; posts nothing to it.
    private static long PoolWorkItems() => ThreadPool.CompletedWorkItemCount;
#pragma warning restore RS0030
}

/// <summary>Two runs of the same seed were not the same run.</summary>
public sealed class DivergenceException(string message) : Exception(message);
