using System.Globalization;
using System.Text;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Sim;

/// <summary>What two equal runs had in common.</summary>
/// <param name="Failure">What the run ended with, when it failed; it failed twice in the same way.</param>
public sealed record RunTwiceResult(ulong Hash, long Events, long Micros, Exception? Failure);

/// <summary>Same seed, same trace hash, or something in the world is not determined by its choices. Says which event was the first to
/// differ, and who handed work to the thread pool.</summary>
public sealed class RunTwice(ulong seed, SimOptions options, TimeSpan limit, Func<SimWorld, Task> main)
{
    private const int LinesBefore = 5;

    /// <summary>Who decides the order; random actors when null.</summary>
    public Func<IChoiceSource, IActorScheduler>? Strategy { get; init; }

    /// <exception cref="DivergenceException">The runs differed, or work left the world for the thread pool or the real clock.</exception>
    public RunTwiceResult Check()
    {
        var (first, _) = RunOnce(keepAll: false);
        var (second, _) = RunOnce(keepAll: false);
        return AreSame(first, second) ? first : throw Divergence(first, second);
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

    /// <summary>As <see cref="Compare"/>, of two traces that were written to files, by line; they may be longer than memory.</summary>
    public static string CompareTexts(IEnumerable<string> first, IEnumerable<string> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var before = new Queue<string>();
        using var left = first.GetEnumerator();
        using var right = second.GetEnumerator();
        for (var at = 0; ; at++)
        {
            var mine = left.MoveNext() ? left.Current : null;
            var other = right.MoveNext() ? right.Current : null;
            if (mine is null && other is null) return "";
            if (string.Equals(mine, other, StringComparison.Ordinal))
            {
                before.Enqueue(mine!);
                if (before.Count > LinesBefore) before.Dequeue();
                continue;
            }

            var text = new StringBuilder();
            text.AppendLine(CultureInfo.InvariantCulture, $"the first difference is line {at} of the trace");
            foreach (var line in before) text.Append("    both:   ").AppendLine(line);
            text.Append("    first:  ").AppendLine(mine ?? "(ended)");
            text.Append("    second: ").AppendLine(other ?? "(ended)");
            return text.ToString();
        }
    }

    private (RunTwiceResult Result, IReadOnlyList<TraceLine> Lines) RunOnce(bool keepAll) => WorldThread.Run(() =>
    {
        using var watch = new PoolWatch();
        watch.Begin();
        var choices = new DiceChoices(seed);
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

        watch.End();
        if (watch.FirstStack is { } stack)
            throw new DivergenceException($"seed {seed}: something left the world for the thread pool or the real clock:{Environment.NewLine}{stack}");
        return (new RunTwiceResult(world.Trace.Hash, world.Trace.Events, world.NowMicros, failure), (IReadOnlyList<TraceLine>)[.. world.Trace.Lines]);
    });

    private static bool AreSame(RunTwiceResult one, RunTwiceResult other) =>
        one.Hash == other.Hash && one.Events == other.Events && one.Micros == other.Micros
        && one.Failure?.GetType() == other.Failure?.GetType();

    private static string Describe(RunTwiceResult result) =>
        $"hash {result.Hash:x16}, {result.Events} events, {Trace.TimeText(result.Micros)}{(result.Failure is null ? "" : $", {result.Failure.GetType().Name}")}";

    private static string Text(TraceLine line) => $"{Trace.TimeText(line.Micros)}  #{line.Step}  {line.What}";
}

/// <summary>Two runs of the same seed were not the same run.</summary>
public sealed class DivergenceException(string message) : Exception(message);
