using System.Globalization;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Checks;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Bugbase;

/// <summary>How one schedule of an entry ended.</summary>
/// <param name="Departed">A trace of older code did not fit to its end; it was played as far as it fitted.</param>
internal sealed record BugbaseOutcome(string Entry, ulong Seed, bool IsAsExpected, Verdict Verdict, string FailureClass, string Check, string Observed, bool Departed);

/// <summary>Plays the bug base.</summary>
internal sealed class BugbaseRun(IReadOnlyList<BugbaseEntry> entries, int jobs, Action<string> tell)
{
    /// <summary>The files of a checkout, sorted by name.</summary>
    /// <exception cref="HarnessException">There is no such folder.</exception>
    public static IReadOnlyList<BugbaseEntry> Load(string folder) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*.yaml").Order(StringComparer.Ordinal).Select(BugbaseEntry.Read)]
        : throw new HarnessException($"there is no bug base at {folder}; say where with --folder");

    public static string UsualFolder => Path.Combine(Machine.CheckoutRoot() ?? ".", "chaos", "bugbase");

    /// <summary>Everything, several side by side.</summary>
    public IReadOnlyList<BugbaseOutcome> Play(CancellationToken cancel)
    {
        var tasks = entries.SelectMany(e => e.PlaysFile ? [(e, 0UL)] : SeedRange.Parse(e.Seeds).Select(seed => (Entry: e, Seed: seed))).ToArray();
        var outcomes = new BugbaseOutcome[tasks.Length];
        var (next, gate) = (-1, new Lock());
        void Work()
        {
            for (var at = Interlocked.Increment(ref next); at < tasks.Length && !cancel.IsCancellationRequested; at = Interlocked.Increment(ref next))
            {
                var (entry, seed) = tasks[at];
                var outcome = outcomes[at] = Play(entry, seed);
                lock (gate) tell(Line(outcome));
            }
        }

        var threads = Enumerable.Range(0, Math.Clamp(jobs, 1, Math.Max(1, tasks.Length))).Select(i => new Thread(Work, 16 << 20) { Name = $"bugbase {i}" }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        cancel.ThrowIfCancellationRequested();
        return outcomes;
    }

    private static BugbaseOutcome Play(BugbaseEntry entry, ulong seed)
    {
        var target = entry.PlaysFile ? PlayTarget.At(Path.Combine(entry.Folder, entry.Plays)) : PlayTarget.Of(entry.Plays, seed, entry.Shape, entry.Strategy, entry.FencingOff);
        var named = target.Recorded is { } trace ? new NamedReplay(trace.Choices, trace.Header.Seed, trace.Header.QuietOtherwise) : null;
        var played = target.Playable.Play(new() { Named = named });
        var isAsExpected = entry.ExpectsValid ? played.Verdict == Verdict.Valid : played.Verdict == Verdict.Invalid && played.Failed.Contains(entry.Broke, StringComparer.Ordinal);
        return new(entry.Name, entry.PlaysFile ? target.Recorded?.Header.Seed ?? 0 : seed, isAsExpected, played.Verdict, played.FailureClass, played.Check, played.Observed, named?.Departure is not null);
    }

    private static string Line(BugbaseOutcome o) => string.Create(CultureInfo.InvariantCulture,
        $"{(o.IsAsExpected ? "as expected" : "NOT EXPECTED"),-12} {o.Entry,-40} seed {o.Seed,-6} {Commands.Words.Of(o.Verdict)}"
        + $"{(o.FailureClass.Length > 0 ? $" ({o.FailureClass})" : "")}{(o.Check.Length > 0 ? $" {o.Check}: {o.Observed.Split('\n')[0].TrimEnd()}" : "")}{(o.Departed ? " (the trace no longer fits to its end)" : "")}");
}
