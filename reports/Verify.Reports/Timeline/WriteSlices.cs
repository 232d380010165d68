using Verify.Checks;

namespace Verify.Reports.Timeline;

/// <summary>Client writes per slice of time: one second, or longer where a run is long. A write counts when its answer came; one that
/// never got an answer, when it was called.</summary>
internal sealed record WriteSlices(string Name, double FromS, double SliceS, int Count, bool IsSql)
{
    private const int SlicesMax = 120;

    public static WriteSlices For(RunReading run, double fromS, double endS)
    {
        var slice = Math.Max(1, Math.Ceiling((endS - fromS) / SlicesMax));
        var isSql = run.Facts.History.Ops.Any(o => o.Kind == OpKind.SqlInsert);
        return new((isSql ? "inserts" : "KV writes") + (slice > 1 ? $" per {slice:0} s" : " per s"), fromS, slice, Math.Max(1, (int)Math.Ceiling((endS - fromS) / slice)), isSql);
    }

    public IReadOnlyList<Slice> Of(RunReading run, string dataCenter)
    {
        var counts = new int[Count, 3];
        foreach (var op in run.Facts.History.Ops.Where(o => o.DataCenter == dataCenter && IsCounted(o.Kind)))
        {
            var at = (op.ReturnedUs == long.MaxValue ? op.CalledUs : op.ReturnedUs) / 1e6;
            if (at < FromS) continue;
            counts[Math.Min(Count - 1, (int)((at - FromS) / SliceS)), op.Outcome switch { OpOutcome.Ok => 0, OpOutcome.Failed => 1, _ => 2 }]++;
        }

        return [.. Enumerable.Range(0, Count).Select(i =>
            new Slice(FromS + (i * SliceS), FromS + ((i + 1) * SliceS), counts[i, 0], counts[i, 1], counts[i, 2]))];
    }

    private bool IsCounted(OpKind kind) => IsSql ? kind == OpKind.SqlInsert : kind is OpKind.KvPut or OpKind.KvCas or OpKind.KvDelete;
}
