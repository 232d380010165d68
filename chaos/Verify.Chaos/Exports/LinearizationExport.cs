using Verify.Chaos.Explaining;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Checks.Timelines;
using Verify.Reports.Linearization;

namespace Verify.Chaos.Exports;

/// <summary>The failing key of a run's history as a page to look at: who asked when, the longest order that was found, and where it ends.</summary>
internal static class LinearizationExport
{
    public const string FileName = "linearizability.html";
    private const int CallsMax = 160;
    private static readonly TimeSpan SearchTimeMax = TimeSpan.FromSeconds(60);

    /// <exception cref="HarnessException">Every key can be put in order, or time ran out.</exception>
    public static string Render(RunAccount account)
    {
        var failure = new LinearizableKvCheck(new SearchLimits { Time = SearchTimeMax, Parallelism = 1 }).FailureIn(account.Ops)
            ?? throw new HarnessException($"{account.Title}: every key of this history can be put in order (or the search ran out of time): there is no failure to draw");
        return Render(account, failure);
    }

    /// <summary>The same for a failure that was found already.</summary>
    public static string Render(RunAccount account, KvFailure failure) => LinearizationPage.Html(StoryOf(account, failure));

    private static LinearizationStory StoryOf(RunAccount account, KvFailure failure)
    {
        var (from, to) = (failure.Smallest.Min(o => o.CalledUs), failure.Smallest.Max(o => o.ReturnedUs == long.MaxValue ? o.CalledUs : o.ReturnedUs));
        var near = failure.Calls.Where(o => o.CalledUs <= to && o.ReturnedUs >= from).ToList();
        var shown = near.Count <= CallsMax ? near : [.. failure.Smallest.Concat(near.TakeLast(CallsMax)).Distinct().OrderBy(o => o.CalledUs)];
        // The rest of the search was at work on what lies before the picture; its order is kept, its drawing is not.
        var steps = new List<LinearizationStep>();
        var state = (string?)null;
        foreach (var op in failure.Longest)
        {
            if (KvContradiction.Writes(op)) state = op.Kind == OpKind.KvDelete ? null : op.Value;
            steps.Add(new(op.Id, state is null ? "nothing" : $"'{state}'"));
        }

        var smallest = failure.Smallest.Select(o => o.Id).ToHashSet();
        return new()
        {
            Title = account.Title, Key = failure.Key, Why = KvContradiction.Of(failure), CallsCount = failure.Calls.Count, SmallestCount = failure.Smallest.Count,
            Calls = [.. shown.Select(o => new LinearizationCall(o.Id, $"client {o.Client}", o.CalledUs, o.ReturnedUs == long.MaxValue || o.Outcome == OpOutcome.Unknown ? null : o.ReturnedUs,
                Short(o), $"client {o.Client}{(o.DataCenter.Length > 0 ? $" ({o.DataCenter})" : "")} {KvContradiction.Words(o)}{(o.By.Length > 0 ? $", answered by {o.By}" : "")}, {o.Outcome}", smallest.Contains(o.Id)))],
            Steps = steps,
            Faults = [.. FaultWindow.Of(account.Facts()).Where(f => f.Span.ToUs >= from && f.Span.FromUs <= to).Select(f => (f.Span.FromUs, f.Span.ToUs, $"{f.Fault} {string.Join(" | ", f.Sides.Select(s => string.Join(", ", s)))}"))],
        };
    }

    private static string Short(Op op) => op.Kind switch
    {
        OpKind.KvGet => $"read {op.Value ?? "nothing"}",
        OpKind.KvPut => $"write {op.Value}",
        OpKind.KvDelete => "delete",
        _ when op.CasRefused => $"not {op.Expected ?? "nothing"}",
        _ => $"{op.Expected ?? "nothing"} to {op.Value}",
    };
}
